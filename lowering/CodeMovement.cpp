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

bool isPerTensor(DequantizeOp op) {
  return op.getScale().size() == 1 && op.getZeroPoint().size() == 1;
}

/// Where a movement leaves the dimension `axis` of its input, if it keeps it.
std::optional<int64_t> movedAxis(TransposeOp op, int64_t axis) {
  return llvm::find(op.getPerm(), axis) - op.getPerm().begin();
}

std::optional<int64_t> movedAxis(ReshapeOp op, int64_t axis) {
  ArrayRef<int64_t> from = tensorShape(op.getInput().getType());
  ArrayRef<int64_t> to = tensorShape(op.getType());
  bool keeps = axis == 0 && !from.empty() && !to.empty() && from[0] == to[0];
  return keeps ? std::optional<int64_t>(0) : std::nullopt;
}

std::optional<int64_t> movedAxis(SliceOp op, int64_t axis) {
  bool whole = tensorShape(op.getInput().getType())[axis] ==
               tensorShape(op.getType())[axis];
  return whole ? std::optional<int64_t>(axis) : std::nullopt;
}

/// `op` on other codes.
template <typename MoveOp>
Value moved(MoveOp op, Value codes, PatternRewriter &rewriter) {
  auto type = cast<RankedTensorType>(op.getType());
  auto copy = cast<MoveOp>(rewriter.clone(*op));
  copy.getInputMutable().set(codes);
  copy.getResult().setType(type.clone(tensorElement(codes.getType())));
  return copy;
}

/// movement(dequantize(c)): dequantize(movement(c)).
template <typename MoveOp>
struct MoveDequantized : OpRewritePattern<MoveOp> {
  using OpRewritePattern<MoveOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(MoveOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().template getDefiningOp<DequantizeOp>();
    if (!dequantize)
      return failure();
    std::optional<int64_t> axis = 0;
    if (!isPerTensor(dequantize))
      axis = movedAxis(op, dequantize.getAxis());
    if (!axis)
      return failure();
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), moved(op, dequantize.getInput(), rewriter),
        dequantize.getScale(), dequantize.getZeroPoint(), *axis);
    return success();
  }
};

/// movement(recode(c)): recode(movement(c)).
template <typename MoveOp>
struct MoveRecoded : OpRewritePattern<MoveOp> {
  using OpRewritePattern<MoveOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(MoveOp op,
                                PatternRewriter &rewriter) const override {
    auto recode = op.getInput().template getDefiningOp<RecodeOp>();
    if (!recode)
      return failure();
    rewriter.replaceOpWithNewOp<RecodeOp>(
        op, op.getType(), moved(op, recode.getInput(), rewriter),
        recode.getOffset());
    return success();
  }
};

/// Codes joined as `op` joins its inputs, the narrower ones widened; null where
/// no width holds all of them.
Value joined(ConcatOp op, SmallVector<Value> codes, PatternRewriter &rewriter) {
  auto holds = [](Type wide, Type narrow) {
    return minCode(narrow) >= minCode(wide) && maxCode(narrow) <= maxCode(wide);
  };
  Type widest = tensorElement(codes.front().getType());
  for (Value value : codes)
    if (holds(tensorElement(value.getType()), widest))
      widest = tensorElement(value.getType());
  for (Value value : codes)
    if (!holds(widest, tensorElement(value.getType())))
      return {};
  for (Value &value : codes) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getElementType() != widest)
      value = RecodeOp::create(rewriter, op.getLoc(), type.clone(widest), value,
                               /*offset=*/0);
  }
  auto type = cast<RankedTensorType>(op.getType()).clone(widest);
  return ConcatOp::create(rewriter, op.getLoc(), type, codes, op.getAxis());
}

/// concat of codes of one grid.
struct ConcatDequantized : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    auto first = op.getInputs().front().getDefiningOp<DequantizeOp>();
    if (!first || !isPerTensor(first))
      return failure();
    SmallVector<Value> codes;
    for (Value input : op.getInputs()) {
      auto other = input.getDefiningOp<DequantizeOp>();
      if (!other || other.getScaleAttr() != first.getScaleAttr() ||
          other.getZeroPointAttr() != first.getZeroPointAttr())
        return failure();
      codes.push_back(other.getInput());
    }
    Value all = joined(op, codes, rewriter);
    if (!all)
      return failure();
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), all, first.getScale(), first.getZeroPoint(), 0);
    return success();
  }
};

/// concat of codes that were all moved by one offset from narrower ones.
struct ConcatRecoded : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> codes;
    auto first = op.getInputs().front().getDefiningOp<RecodeOp>();
    for (Value input : op.getInputs()) {
      auto recode = input.getDefiningOp<RecodeOp>();
      if (!recode || recode.getOffset() != first.getOffset())
        return failure();
      codes.push_back(recode.getInput());
    }
    Type element = tensorElement(op.getType());
    Value all = joined(op, codes, rewriter);
    // Widening alone would come back to the same concat.
    if (!all || tensorElement(all.getType()) == element)
      return failure();
    rewriter.replaceOpWithNewOp<RecodeOp>(op, op.getType(), all,
                                          first.getOffset());
    return success();
  }
};

