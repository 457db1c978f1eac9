//===- Dot.cpp - products of bytes, four at a time ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Any widths. Rows are expanded to one byte per code, weights to signed bytes
// in panels [depth / 4][outputs][4], so that one vector holds four reduction
// elements of each of its outputs, and dot4 multiplies it by four codes of one
// row. A tile keeps its i32 accumulators in registers over the whole depth.
//
// Panels are unpacked once per workgroup. 8-bit weights stand in the program
// as panels already.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kDot = 4; // bytes of one product

/// Layers of up to so many rows have panels twice as wide.
constexpr int64_t kSmallRows = 2;

CodePanel panelOf(int64_t weightBits, int64_t depth, int64_t outputs) {
  return CodePanel(weightBits, depth * outputs);
}

int64_t largestWeight(int64_t base, int64_t largest) {
  return std::max(std::abs(base), std::abs(largest));
}

/// The expansion of one multiply_tile.
struct DotTile {
  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, depth, vectorBytes;
  VectorType bytes, words;

  DotTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), depth(op.getDepth()),
        vectorBytes(isa.vectorBytes), bytes(emit.integers(vectorBytes, 8)),
        words(emit.integers(vectorBytes / kDot, 32)) {}

  /// Bytes of one step of four reduction elements, and its vectors.
  int64_t stepBytes() const { return outputs * kDot; }
  int64_t vectors() const { return stepBytes() / vectorBytes; }

  /// acc[row][v] += row's four codes at `lhs` by weights[v].
  void accumulate(MutableArrayRef<Value> accumulators, Pointer lhs,
                  ArrayRef<Value> weights) {
    int64_t maxRhs = std::clamp<int64_t>(op.getLargestWeight(), 1, 128);
    int64_t maxLhs = std::clamp<int64_t>(op.getMaxCode(), 1, 255);
    for (int64_t row = 0; row < rows; ++row) {
      Value splat =
          emit.loadSplat(words, emit.advance(lhs, row * op.getRowBytes()));
      Value codes = emit.bitcast(splat, bytes);
      for (auto [v, weight] : llvm::enumerate(weights)) {
        Value &acc = accumulators[row * vectors() + v];
        acc = Dot4Op::create(emit.builder, emit.loc, words, acc, codes, weight,
                             maxLhs, maxRhs);
      }
    }
  }

  /// Weights stand in memory as signed bytes.
  SmallVector<Value> multiplyPanel(ValueRange starts) {
    auto body = [&](Value step, ValueRange carried) {
      Pointer rhs =
          emit.advance({op.getRhs(), op.getRhsOffset()}, step, stepBytes());
      Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, step, kDot);
      SmallVector<Value> weights;
      for (int64_t v = 0; v < vectors(); ++v)
        weights.push_back(emit.load(bytes, emit.advance(rhs, v * vectorBytes)));
      SmallVector<Value> accumulators(carried);
      accumulate(accumulators, lhs, weights);
      return accumulators;
    };
    return emit.loop(emit.index(0), emit.index(depth / kDot), 1, starts, body);
  }

  SmallVector<Value> startValues() {
    SmallVector<Value> first(vectors(), emit.zero(words));
    for (int64_t v = 0; op.getStartValues() && v < vectors(); ++v)
      first[v] =
          emit.load(words, emit.advance({op.getTables(), op.getTablesOffset()},
                                        v * vectorBytes));
    SmallVector<Value> starts;
    for (int64_t row = 0; row < rows; ++row)
      llvm::append_range(starts, first);
    return starts;
  }

  void expand() {
    SmallVector<Value> sums = multiplyPanel(startValues());
    Pointer target{op.getTarget(), op.getTargetOffset()};
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(sum, emit.advance(target, i * vectorBytes));
    op.erase();
  }
};

struct DotKernel final : Kernel {
  StringRef name() const override { return "dot"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }
  bool accumulatesCodes() const override { return false; }
  bool panelsAreWords() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.codeBits > 8 || shape.weightBits > 8 || isa.dot4Cycles == 0)
      return std::nullopt;
    if (shape.minWeight() < INT8_MIN || shape.maxWeight() > INT8_MAX)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    int64_t weight = largestWeight(shape.minWeight(), shape.maxWeight());
    if (shape.maxCode * weight > INT32_MAX / depth)
      return std::nullopt;

    bool fast = isa.wideDot4 || 2 * shape.maxCode * weight <= INT16_MAX;
    TileLimits limits = dotLimits(isa, fast);
    limits.smallRows = kSmallRows;
    Candidate tile = chooseTile(shape, limits);

    // 1.27: measured share of the peak, with the lower clock of multiplies.
    double dotCycles = 1.27 * isa.dot4Cycles * (fast ? 1.0 : 2.0);
    double unpackCycles = shape.weightBits > 4 ? 0.0 : 3.0 / shape.rows;
    double padding = double(depth) / double(shape.taps * shape.channels);
    tile.cyclesPerMac *= padding * (dotCycles + unpackCycles) / isa.vectorBytes;
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t codes = shape.taps * shape.tapBytes() * shape.codesPerByte();
    int64_t depth = llvm::alignTo(codes, kDot);
    return {/*expand=*/true, /*rowBytes=*/int64_t(llvm::alignTo(depth, 64)),
            depth};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    int64_t depth = rowFormat(shape).depth;
    CodePanel panel = panelOf(shape.weightBits, depth, tile.outputs);
    return packDotPanels(shape, tile, panel, weights);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    int64_t depth = rowFormat(shape).depth;
    return panelOf(shape.weightBits, depth, tile.outputs).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const override {
    int64_t depth = rowFormat(shape).depth;
    CodePanel panel = panelOf(shape.weightBits, depth, tile.outputs);
    return panel.width == 8 ? 0 : panel.paddedCodes();
  }

  void expandUnpack(OpBuilder &builder, UnpackWeightsOp op,
                    const IsaTraits &isa) const override {
    Emitter emit{builder, op.getLoc()};
    CodePanel panel =
        panelOf(op.getWeightBits(), op.getDepth(), op.getKernel().getOutputs());
    unpackBytes(emit, op, panel, isa.vectorBytes);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    DotTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getDotKernels() {
  static const DotKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
