//===- Dot.cpp - products of bytes, four at a time ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Any widths, on the rows and panels of DotSums.h. A tile keeps its i32
// accumulators in registers over the whole depth.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DotSums.h"

using namespace mlir;

namespace ulq {

namespace {

/// The expansion of one multiply_tile.
class DotTile final : DotSums {
public:
  DotTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : DotSums(builder, op, isa) {}

  void expand() {
    auto body = [&](Value step, ValueRange carried) {
      SmallVector<Value> sums(carried);
      addStep(emit.advance(lhs(), step, kDot),
              loadWeights(emit.advance(rhs(), step, stepBytes())), sums);
      return sums;
    };
    SmallVector<Value> sums = emit.loop(emit.index(0), emit.index(depth / kDot),
                                        1, startValues(), body);
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(sum, place(i));
    op.erase();
  }
};

struct DotKernel final : DotPanelKernel {
  StringRef name() const override { return "dot"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (isa.dot4Cycles == 0 || !isExact(shape))
      return std::nullopt;
    int64_t product = shape.maxCode * shape.largestWeight();
    TileLimits limits = dotLimits(isa, isFastDot4(isa, product));
    limits.smallRows = kSmallRows;
    Candidate tile = chooseTile(shape, limits);

    double unpackCycles = shape.weightBits > 4 ? 0.0 : 3.0 / shape.rows;
    tile.cyclesPerMac *= padding(shape) *
                         (dot4Cycles(isa, product) + unpackCycles) /
                         isa.vectorBytes;
    return tile;
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
