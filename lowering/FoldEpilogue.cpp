//===- FoldEpilogue.cpp - elementwise users become epilogue steps ---------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeMovement.h"
#include "lowering/JoinQuantizers.h"
#include "lowering/Passes.h"
#include "lowering/Thresholds.h"
#include "lowering/UnitLayers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

namespace ulq {
#define GEN_PASS_DEF_FOLDEPILOGUE
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

//===----------------------------------------------------------------------===//
// A value as the transposed and reshaped result of a layer
//===----------------------------------------------------------------------===//

/// The dimension of a reshaped tensor that keeps dimension `axis` of `from`:
/// equal extent, equal number of elements inside. -1 where there is none.
int64_t reshapedAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                     int64_t axis) {
  int64_t inner = ShapedType::getNumElements(from.drop_front(axis + 1));
  for (int64_t d = to.size() - 1; d >= 0; --d)
    if (to[d] == from[axis] &&
        ShapedType::getNumElements(to.drop_front(d + 1)) == inner)
      return d;
  return -1;
}

struct LayerView {
  LayerOp layer;
  SmallVector<Operation *> chain; // from the layer's result to the value
  int64_t channelAxis = 3;        // the layer's channels in the value

  /// The view that ends in `value`; between layer and value nothing else uses
  /// the intermediate results.
  static std::optional<LayerView> of(Value value) {
    LayerView view;
    while (Operation *op = value.getDefiningOp()) {
      if ((view.layer = dyn_cast<LayerOp>(op)))
        break;
      if (!isa<TransposeOp, ReshapeOp>(op) || !op->getOperand(0).hasOneUse())
        return std::nullopt;
      view.chain.push_back(op);
      value = op->getOperand(0);
    }
    if (!view.layer || view.layer.getNumResults() != 1)
      return std::nullopt;
    std::reverse(view.chain.begin(), view.chain.end());
    for (Operation *op : view.chain)
      view.channelAxis = view.follow(op, view.channelAxis);
    return view;
  }

  /// `value` (of the layer's shape) seen through the same operations.
  Value apply(OpBuilder &builder, Value value) const {
    Type element = tensorElement(value.getType());
    for (Operation *op : chain) {
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      value = builder
                  .create(op->getLoc(), op->getName().getIdentifier(), value,
                          type.clone(element), op->getAttrs())
                  ->getResult(0);
    }
    return value;
  }

  /// `value` (of the view's shape) in the layer's shape.
  Value invert(OpBuilder &builder, Value value) const {
    for (Operation *op : llvm::reverse(chain)) {
      auto type = cast<RankedTensorType>(op->getOperand(0).getType())
                      .clone(tensorElement(value.getType()));
      auto transpose = dyn_cast<TransposeOp>(op);
      if (!transpose) {
        value = builder.createOrFold<ReshapeOp>(op->getLoc(), type, value);
        continue;
      }
      SmallVector<int64_t> inverse(transpose.getPerm().size());
      for (auto [i, dim] : llvm::enumerate(transpose.getPerm()))
        inverse[dim] = i;
      value = builder.createOrFold<TransposeOp>(op->getLoc(), type, value,
                                                ArrayRef<int64_t>(inverse));
    }
    return value;
  }

private:
  static int64_t follow(Operation *op, int64_t axis) {
    if (axis < 0)
      return axis;
    if (auto transpose = dyn_cast<TransposeOp>(op))
      return llvm::find(transpose.getPerm(), axis) -
             transpose.getPerm().begin();
    return reshapedAxis(tensorShape(op->getOperand(0).getType()),
                        tensorShape(op->getResult(0).getType()), axis);
  }
};

/// A copy of `layer` with another epilogue and other result elements.
LayerOp rebuild(OpBuilder &builder, LayerOp layer, ArrayRef<Type> elements,
                ValueRange addends, ArrayRef<Attribute> steps) {
  SmallVector<Type> types;
  ArrayRef<int64_t> shape = layer.getGeometry().getOutput();
  for (Type element : elements)
    types.push_back(RankedTensorType::get(shape, element));
  auto copy = LayerOp::create(builder, layer.getLoc(), TypeRange(types),
                              layer.getInput(), layer.getWeights(), addends,
                              layer.getGeometry());
  copy->setAttrs(layer->getAttrDictionary());
  copy.setEpilogueAttr(builder.getArrayAttr(steps));
  return copy;
}

//===----------------------------------------------------------------------===//
// Steps of elementwise operations
//===----------------------------------------------------------------------===//

/// A step, and the dimension that its arrays run along (-1: none).
struct Step {
  Attribute attribute;
  int64_t axis = -1;
};

int64_t axisIf(bool perChannel, int64_t axis) { return perChannel ? axis : -1; }

/// The step of a unary elementwise operation, or a null attribute.
Step unaryStep(Operation *op) {
  MLIRContext *context = op->getContext();
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case([&](AffineOp a) -> Step {
        return {
            AffineStepAttr::get(context, a.getScaleAttr(), a.getOffsetAttr()),
            axisIf(a.getScale().size() > 1 || a.getOffset().size() > 1,
                   a.getAxis())};
      })
      .Case([&](ClampOp a) -> Step {
        if (!tensorElement(a.getType()).isF32())
          return {};
        return {ClampStepAttr::get(context, a.getMinAttr(), a.getMaxAttr())};
      })
      .Case([&](LeakyReluOp a) -> Step {
        return {LeakyStepAttr::get(context, a.getAlphaAttr())};
      })
      .Case([&](QuantizeOp a) -> Step {
        return {QuantizeStepAttr::get(
                    context, a.getScaleAttr(), a.getZeroPointAttr(), a.getMin(),
                    a.getMax(), a.getRoundingAttr(), a.getZeroPointFirst()),
                axisIf(a.getScale().size() > 1 || a.getZeroPoint().size() > 1,
                       a.getAxis())};
      })
      .Case([&](DequantizeOp a) -> Step {
        return {DequantizeStepAttr::get(context, a.getScaleAttr(),
                                        a.getZeroPointAttr()),
                axisIf(a.getScale().size() > 1 || a.getZeroPoint().size() > 1,
                       a.getAxis())};
      })
      .Case([&](ThresholdOp a) -> Step {
        int64_t count = a.getCount(), held = a.getValues().size();
        return {ThresholdStepAttr::get(context, a.getValuesAttr(), count,
                                       a.getFalling(), a.getStart()),
                axisIf(held != count, a.getAxis())};
      })
      .Default(Step());
}

