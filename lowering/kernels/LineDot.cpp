//===- LineDot.cpp - products of bytes, windows read in place -------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// The products of Dot.cpp without gathered rows: the taps of a kernel line are
// neighbours in a padded line of the input, so that a window is a few runs of
// bytes. Each run is filled up to a multiple of 4 codes by the codes that
// follow it, which meet weights of 0.
//
// It pays where windows overlap, and most where channels are few, as in the
// first layer of a network.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DotSums.h"

using namespace mlir;

namespace ulq {

namespace {

/// The expansion of one multiply_tile.
class LineDotTile final : DotSums {
public:
  LineDotTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : DotSums(builder, op, isa),
        lineSteps(depth / kDot / int64_t(op.getTapLines())) {}

  void expand() {
    auto line = [&](Value number, ValueRange carried) {
      Pointer codes = emit.advance(lhs(), number, op.getLineBytes());
      Pointer weights = emit.advance(rhs(), number, lineSteps * stepBytes());
      auto step = [&](Value step, ValueRange carried) {
        SmallVector<Value> sums(carried);
        addStep(emit.advance(codes, step, kDot),
                loadWeights(emit.advance(weights, step, stepBytes())), sums);
        return sums;
      };
      return emit.loop(emit.index(0), emit.index(lineSteps), 1, carried, step);
    };
    SmallVector<Value> sums = emit.loop(
        emit.index(0), emit.index(op.getTapLines()), 1, startValues(), line);
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(sum, place(i));
    op.erase();
  }

private:
  int64_t lineSteps; // of four codes in a kernel line
};

struct LineDotKernel final : DotPanelKernel {
  StringRef name() const override { return "line_dot"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }
  bool readsLines() const override { return true; }
  bool panelsAreWords() const override { return false; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    GeometryAttr g = shape.geometry;
    // A window of one pixel is a row already.
    if (shape.computed || g.getGroups() != 1 || shape.taps == 1 ||
        g.getDilations()[1] != 1 || isa.dot4Cycles == 0 || !isExact(shape) ||
        !fillCode(shape))
      return std::nullopt;
    LayerShape line = shape;
    line.rows = g.getOutput()[2];
    int64_t product = shape.maxCode * shape.largestWeight();
    Candidate tile = chooseTile(line, dotLimits(isa, isFastDot4(isa, product)));
    // The rest of a line is a tile as large as the others.
    double rest = double(llvm::alignTo(line.rows, tile.rows)) / line.rows;
    double unpackCycles = shape.weightBits > 4 ? 0.0 : 3.0 / shape.rows;
    tile.cyclesPerMac *= rest * padding(shape) *
                         (dot4Cycles(isa, product) + unpackCycles) /
                         isa.vectorBytes;
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    ArrayRef<int64_t> strides = shape.geometry.getStrides();
    return {/*expand=*/true,
            /*rowBytes=*/tapCodes(shape) * strides[0] * strides[1],
            /*depth=*/shape.geometry.getKernel()[0] * lineCodes(shape),
            /*pairs=*/false, /*channelOrder=*/true};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    CodePanel panel = panelOf(shape, tile);
    int64_t columns = shape.geometry.getKernel()[1];
    int64_t depth = rowFormat(shape).depth;
    auto pack = [&](MutableArrayRef<uint8_t> bytes, int64_t lane,
                    ArrayRef<int32_t> weights) {
      SmallVector<uint8_t> codes(depth, *fillCode(shape));
      for (auto [i, weight] : llvm::enumerate(weights)) {
        int64_t tap = int64_t(i) / shape.channels;
        int64_t k = tap / columns * lineCodes(shape) +
                    tap % columns * tapCodes(shape) + i % shape.channels;
        codes[k] = panel.width == 8
                       ? weight
                       : (weight - shape.weightBase) / shape.weightStep;
      }
      for (auto [k, code] : llvm::enumerate(codes))
        panel.insert(
            bytes, (int64_t(k) / kDot * tile.outputs + lane) * kDot + k % kDot,
            code);
    };
    return packPanels(shape, tile, panel.packedBytes(), weights, pack);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    LineDotTile(builder, op, isa).expand();
  }

private:
  static int64_t tapCodes(const LayerShape &shape) {
    return shape.tapBytes() * shape.codesPerByte();
  }
  static int64_t lineCodes(const LayerShape &shape) {
    return llvm::alignTo(shape.geometry.getKernel()[1] * tapCodes(shape), kDot);
  }

  /// What stands in the panel for a weight of 0; none where that is no weight
  /// and there are codes to meet it.
  static std::optional<uint8_t> fillCode(const LayerShape &shape) {
    if (shape.weightBits > 4 ||
        lineCodes(shape) == shape.geometry.getKernel()[1] * tapCodes(shape))
      return 0;
    int64_t code = -shape.weightBase / shape.weightStep;
    if (shape.weightBase % shape.weightStep || code < 0 ||
        code >= shape.weightLevels)
      return std::nullopt;
    return code;
  }
};

} // namespace

ArrayRef<const Kernel *> getLineDotKernels() {
  static const LineDotKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
