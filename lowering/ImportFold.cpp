//===- ImportFold.cpp - one form for every written quantizer --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeMovement.h"
#include "lowering/Layers.h"
#include "lowering/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace ulq {
#define GEN_PASS_DEF_IMPORTFOLD
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

//===----------------------------------------------------------------------===//
// Clip
//===----------------------------------------------------------------------===//

/// clamp(quantize(x)) on codes: the quantizer's own range.
struct ClampQuantized : OpRewritePattern<ClampOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ClampOp op,
                                PatternRewriter &rewriter) const override {
    auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
    if (!quantize)
      return failure();
    double min = std::ceil(op.getMin().convertToDouble());
    double max = std::floor(op.getMax().convertToDouble());
    int64_t low = std::max<double>(int64_t(quantize.getMin()), min);
    int64_t high = std::min<double>(int64_t(quantize.getMax()), max);
    if (low > high)
      return failure();
    auto narrowed = cast<QuantizeOp>(rewriter.clone(*quantize));
    narrowed.setMin(low);
    narrowed.setMax(high);
    rewriter.replaceOp(op, narrowed);
    return success();
  }
};

/// clamp(constant codes): other constant codes.
struct ClampConstant : OpRewritePattern<ClampOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ClampOp op,
                                PatternRewriter &rewriter) const override {
    DenseIntElementsAttr value;
    if (!matchPattern(op.getInput(), m_Constant(&value)))
      return failure();
    Type element = tensorElement(op.getType());
    bool isSigned = !cast<IntegerType>(element).isUnsigned();
    double min = op.getMin().convertToDouble();
    double max = op.getMax().convertToDouble();
    auto clamped = value.mapValues(
        value.getElementType(), [&](const APInt &code) -> APInt {
          double real = isSigned ? double(code.getSExtValue())
                                 : double(code.getZExtValue());
          double kept = std::min(std::max(real, min), max);
          return APInt(code.getBitWidth(), static_cast<int64_t>(kept),
                       isSigned);
        });
    rewriter.replaceOpWithNewOp<ConstantOp>(op, op.getType(),
                                            cast<ElementsAttr>(clamped));
    return success();
  }
};

/// clamp(clamp(x)), as Min(Max(x)) is written: one clamp.
struct ClampOfClamp : OpRewritePattern<ClampOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ClampOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ClampOp>();
    if (!inner)
      return failure();
    double min = op.getMin().convertToDouble();
    double max = op.getMax().convertToDouble();
    auto bounded = [&](const APFloat &bound) {
      double value = std::min(std::max(bound.convertToDouble(), min), max);
      return rewriter.getF64FloatAttr(value);
    };
    rewriter.replaceOpWithNewOp<ClampOp>(op, op.getType(), inner.getInput(),
                                         bounded(inner.getMin()),
                                         bounded(inner.getMax()));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Quantizers written as arithmetic
//===----------------------------------------------------------------------===//

/// clamp(round(x)) and round(clamp(x)) with integer bounds of at most 8 bits:
/// a quantizer with scale 1 and its dequantize.
LogicalResult rewriteRound(Operation *root, Value input, ClampOp clamp,
                           RoundOp round, PatternRewriter &rewriter) {
  double min = clamp.getMin().convertToDouble();
  double max = clamp.getMax().convertToDouble();
  if (!isIntegral(min) || !isIntegral(max) || max - min > 255 ||
      max - min < 1 ||
      !cast<RankedTensorType>(input.getType()).getElementType().isF32())
    return failure();
  int64_t largest = static_cast<int64_t>(max - min);
  SmallVector<double> one = {1.0}, zero = {-min};
  auto quantize = QuantizeOp::create(
      rewriter, root->getLoc(), unsignedCodes(input, largest), input, one, zero,
      0, 0, largest, round.getRounding(), /*zeroPointFirst=*/false);
  rewriter.replaceOpWithNewOp<DequantizeOp>(root, root->getResultTypes()[0],
                                            quantize, one, zero, 0);
  return success();
}

struct ClampOfRound : OpRewritePattern<ClampOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ClampOp op,
                                PatternRewriter &rewriter) const override {
    auto round = op.getInput().getDefiningOp<RoundOp>();
    if (!round)
      return failure();
    return rewriteRound(op, round.getInput(), op, round, rewriter);
  }
};

struct RoundOfClamp : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op,
                                PatternRewriter &rewriter) const override {
    auto clamp = op.getInput().getDefiningOp<ClampOp>();
    if (!clamp)
      return failure();
    return rewriteRound(op, clamp.getInput(), clamp, op, rewriter);
  }
};

/// round(clamp(x) * a), as DoReFa writes it: round(clamp(x * a)).
struct RoundOfScaledClamp : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op,
                                PatternRewriter &rewriter) const override {
    auto affine = op.getInput().getDefiningOp<AffineOp>();
    if (!affine || affine.getScale().size() != 1 ||
        affine.getOffset().size() != 1 || affine.getOffset()[0] != 0)
      return failure();
    auto clamp = affine.getInput().getDefiningOp<ClampOp>();
    double scale = affine.getScale()[0];
    if (!clamp || !(scale > 0))
      return failure();
    double min = clamp.getMin().convertToDouble() * scale;
    double max = clamp.getMax().convertToDouble() * scale;
    if (!isIntegral(min) || !isIntegral(max))
      return failure();
    auto scaled = cast<AffineOp>(rewriter.clone(*affine));
    scaled.getInputMutable().set(clamp.getInput());
    auto bounded = ClampOp::create(rewriter, clamp.getLoc(), affine.getType(),
                                   scaled, rewriter.getF64FloatAttr(min),
                                   rewriter.getF64FloatAttr(max));
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().set(bounded); });
    return success();
  }
};

