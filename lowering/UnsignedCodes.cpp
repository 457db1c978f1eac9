//===- UnsignedCodes.cpp - unsigned codes from 0 --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeMovement.h"
#include "lowering/Layers.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

namespace {

SmallVector<double> shifted(ArrayRef<double> values, double shift) {
  SmallVector<double> result(values);
  for (double &value : result)
    value += shift;
  return result;
}

bool hasUnsignedCodes(Value value) {
  auto element = dyn_cast<IntegerType>(tensorElement(value.getType()));
  return element && element.isUnsigned();
}

/// True where `round(v + zero)` is `round(v) + zero` for all v.
bool commutesWithRounding(double zero, Rounding rounding) {
  switch (rounding) {
  case Rounding::HalfEven:
    return isIntegral(zero / 2);
  case Rounding::Floor:
  case Rounding::Ceil:
    return isIntegral(zero);
  default:
    return zero == 0; // these modes look at the sign
  }
}

/// QONNX order with a zero point that commutes with rounding is ONNX order.
struct ZeroPointLast : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    bool commutes = llvm::all_of(op.getZeroPoint(), [&](double zero) {
      return commutesWithRounding(zero, op.getRounding());
    });
    if (!op.getZeroPointFirst() || !commutes)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setZeroPointFirst(false); });
    return success();
  }
};

/// quantize to min .. max: quantize to 0 .. max - min, and a recode.
struct UnsignedQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    int64_t min = op.getMin(), max = op.getMax(), shift = -min;
    // Rounding after the zero point admits only even shifts.
    if (op.getZeroPointFirst() && op.getRounding() == Rounding::HalfEven)
      shift += shift & 1;
    else if (op.getZeroPointFirst() &&
             !commutesWithRounding(shift, op.getRounding()))
      return failure();
    RankedTensorType type = unsignedCodes(op.getInput(), max + shift);
    if (shift == 0 && type == op.getType())
      return failure();
    auto codes = QuantizeOp::create(
        rewriter, op.getLoc(), type, op.getInput(), op.getScale(),
        shifted(op.getZeroPoint(), shift), op.getAxis(), min + shift,
        max + shift, op.getRounding(), op.getZeroPointFirst());
    rewriter.replaceOpWithNewOp<RecodeOp>(op, op.getType(), codes, -shift);
    return success();
  }
};

/// dequantize(recode(c)): dequantize with another zero point.
struct DequantizeRecoded : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto recode = op.getInput().getDefiningOp<RecodeOp>();
    // Signed to unsigned is what UnsignedInput makes: leave it.
    if (!recode || tensorElement(recode.getInput().getType()).isSignedInteger())
      return failure();
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), recode.getInput(), op.getScale(),
        shifted(op.getZeroPoint(), -double(int64_t(recode.getOffset()))),
        op.getAxis());
    return success();
  }
};

/// dequantize of signed codes that the model was handed: as unsigned ones.
struct UnsignedInput : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    Value source = op.getInput();
    while (source.getDefiningOp<TransposeOp>() ||
           source.getDefiningOp<ReshapeOp>())
      source = source.getDefiningOp()->getOperand(0);
    Type element = tensorElement(source.getType());
    if (!isa<BlockArgument>(source) || !isCodeType(element) ||
        hasUnsignedCodes(source))
      return failure();
    int64_t shift = -minCode(element);
    auto recode =
        RecodeOp::create(rewriter, op.getLoc(),
                         unsignedCodes(op.getInput(), maxCode(element) + shift),
                         op.getInput(), shift);
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), recode, op.getScale(),
        shifted(op.getZeroPoint(), shift), op.getAxis());
    return success();
  }
};

/// quantize(dequantize(c)) that only shifts every code that occurs.
struct RequantizeShift : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || dequantize.getScaleAttr() != op.getScaleAttr() ||
        !isCodeType(tensorElement(dequantize.getInput().getType())))
      return failure();
    if (op.getScale().size() != 1 || op.getZeroPoint().size() != 1 ||
        dequantize.getZeroPoint().size() != 1)
      return failure();
    double shift = op.getZeroPoint()[0] - dequantize.getZeroPoint()[0];
    Type element = tensorElement(dequantize.getInput().getType());
    if (!isIntegral(shift) || !isIntegral(op.getZeroPoint()[0]) ||
        minCode(element) + shift < double(int64_t(op.getMin())) ||
        largestCode(dequantize.getInput()) + shift >
            double(int64_t(op.getMax())))
      return failure();
    rewriter.replaceOpWithNewOp<RecodeOp>(
        op, op.getType(), dequantize.getInput(), static_cast<int64_t>(shift));
    return success();
  }
};

/// recode(recode(c)) whose inner sum no code overflows: one recode.
struct RecodeTwice : OpRewritePattern<RecodeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RecodeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<RecodeOp>();
    if (!inner)
      return failure();
    Type middle = tensorElement(inner.getType());
    int64_t first = inner.getOffset(), second = op.getOffset();
    int64_t low = minCode(tensorElement(inner.getInput().getType())) + first;
    int64_t high = largestCode(inner.getInput()) + first;
    if (low < minCode(middle) || high > maxCode(middle))
      return failure();
    rewriter.replaceOpWithNewOp<RecodeOp>(op, op.getType(), inner.getInput(),
                                          first + second);
    return success();
  }
};

} // namespace

RankedTensorType ulq::unsignedCodes(Value like, int64_t largest) {
  auto type = cast<RankedTensorType>(like.getType());
  unsigned bits = std::max(1u, llvm::Log2_64_Ceil(largest + 1));
  return type.clone(
      IntegerType::get(type.getContext(), bits, IntegerType::Unsigned));
}

bool ulq::isIntegral(double value) { return value == std::nearbyint(value); }

void ulq::populateUnsignedCodePatterns(RewritePatternSet &patterns) {
  patterns.add<ZeroPointLast, UnsignedQuantize, DequantizeRecoded,
               UnsignedInput, RequantizeShift, RecodeTwice>(
      patterns.getContext());
}