bool yieldsCodes(Operation *op) { return isa<QuantizeOp, ThresholdOp>(op); }

/// An elementwise operation on the only use of a layer's result.
struct AbsorbUnary : RewritePattern {
  explicit AbsorbUnary(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    Step step = unaryStep(op);
    if (!step.attribute)
      return failure();
    Value input = op->getOperand(0);
    std::optional<LayerView> view = LayerView::of(input);
    if (!view || (step.axis >= 0 && step.axis != view->channelAxis))
      return failure();
    bool shared = !input.hasOneUse();
    if (shared && !yieldsCodes(op))
      return failure();
    if (shared && tensorElement(input.getType()) != rewriter.getF32Type())
      return failure();
    SmallVector<Attribute> steps(view->layer.getEpilogue().getValue());
    steps.push_back(step.attribute);
    SmallVector<Type> elements;
    if (shared)
      elements.push_back(rewriter.getF32Type());
    elements.push_back(tensorElement(op->getResult(0).getType()));
    rewriter.setInsertionPoint(view->layer);
    LayerOp layer = rebuild(rewriter, view->layer, elements,
                            view->layer.getAddends(), steps);
    rewriter.replaceOp(op, view->apply(rewriter, layer.getOutputs().back()));
    if (shared)
      rewriter.replaceAllUsesWith(
          input, view->apply(rewriter, layer.getOutputs().front()));
    return success();
  }
};

/// A residual sum on the only use of a layer's float result.
struct AbsorbAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    // A side that comes as codes is the cheaper one to read back.
    bool rhsCodes = op.getRhs().getDefiningOp<DequantizeOp>() != nullptr;
    Value first = rhsCodes ? op.getLhs() : op.getRhs();
    Value second = rhsCodes ? op.getRhs() : op.getLhs();
    if (succeeded(absorb(op, first, second, rewriter)))
      return success();
    return absorb(op, second, first, rewriter);
  }

  static LogicalResult absorb(AddOp op, Value sum, Value other,
                              PatternRewriter &rewriter) {
    std::optional<LayerView> view = LayerView::of(sum);
    if (!view || !sum.hasOneUse())
      return failure();
    LayerOp layer = view->layer;
    double scale = 1, offset = 0;
    // A difference is the sum with -1 times the codes.
    auto affine = other.getDefiningOp<AffineOp>();
    bool scaled = affine && affine.getScale().size() == 1 &&
                  affine.getOffset().size() == 1 && !affine.getOffset()[0];
    auto dequantize =
        (scaled ? affine.getInput() : other).getDefiningOp<DequantizeOp>();
    bool codes = dequantize && dequantize.getScale().size() == 1 &&
                 dequantize.getZeroPoint().size() == 1 &&
                 isCodeType(tensorElement(dequantize.getInput().getType()));
    if (codes) {
      scale = dequantize.getScale()[0] * (scaled ? affine.getScale()[0] : 1);
      offset = -dequantize.getZeroPoint()[0] * scale;
      other = dequantize.getInput();
    }
    SmallVector<Value> addends(layer.getAddends());
    SmallVector<Attribute> steps(layer.getEpilogue().getValue());
    steps.push_back(AddStepAttr::get(op.getContext(), addends.size(),
                                     rewriter.getF64FloatAttr(scale),
                                     rewriter.getF64FloatAttr(offset)));
    addends.push_back(view->invert(rewriter, other));
    // The layer moves down to where its addend is known.
    LayerOp moved =
        rebuild(rewriter, layer, rewriter.getF32Type(), addends, steps);
    rewriter.replaceOp(op, view->apply(rewriter, moved.getResult(0)));
    return success();
  }
};

struct FoldEpiloguePass : ulq::impl::FoldEpilogueBase<FoldEpiloguePass> {
  void runOnOperation() override {
    joinQuantizers(getOperation());
    RewritePatternSet set(&getContext());
    set.add<AbsorbUnary, AbsorbAdd>(&getContext());
    populateLookupPatterns(set);
    populateTransposeSinkPatterns(set);
    FrozenRewritePatternSet patterns(std::move(set));
    // Products first: what they take needs no layer of its own.
    if (failed(applyPatternsGreedily(getOperation(), patterns)) ||
        (insertUnitLayers(getOperation()) &&
         failed(applyPatternsGreedily(getOperation(), patterns))))
      return signalPassFailure();
    // Producers first: dropping a producer's codes rewrites its consumers'
    // steps before these are solved.
    SmallVector<LayerOp> layers;
    getOperation().walk([&](LayerOp layer) { layers.push_back(layer); });
    for (LayerOp layer : layers)
      finish(layer);
  }

  static void finish(LayerOp layer) {
    if (succeeded(solveThresholds(layer))) {
      dropUnreachedCodes(layer);
      return;
    }
    layer.setEpilogueAttr(mergeAffines(layer.getEpilogue()));
  }
};

} // namespace
