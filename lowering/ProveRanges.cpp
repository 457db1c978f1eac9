//===- ProveRanges.cpp - bound every accumulator --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Layers.h"
#include "lowering/Passes.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_PROVERANGES
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// Codes of 8 bits or fewer hold a value in low .. high of that many levels.
constexpr int64_t kMostLevels = 256;

int64_t minOf(ArrayRef<int32_t> values) { return *llvm::min_element(values); }
int64_t maxOf(ArrayRef<int32_t> values) { return *llvm::max_element(values); }

void replaceWeights(LayerOp op, ArrayRef<int32_t> weights) {
  ArrayRef<int64_t> shape = tensorShape(op.getWeights().getType());
  OpBuilder builder(op);
  auto type = RankedTensorType::get(shape, builder.getI16Type());
  SmallVector<int16_t> narrow(weights.begin(), weights.end());
  auto value = DenseElementsAttr::get(type, ArrayRef<int16_t>(narrow));
  Operation *old = op.getWeights().getDefiningOp();
  op.getWeightsMutable().assign(
      ConstantOp::create(builder, old->getLoc(), type, value));
  if (old->use_empty())
    old->erase();
}

/// Adds weightZero to the weights where they stay signed bytes of no more
/// bits: then no row sums are needed.
void foldWeightZero(LayerOp op, SmallVectorImpl<int32_t> &weights) {
  if (!op.getWeightZero())
    return;
  ArrayRef<int32_t> zero = *op.getWeightZero();
  size_t depth = weights.size() / zero.size();
  SmallVector<int32_t> sums;
  for (auto [i, weight] : llvm::enumerate(weights))
    sums.push_back(weight + zero[i / depth]);
  int64_t before = maxOf(weights) - minOf(weights);
  int64_t after = maxOf(sums) - minOf(sums);
  bool isFloat = tensorElement(op.getInput().getType()).isF32();
  bool bytes = minOf(sums) >= -128 && maxOf(sums) <= 127;
  bool wider = llvm::Log2_64_Ceil(after + 1) > llvm::Log2_64_Ceil(before + 1);
  if (isFloat ? after >= kMostLevels : !bytes || wider)
    return;
  weights = sums;
  op.removeWeightZeroAttr();
  replaceWeights(op, weights);
}

/// Moves weights that no signed byte holds next to 0 and keeps the sums equal:
/// dot products multiply signed bytes.
void centre(LayerOp op, SmallVectorImpl<int32_t> &weights) {
  int64_t min = minOf(weights), max = maxOf(weights);
  if ((min >= -128 && max <= 127) || max - min >= kMostLevels)
    return;
  int64_t shift = min + 128;
  for (int32_t &weight : weights)
    weight -= shift;
  SmallVector<int32_t> zero(op.getGeometry().getOutput()[3], 0);
  if (std::optional<ArrayRef<int32_t>> given = op.getWeightZero())
    zero.assign(given->begin(), given->end());
  for (int32_t &value : zero)
    value += shift;
  op.setWeightZero(zero);
  replaceWeights(op, weights);
}

/// The narrowest code that holds every weight.
LogicalResult setWeightCode(LayerOp op, ArrayRef<int32_t> weights) {
  int64_t min = minOf(weights), max = maxOf(weights), step = 0;
  for (int32_t weight : weights)
    step = std::gcd(step, weight - min);
  step = std::max<int64_t>(step, 1);
  int64_t levels = (max - min) / step + 1;
  int64_t bits = std::max<int64_t>(1, llvm::Log2_64_Ceil(levels));
  if (bits > 8)
    return op.emitOpError("expected weights of at most 8 bits, got ")
           << min << " to " << max;
  op.setWeightBits(bits);
  op.setWeightBase(min);
  op.setWeightStep(step);
  op.setWeightLevels(levels);
  return success();
}

LogicalResult setAccumulatorRange(LayerOp op, int64_t min, int64_t max) {
  // One value is spared at each end: thresholds are compared by `>`, with the
  // accumulator complemented where they descend.
  if (min <= -llvm::maxIntN(32) || max >= llvm::maxIntN(32))
    return op.emitOpError("expected accumulators of at most 32 bits, got ")
           << min << " to " << max;
  op.setAccumulatorMin(min);
  op.setAccumulatorMax(max);
  return success();
}

