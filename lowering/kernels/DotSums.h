//===- DotSums.h - what kernels of products of bytes have in common -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Rows are expanded to one byte per code, weights to signed bytes in panels
// [depth / 4][outputs][4], so that one vector holds four reduction elements of
// each of its outputs, and is multiplied by four codes of one row.
//
// Panels are unpacked once per workgroup; 8-bit weights stand in the program
// as panels already.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_DOTSUMS_H
#define ULQ_LOWERING_KERNELS_DOTSUMS_H

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"

namespace ulq {

/// The expansion of one multiply_tile of products of bytes.
class DotSums {
protected:
  static constexpr int64_t kDot = 4; // reduction elements of a step

  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, depth, vectorBytes;
  mlir::VectorType bytes, words;

  DotSums(mlir::OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), depth(op.getDepth()),
        vectorBytes(isa.vectorBytes), bytes(emit.integers(vectorBytes, 8)),
        words(emit.integers(vectorBytes / kDot, 32)) {}
  ~DotSums() = default;

  /// Bytes of one step, and its vectors.
  int64_t stepBytes() const { return outputs * kDot; }
  int64_t vectors() const { return stepBytes() / vectorBytes; }

  Pointer lhs() { return {op.getLhs(), op.getLhsOffset()}; }
  Pointer rhs() { return {op.getRhs(), op.getRhsOffset()}; }
  /// Where the results of accumulator i stand.
  Pointer place(int64_t i) {
    return emit.advance({op.getTarget(), op.getTargetOffset()},
                        i * vectorBytes);
  }

  /// Bounds of codes and weights that the register operations take.
  int64_t maxLhs() {
    return std::clamp<int64_t>(op.getMaxCode(), 1, UINT8_MAX);
  }
  int64_t maxRhs() {
    return std::clamp<int64_t>(op.getLargestWeight(), 1, -INT8_MIN);
  }

  /// Four codes of a row, for all outputs.
  mlir::Value loadCodes(Pointer step, int64_t row) {
    Pointer place = emit.advance(step, row * op.getRowBytes());
    return emit.bitcast(emit.loadSplat(words, place), bytes);
  }
  /// A step of a panel of signed bytes.
  llvm::SmallVector<mlir::Value> loadWeights(Pointer step) {
    llvm::SmallVector<mlir::Value> weights;
    for (int64_t v = 0; v < vectors(); ++v)
      weights.push_back(emit.load(bytes, emit.advance(step, v * vectorBytes)));
    return weights;
  }

  /// sums[row][v] += row's four codes at `step` by weights[v].
  void addStep(Pointer step, llvm::ArrayRef<mlir::Value> weights,
               llvm::MutableArrayRef<mlir::Value> sums) {
    for (int64_t row = 0; row < rows; ++row) {
      mlir::Value codes = loadCodes(step, row);
      for (auto [v, weight] : llvm::enumerate(weights)) {
        mlir::Value &sum = sums[row * vectors() + v];
        sum = Dot4Op::create(emit.builder, emit.loc, words, sum, codes, weight,
                             maxLhs(), maxRhs());
      }
    }
  }

  /// What the accumulators [rows][vectors] start from.
  llvm::SmallVector<mlir::Value> startValues() {
    llvm::SmallVector<mlir::Value> first(vectors(), emit.zero(words));
    for (int64_t v = 0; op.getStartValues() && v < vectors(); ++v)
      first[v] =
          emit.load(words, emit.advance({op.getTables(), op.getTablesOffset()},
                                        v * vectorBytes));
    llvm::SmallVector<mlir::Value> starts;
    for (int64_t row = 0; row < rows; ++row)
      llvm::append_range(starts, first);
    return starts;
  }
};

/// A kernel that multiplies bytes: its panels, and gathered rows.
class DotPanelKernel : public Kernel {
public:
  bool accumulatesCodes() const final { return false; }
  bool panelsAreWords() const override { return true; }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t codes = shape.taps * shape.tapBytes() * shape.codesPerByte();
    int64_t depth = llvm::alignTo(codes, kDot);
    return {/*expand=*/true, /*rowBytes=*/int64_t(llvm::alignTo(depth, 64)),
            depth};
  }

  llvm::SmallVector<uint8_t>
  packWeights(const LayerShape &shape, const Candidate &tile, const IsaTraits &,
              llvm::ArrayRef<int32_t> weights) const override {
    return packDotPanels(shape, tile, panelOf(shape, tile), weights);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const final {
    return panelOf(shape, tile).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const final {
    CodePanel panel = panelOf(shape, tile);
    return panel.width == 8 ? 0 : panel.paddedCodes();
  }

  void expandUnpack(mlir::OpBuilder &builder, UnpackWeightsOp op,
                    const IsaTraits &isa) const final {
    Emitter emit{builder, op.getLoc()};
    CodePanel panel(op.getWeightBits(),
                    op.getDepth() * op.getKernel().getOutputs());
    unpackBytes(emit, op, panel, isa.vectorBytes);
  }

protected:
  static constexpr int64_t kDot = 4; // reduction elements of a word

  CodePanel panelOf(const LayerShape &shape, const Candidate &tile) const {
    return CodePanel(shape.weightBits, rowFormat(shape).depth * tile.outputs);
  }

  /// Whether all codes and weights are bytes whose sums fit 32 bits.
  bool isExact(const LayerShape &shape) const {
    return shape.codeBits <= 8 && shape.weightBits <= 8 &&
           shape.minWeight() >= INT8_MIN && shape.maxWeight() <= INT8_MAX &&
           shape.maxCode * shape.largestWeight() <=
               INT32_MAX / rowFormat(shape).depth;
  }

  /// Relative cost of what the padding of the depth adds.
  double padding(const LayerShape &shape) const {
    return double(rowFormat(shape).depth) / double(shape.taps * shape.channels);
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_DOTSUMS_H