/// lookup(movement(c)): movement(lookup(c)), so that movements meet.
template <typename MoveOp>
struct MoveLookup : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op,
                                PatternRewriter &rewriter) const override {
    auto move = op.getInput().getDefiningOp<MoveOp>();
    if (!move)
      return failure();
    Value codes = move.getInput();
    auto type = cast<RankedTensorType>(codes.getType());
    Value other = LookupOp::create(rewriter, op.getLoc(),
                                   type.clone(tensorElement(op.getType())),
                                   codes, op.getTable(), KernelAttr());
    rewriter.replaceOp(op, moved(move, other, rewriter));
    return success();
  }
};

SmallVector<int64_t> permuted(ArrayRef<int64_t> values,
                              ArrayRef<int64_t> perm) {
  SmallVector<int64_t> result(values.size());
  for (auto [i, dim] : llvm::enumerate(perm))
    result[dim] = values[i];
  return result;
}

/// slice(transpose(x)): transpose(slice(x)).
struct SliceTransposed : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    ArrayRef<int64_t> perm = transpose.getPerm();
    auto type = cast<RankedTensorType>(op.getType());
    Value part = SliceOp::create(
        rewriter, op.getLoc(), type.clone(permuted(type.getShape(), perm)),
        transpose.getInput(), permuted(op.getStarts(), perm),
        permuted(op.getSteps(), perm));
    rewriter.replaceOpWithNewOp<TransposeOp>(op, type, part, perm);
    return success();
  }
};

/// concat of transposed tensors: one transpose of their concat.
struct ConcatTransposed : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    auto first = op.getInputs().front().getDefiningOp<TransposeOp>();
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      auto transpose = input.getDefiningOp<TransposeOp>();
      if (!transpose || transpose.getPermAttr() != first.getPermAttr())
        return failure();
      inputs.push_back(transpose.getInput());
    }
    ArrayRef<int64_t> perm = first.getPerm();
    auto type = cast<RankedTensorType>(op.getType());
    Value all = ConcatOp::create(rewriter, op.getLoc(),
                                 type.clone(permuted(type.getShape(), perm)),
                                 inputs, perm[op.getAxis()]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, type, all, perm);
    return success();
  }
};

/// quantizer(transpose(x)): transpose(quantizer(x)).
template <typename QuantizerOp>
struct QuantizeTransposed : OpRewritePattern<QuantizerOp> {
  using OpRewritePattern<QuantizerOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizerOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    ArrayRef<int64_t> perm = transpose.getPerm();
    auto type = cast<RankedTensorType>(op.getType());
    auto codes = cast<QuantizerOp>(rewriter.clone(*op));
    codes.getInputMutable().set(transpose.getInput());
    codes.setAxis(perm[op.getAxis()]);
    codes.getResult().setType(type.clone(permuted(type.getShape(), perm)));
    rewriter.replaceOpWithNewOp<TransposeOp>(op, type, codes, perm);
    // A layer must not look as if its floats were read twice.
    if (transpose->use_empty())
      rewriter.eraseOp(transpose);
    return success();
  }
};

/// lookup(recode(c)): one lookup in the part of the table that codes reach.
struct LookupRecoded : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op,
                                PatternRewriter &rewriter) const override {
    auto recode = op.getInput().getDefiningOp<RecodeOp>();
    if (!recode)
      return failure();
    Type element = tensorElement(recode.getInput().getType());
    int64_t first = recode.getOffset();
    int64_t last = first + maxCode(element);
    if (!element.isUnsignedInteger() || first < 0 ||
        last >= static_cast<int64_t>(op.getTable().size()))
      return failure();
    rewriter.replaceOpWithNewOp<LookupOp>(
        op, op.getType(), recode.getInput(),
        op.getTable().slice(first, last - first + 1), KernelAttr());
    return success();
  }
};

} // namespace

void ulq::populateLookupPatterns(RewritePatternSet &patterns) {
  patterns.add<MoveLookup<TransposeOp>, MoveLookup<ReshapeOp>, LookupRecoded>(
      patterns.getContext());
}

void ulq::populateTransposeSinkPatterns(RewritePatternSet &patterns) {
  patterns.add<SliceTransposed, ConcatTransposed,
               QuantizeTransposed<QuantizeOp>, QuantizeTransposed<ThresholdOp>>(
      patterns.getContext());
}

void ulq::populateCodeMovementPatterns(RewritePatternSet &patterns) {
  patterns.add<MoveDequantized<TransposeOp>, MoveDequantized<ReshapeOp>,
               MoveDequantized<SliceOp>, MoveRecoded<SliceOp>,
               MoveRecoded<TransposeOp>, MoveRecoded<ReshapeOp>,
               ConcatDequantized, ConcatRecoded>(patterns.getContext());
}