/// 1 / a, as the float32 number it was written as where it was one.
double reciprocal(double a) {
  double s = 1.0 / a;
  double single = static_cast<float>(s);
  return std::abs(s - single) <= std::abs(s) * 1e-15 ? single : s;
}

/// quantize(x * a), scale 1: quantize with scale 1 / a.
struct ScaleIntoQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto affine = op.getInput().getDefiningOp<AffineOp>();
    ArrayRef<double> scale = op.getScale();
    if (!affine || scale.size() != 1 || scale[0] != 1.0)
      return failure();
    bool plain =
        llvm::all_of(affine.getOffset(), [](double o) { return !o; }) &&
        llvm::all_of(affine.getScale(), [](double a) { return a > 0; });
    if (!plain)
      return failure();
    SmallVector<double> scales;
    for (double a : affine.getScale())
      scales.push_back(reciprocal(a));
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().set(affine.getInput());
      op.setScale(scales);
      op.setAxis(affine.getAxis());
    });
    return success();
  }
};

/// dequantize(c) * a, scale 1: dequantize with scale a.
struct ScaleIntoDequantize : OpRewritePattern<AffineOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AffineOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || dequantize.getScale().size() != 1 ||
        dequantize.getScale()[0] != 1.0)
      return failure();
    bool plain = llvm::all_of(op.getOffset(), [](double o) { return !o; }) &&
                 llvm::all_of(op.getScale(), [](double a) { return a > 0; });
    if (!plain ||
        (op.getScale().size() > 1 && dequantize.getZeroPoint().size() > 1 &&
         dequantize.getAxis() != op.getAxis()))
      return failure();
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), dequantize.getInput(), op.getScale(),
        dequantize.getZeroPoint(),
        op.getScale().size() > 1 ? op.getAxis() : dequantize.getAxis());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Borders
//===----------------------------------------------------------------------===//

/// conv2d(pad(x, 0)): the convolution's own pads.
struct PadIntoConv : OpRewritePattern<Conv2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(Conv2DOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    if (!pad || !pad.getValue().isZero())
      return failure();
    ArrayRef<int64_t> low = pad.getLow(), high = pad.getHigh();
    if (low[0] || low[1] || high[0] || high[1])
      return failure();
    SmallVector<int64_t> pads(op.getPads());
    int64_t more[4] = {low[2], low[3], high[2], high[3]};
    for (int i = 0; i < 4; ++i)
      pads[i] += more[i];
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().set(pad.getInput());
      op.setPads(pads);
    });
    return success();
  }
};

/// Bipolar codes {0, 1} have none for the zeros around a padded convolution:
/// with every threshold twice they are {0, 2}, and 1 is zero.
struct DoubleBipolar : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto threshold = op.getInput().getDefiningOp<ThresholdOp>();
    if (!threshold || threshold.getCount() != 1 || threshold.getFalling() ||
        threshold.getStart() || !threshold->hasOneUse())
      return failure();
    auto isHalf = [](double zero) { return zero == 0.5; };
    if (!llvm::all_of(op.getZeroPoint(), isHalf) || !isPadded(op.getResult()))
      return failure();
    SmallVector<double> values, scale(op.getScale());
    for (double value : threshold.getValues())
      values.append(2, value);
    for (double &s : scale)
      s /= 2;
    SmallVector<double> zero(op.getZeroPoint().size(), 1.0);
    Type element = rewriter.getIntegerType(2, /*isSigned=*/false);
    auto codes = ThresholdOp::create(
        rewriter, threshold.getLoc(),
        cast<RankedTensorType>(threshold.getType()).clone(element),
        threshold.getInput(), values, /*count=*/2, threshold.getAxis());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), codes, scale,
                                              zero, op.getAxis());
    rewriter.eraseOp(threshold);
    return success();
  }

private:
  /// Whether zeros are added around `value`, moved or pooled as it may be.
  static bool isPadded(Value value) {
    return llvm::any_of(value.getUsers(), [](Operation *user) {
      if (auto conv = dyn_cast<Conv2DOp>(user))
        return llvm::any_of(conv.getPads(), [](int64_t p) { return p != 0; });
      if (isa<MaxPoolOp, TransposeOp, ReshapeOp>(user))
        return isPadded(user->getResult(0));
      auto pad = dyn_cast<PadOp>(user);
      return pad && pad.getValue().isZero();
    });
  }
};

struct ImportFoldPass : ulq::impl::ImportFoldBase<ImportFoldPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ClampQuantized, ClampConstant, ClampOfClamp, ClampOfRound,
                 RoundOfClamp, RoundOfScaledClamp, ScaleIntoQuantize,
                 ScaleIntoDequantize, PadIntoConv, DoubleBipolar>(
        &getContext());
    populateUnsignedCodePatterns(patterns);
    populateCodeMovementPatterns(patterns);
    populateLookupPatterns(patterns);
    populateHoistQuantizerPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