/// The least and the largest sum of weight * code over one output channel,
/// every code being free in 0 .. maxCode.
LogicalResult setAccumulatorRange(LayerOp op, ArrayRef<int32_t> weights,
                                  int64_t maxCode) {
  int64_t channels = op.getGeometry().getOutput()[3];
  int64_t depth = static_cast<int64_t>(weights.size()) / channels;
  int64_t min = 0, max = 0;
  for (int64_t n = 0; n < channels; ++n) {
    int64_t zero = op.getWeightZero() ? (*op.getWeightZero())[n] : 0;
    int64_t negative = 0, positive = 0;
    for (int32_t weight : weights.slice(n * depth, depth)) {
      negative += std::min<int64_t>(weight + zero, 0);
      positive += std::max<int64_t>(weight + zero, 0);
    }
    min = std::min(min, negative * maxCode);
    max = std::max(max, positive * maxCode);
  }
  return setAccumulatorRange(op, min, max);
}

/// Integer weights of an f32 layer are stored as codes where 8 bits hold them.
LogicalResult proveFloat(LayerOp op) {
  op.setWeightBits(32);
  if (tensorElement(op.getWeights().getType()).isF32())
    return success();
  std::optional<SmallVector<int32_t>> weights =
      constantElements(op.getWeights(), /*asFloat=*/false);
  if (!weights || weights->empty())
    return op.emitOpError("expected constant weights");
  foldWeightZero(op, *weights);
  if (op.getWeightZero() || maxOf(*weights) - minOf(*weights) >= kMostLevels)
    return success();
  return setWeightCode(op, *weights);
}

/// Moves computed codes by `weightBase` into signed bytes: by all of weightZero
/// where that fits, so that no row sums are needed.
void centreComputed(LayerOp op, int64_t largest) {
  int64_t zero = op.getWeightZero() ? op.getWeightZero()->front() : 0;
  int64_t base = std::clamp<int64_t>(zero, -128, 127 - largest);
  op.removeWeightZeroAttr();
  if (zero != base)
    op.setWeightZero(SmallVector<int32_t>(op.getGeometry().getOutput()[3],
                                          static_cast<int32_t>(zero - base)));
  op.setWeightBase(base);
  op.setWeightStep(1);
  op.setWeightLevels(largest + 1);
}

/// Every code of both operands is free.
LogicalResult proveComputed(LayerOp op) {
  Type element = tensorElement(op.getWeights().getType());
  op.setWeightBits(element.getIntOrFloatBitWidth());
  if (element.isF32())
    return success();
  int64_t depth = op.getGeometry().getInput()[3];
  int64_t largest = largestCode(op.getWeights());
  int64_t maxCode = largestCode(op.getInput());
  op.setMaxCode(maxCode);
  centreComputed(op, largest);
  int64_t low = *op.getWeightBase(), high = low + largest;
  if (op.getWeightZero()) {
    low += op.getWeightZero()->front();
    high += op.getWeightZero()->front();
  }
  int64_t first = -op.getInputZero().value_or(0), last = first + maxCode;
  auto [min, max] = std::minmax(
      {first * low, first * high, last * low, last * high, int64_t(0)});
  return setAccumulatorRange(op, min * depth, max * depth);
}

LogicalResult proveRange(LayerOp op) {
  if (op.getComputedWeights())
    return proveComputed(op);
  if (tensorElement(op.getInput().getType()).isF32())
    return proveFloat(op);
  Type element = tensorElement(op.getWeights().getType());
  std::optional<SmallVector<int32_t>> weights =
      constantElements(op.getWeights(), /*asFloat=*/false);
  if (!weights || weights->empty() || element.isF32())
    return op.emitOpError("expected constant integer weights");
  foldWeightZero(op, *weights);
  centre(op, *weights);
  int64_t maxCode = std::max<int64_t>(largestCode(op.getInput()),
                                      static_cast<int64_t>(op.getPadCode()));
  op.setMaxCode(maxCode);
  if (failed(setWeightCode(op, *weights)))
    return failure();
  return setAccumulatorRange(op, *weights, maxCode);
}

struct ProveRangesPass : ulq::impl::ProveRangesBase<ProveRangesPass> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](LayerOp op) {
      return failed(proveRange(op)) ? WalkResult::interrupt()
                                    : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
