//===- HoistQuantizers.cpp - quantizers before pools and concats ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "lowering/CodeMovement.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ulq;

namespace {

bool isElementwise(Operation *op) {
  return isa_and_nonnull<AffineOp, ClampOp, LeakyReluOp, QuantizeOp,
                         DequantizeOp, ThresholdOp, RoundOp>(op);
}

/// True where the elementwise operation never falls.
bool rises(Operation *op) {
  if (auto affine = dyn_cast<AffineOp>(op))
    return llvm::all_of(affine.getScale(), [](double a) { return a >= 0; });
  if (auto leaky = dyn_cast<LeakyReluOp>(op))
    return !leaky.getAlpha().isNegative();
  if (auto threshold = dyn_cast<ThresholdOp>(op))
    return threshold.getFalling() == 0;
  return true;
}

/// The dimension that constants of the operation run along.
int64_t axisOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case<AffineOp, QuantizeOp, DequantizeOp, ThresholdOp>(
          [](auto own) { return int64_t(own.getAxis()); })
      .Default([](Operation *) { return -1; });
}

/// The elementwise operations that end in a dequantized quantizer, first one
/// first; between them nothing else uses the values.
struct Quantizer {
  SmallVector<Operation *> chain;

  static std::optional<Quantizer> endingIn(DequantizeOp last) {
    Quantizer found;
    Operation *op = last;
    do {
      found.chain.push_back(op);
      op = op->getOperand(0).hasOneUse() ? op->getOperand(0).getDefiningOp()
                                         : nullptr;
    } while (isElementwise(op));
    if (found.chain.size() < 2 || !isa<QuantizeOp, ThresholdOp>(found.chain[1]))
      return std::nullopt;
    std::reverse(found.chain.begin(), found.chain.end());
    return found;
  }

  Value input() const { return chain.front()->getOperand(0); }

  /// The chain on `value`, whose channels along `axis` are `part` of those that
  /// the chain has constants for.
  Value apply(PatternRewriter &rewriter, Value value, int64_t axis = -1,
              std::pair<int64_t, int64_t> part = {}) const {
    for (Operation *op : chain) {
      ArrayRef<int64_t> shape = tensorShape(value.getType());
      Operation *copy = rewriter.clone(*op);
      copy->setOperand(0, value);
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      copy->getResult(0).setType(type.clone(shape));
      if (axis >= 0)
        takePart(copy, axis, part);
      value = copy->getResult(0);
    }
    return value;
  }

private:
  /// Constants along `axis`: those of a part, from its first to its extent.
  static void takePart(Operation *op, int64_t axis,
                       std::pair<int64_t, int64_t> part) {
    if (axisOf(op) != axis)
      return;
    auto threshold = dyn_cast<ThresholdOp>(op);
    int64_t each = threshold ? int64_t(threshold.getCount()) : 1;
    for (StringRef name : {"scale", "offset", "zeroPoint", "values"}) {
      auto array = op->getAttrOfType<DenseF64ArrayAttr>(name);
      if (array && array.size() > each)
        op->setAttr(name, DenseF64ArrayAttr::get(
                              op->getContext(),
                              array.asArrayRef().slice(part.first * each,
                                                       part.second * each)));
    }
  }
};

/// Whether `value`, which nothing else uses, is a product with elementwise
/// operations on it: a quantizer would become part of that layer.
bool isProduct(Value value) {
  while (value.hasOneUse()) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<Conv2DOp, MatmulOp, AvgPoolOp>(op))
      return true;
    if (auto add = dyn_cast_or_null<AddOp>(op))
      return isProduct(add.getLhs()) || isProduct(add.getRhs());
    if (auto concat = dyn_cast_or_null<ConcatOp>(op))
      return llvm::all_of(concat.getInputs(), isProduct);
    if (!isElementwise(op) &&
        !isa_and_nonnull<TransposeOp, ReshapeOp, SliceOp, PadOp, MaxPoolOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// Whether the quantizer's operations may stand before the pool: they never
/// fall.
bool commutes(const Quantizer &quantizer, MaxPoolOp) {
  return llvm::all_of(quantizer.chain, rises);
}
/// Their constants run along dimensions that stay whole.
bool commutes(const Quantizer &quantizer, SliceOp slice) {
  ArrayRef<int64_t> from = tensorShape(slice.getInput().getType());
  ArrayRef<int64_t> to = tensorShape(slice.getType());
  return llvm::all_of(quantizer.chain, [&](Operation *step) {
    int64_t axis = axisOf(step);
    return axis < 0 || from[axis] == to[axis];
  });
}

/// quantizer(op(x)) of a product x: op(quantizer(x)).
template <typename MoveOp>
struct QuantizeBefore : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Quantizer> quantizer = Quantizer::endingIn(op);
    if (!quantizer)
      return failure();
    auto before = quantizer->input().getDefiningOp<MoveOp>();
    if (!before || !before->hasOneUse() || !isProduct(before.getInput()) ||
        !commutes(*quantizer, before))
      return failure();
    rewriter.setInsertionPoint(before);
    auto moved = cast<MoveOp>(rewriter.clone(*before));
    rewriter.setInsertionPoint(moved);
    moved.getInputMutable().set(quantizer->apply(rewriter, before.getInput()));
    rewriter.replaceOp(op, moved);
    return success();
  }
};

/// quantizer(concat(a, b)): concat(quantizer(a), quantizer(b)).
struct QuantizeBeforeConcat : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Quantizer> quantizer = Quantizer::endingIn(op);
    if (!quantizer)
      return failure();
    auto concat = quantizer->input().getDefiningOp<ConcatOp>();
    if (!concat || !concat->hasOneUse())
      return failure();
    int64_t axis = concat.getAxis(), first = 0;
    SmallVector<Value> inputs;
    for (Value input : concat.getInputs()) {
      int64_t extent = tensorShape(input.getType())[axis];
      inputs.push_back(
          quantizer->apply(rewriter, input, axis, {first, extent}));
      first += extent;
    }
    rewriter.replaceOpWithNewOp<ConcatOp>(op, op.getType(), inputs, axis);
    return success();
  }
};

} // namespace

void ulq::populateHoistQuantizerPatterns(RewritePatternSet &patterns) {
  patterns.add<QuantizeBefore<MaxPoolOp>, QuantizeBefore<SliceOp>,
               QuantizeBeforeConcat>(patterns.getContext());
}
