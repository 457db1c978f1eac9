//===- CodeMovement.cpp - data movement on the code side ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeMovement.h"
#include "dialect/Ulq.h"

using namespace mlir;
using namespace ulq;

namespace {

Value recreate(DequantizeOp like, Value codes, ArrayRef<int64_t> shape,
               int64_t axis, PatternRewriter &rewriter) {
  auto type = cast<RankedTensorType>(like.getType()).clone(shape);
  return DequantizeOp::create(rewriter, like.getLoc(), type, codes,
                              like.getScale(), like.getZeroPoint(), axis);
}

bool isPerTensor(DequantizeOp op) {
  return op.getScale().size() == 1 && op.getZeroPoint().size() == 1;
}

struct TransposeCodes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize)
      return failure();
    ArrayRef<int64_t> shape = tensorShape(op.getType()), perm = op.getPerm();
    Value codes = dequantize.getInput();
    auto type = cast<RankedTensorType>(codes.getType()).clone(shape);
    Value moved = TransposeOp::create(rewriter, op.getLoc(), type, codes, perm);
    int64_t axis =
        isPerTensor(dequantize)
            ? 0
            : llvm::find(perm, int64_t(dequantize.getAxis())) - perm.begin();
    rewriter.replaceOp(op, recreate(dequantize, moved, shape, axis, rewriter));
    return success();
  }
};

struct ReshapeCodes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize)
      return failure();
    ArrayRef<int64_t> from = tensorShape(op.getInput().getType());
    ArrayRef<int64_t> to = tensorShape(op.getType());
    bool keepsAxis = dequantize.getAxis() == 0 && !from.empty() &&
                     !to.empty() && from[0] == to[0];
    if (!isPerTensor(dequantize) && !keepsAxis)
      return failure();
    Value codes = dequantize.getInput();
    auto type = cast<RankedTensorType>(codes.getType()).clone(to);
    Value moved = ReshapeOp::create(rewriter, op.getLoc(), type, codes);
    rewriter.replaceOp(op, recreate(dequantize, moved, to, 0, rewriter));
    return success();
  }
};

/// concat of codes of one grid; the narrower ones are widened.
struct ConcatCodes : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    auto first = op.getInputs().front().getDefiningOp<DequantizeOp>();
    if (!first || !isPerTensor(first))
      return failure();
    SmallVector<Value> codes;
    Type widest;
    for (Value input : op.getInputs()) {
      auto other = input.getDefiningOp<DequantizeOp>();
      if (!other || other.getScaleAttr() != first.getScaleAttr() ||
          other.getZeroPointAttr() != first.getZeroPointAttr())
        return failure();
      codes.push_back(other.getInput());
      Type element = tensorElement(codes.back().getType());
      if (!widest || (minCode(element) <= minCode(widest) &&
                      maxCode(element) >= maxCode(widest)))
        widest = element;
    }
    for (Value &value : codes) {
      auto type = cast<RankedTensorType>(value.getType());
      Type element = type.getElementType();
      if (element == widest)
        continue;
      if (minCode(element) < minCode(widest) ||
          maxCode(element) > maxCode(widest))
        return failure();
      value = RecodeOp::create(rewriter, op.getLoc(), type.clone(widest), value,
                               /*offset=*/0);
    }
    ArrayRef<int64_t> shape = tensorShape(op.getType());
    auto type = cast<RankedTensorType>(codes[0].getType()).clone(shape);
    Value joined =
        ConcatOp::create(rewriter, op.getLoc(), type, codes, op.getAxis());
    rewriter.replaceOp(op, recreate(first, joined, shape, 0, rewriter));
    return success();
  }
};

} // namespace

void ulq::populateCodeMovementPatterns(RewritePatternSet &patterns) {
  patterns.add<TransposeCodes, ReshapeCodes, ConcatCodes>(
      patterns.getContext());
}
