//===- Dot16.cpp - products of bytes, summed in 16 bits -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Where codes and weights are small, some of their products fit 16 bits
// together: fewer instructions than sums of 32 bits, on CPUs without a dot
// product. Rows and panels are those of DotSums.h.
//
// A block of steps is summed in 16 bits, then added to i32 sums.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DotSums.h"

using namespace mlir;

namespace ulq {

namespace {

/// The expansion of one multiply_tile.
class Dot16Tile final : DotSums {
public:
  Dot16Tile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : DotSums(builder, op, isa),
        halves(emit.integers(vectorBytes / kPairs, 16)) {}

  void expand() {
    int64_t steps = depth / kDot;
    int64_t block = int64_t(op.getFlushInterval()) / kPairs;
    int64_t whole = steps / block * block;
    if (block <= kUnrolledSteps)
      sumUnrolled(block, whole);
    else
      sumRolled(block, whole);
    op.erase();
  }

private:
  static constexpr int64_t kPairs = 2; // products of a lane in one step
  /// Weights of so many steps stay in registers beside i32 sums.
  static constexpr int64_t kUnrolledSteps = 4;

  Value dot2(Value sum, Value codes, Value weights, int64_t stepsBefore) {
    return Dot2Op::create(emit.builder, emit.loc, halves, sum, codes, weights,
                          stepsBefore * kPairs * maxLhs() * maxRhs(), maxLhs(),
                          maxRhs());
  }
  Value widenAdd(Value sum, Value pairs) {
    return WidenAddOp::create(emit.builder, emit.loc, words, sum, pairs);
  }

  //===--- few steps: i32 sums in registers -----------------------------===//

  void sumUnrolled(int64_t block, int64_t whole) {
    auto body = [&](Value step, ValueRange carried) {
      return addUnrolled(emit.advance(lhs(), step, kDot),
                         emit.advance(rhs(), step, stepBytes()), block,
                         carried);
    };
    SmallVector<Value> sums =
        emit.loop(emit.index(0), emit.index(whole), block, startValues(), body);
    if (int64_t left = depth / kDot - whole)
      sums = addUnrolled(emit.advance(lhs(), whole * kDot),
                         emit.advance(rhs(), whole * stepBytes()), left, sums);
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(sum, place(i));
  }

  SmallVector<Value> addUnrolled(Pointer codes, Pointer panel, int64_t steps,
                                 ValueRange before) {
    SmallVector<SmallVector<Value>> weights;
    for (int64_t step = 0; step < steps; ++step)
      weights.push_back(loadWeights(emit.advance(panel, step * stepBytes())));
    SmallVector<Value> sums(before);
    for (int64_t row = 0; row < rows; ++row) {
      SmallVector<Value> pairs(vectors(), emit.zero(halves));
      for (int64_t step = 0; step < steps; ++step) {
        Value four = loadCodes(emit.advance(codes, step * kDot), row);
        for (int64_t v = 0; v < vectors(); ++v)
          pairs[v] = dot2(pairs[v], four, weights[step][v], step);
      }
      for (int64_t v = 0; v < vectors(); ++v) {
        Value &sum = sums[row * vectors() + v];
        sum = widenAdd(sum, pairs[v]);
      }
    }
    return sums;
  }

  //===--- many steps: 16-bit sums in registers, i32 sums in the target -===//

  void sumRolled(int64_t block, int64_t whole) {
    for (auto [i, start] : llvm::enumerate(startValues()))
      emit.store(start, place(i));
    emit.loop(emit.index(0), emit.index(whole), block, [&](Value step) {
      addRolled(emit.advance(lhs(), step, kDot),
                emit.advance(rhs(), step, stepBytes()), block);
    });
    if (int64_t left = depth / kDot - whole)
      addRolled(emit.advance(lhs(), whole * kDot),
                emit.advance(rhs(), whole * stepBytes()), left);
  }

  void addRolled(Pointer codes, Pointer panel, int64_t steps) {
    auto body = [&](Value step, ValueRange carried) {
      SmallVector<Value> sums(carried);
      SmallVector<Value> weights =
          loadWeights(emit.advance(panel, step, stepBytes()));
      for (int64_t row = 0; row < rows; ++row) {
        Value four = loadCodes(emit.advance(codes, step, kDot), row);
        for (int64_t v = 0; v < vectors(); ++v) {
          Value &sum = sums[row * vectors() + v];
          sum = dot2(sum, four, weights[v], steps - 1);
        }
      }
      return sums;
    };
    SmallVector<Value> zeros(rows * vectors(), emit.zero(halves));
    SmallVector<Value> sums =
        emit.loop(emit.index(0), emit.index(steps), 1, zeros, body);
    emit.keepRolled(sums);
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(widenAdd(emit.load(words, place(i)), sum), place(i));
  }

  VectorType halves;
};

struct Dot16Kernel final : DotPanelKernel {
  StringRef name() const override { return "dot16"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot2};
    return ops;
  }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    int64_t product = shape.maxCode * shape.largestWeight();
    int64_t steps = dot2Steps(isa, product);
    // One step at a time is what dot does; few rows wait for their weights.
    if (steps < 2 || shape.rows <= kSmallRows || !isExact(shape))
      return std::nullopt;
    Candidate tile = chooseTile(shape, dotLimits(isa, /*fast=*/true));
    double unpackCycles = shape.weightBits > 4 ? 0.0 : 3.0 / shape.rows;
    tile.cyclesPerMac *= padding(shape) *
                         (dot2Cycles(isa, product) + unpackCycles) /
                         isa.vectorBytes;
    tile.narrowBits = 16;
    tile.flushInterval = 2 * steps;
    return tile;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    Dot16Tile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getDot16Kernels() {
  static const Dot16Kernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
