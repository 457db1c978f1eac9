//===- Reductions.cpp - pools that stay float, as linalg ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Elementwise.h"

using namespace mlir;
using namespace ulq;

namespace {

/// The padded input and the window operand of a linalg pooling.
template <typename PoolOp>
SmallVector<Value> poolOperands(PoolOp op, Value input, double padding,
                                OpBuilder &builder) {
  Location loc = op.getLoc();
  ArrayRef<int64_t> pads = op.getPads();
  Value padded =
      padTensor(builder, loc, input, {0, 0, pads[0], pads[1]},
                {0, 0, pads[2], pads[3]}, builder.getF32FloatAttr(padding));
  auto window = RankedTensorType::get(op.getKernel(), builder.getF32Type());
  return {padded, emptyTensor(builder, loc, window)};
}

struct LowerMaxPool : OpConversionPattern<MaxPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(MaxPoolOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    double lowest = -std::numeric_limits<double>::infinity();
    auto type = cast<RankedTensorType>(op.getType());
    Value init = zeroTensor(rewriter, op.getLoc(), type,
                            rewriter.getF32FloatAttr(lowest));
    rewriter.replaceOpWithNewOp<linalg::PoolingNchwMaxOp>(
        op, type, poolOperands(op, adaptor.getInput(), lowest, rewriter), init,
        rewriter.getI64TensorAttr(op.getStrides()),
        rewriter.getI64TensorAttr(op.getDilations()));
    return success();
  }
};

struct LowerAvgPool : OpConversionPattern<AvgPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(AvgPoolOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    Value init = zeroTensor(rewriter, loc, type, rewriter.getF32FloatAttr(0.0));
    Value sum = linalg::PoolingNchwSumOp::create(
                    rewriter, loc, type,
                    poolOperands(op, adaptor.getInput(), 0.0, rewriter), init,
                    rewriter.getI64TensorAttr(op.getStrides()),
                    rewriter.getI64TensorAttr(op.getDilations()))
                    .getResult(0);
    Value counts = arith::ConstantOp::create(rewriter, loc, windowSizes(op));
    AffineMap all = rewriter.getMultiDimIdentityMap(4);
    AffineMap spatial = all.dropResults(ArrayRef<int64_t>{0, 1});
    SmallVector<utils::IteratorType> kinds(4, utils::IteratorType::parallel);
    rewriter.replaceOpWithNewOp<linalg::GenericOp>(
        op, type, ValueRange{sum, counts}, emptyTensor(rewriter, loc, type),
        ArrayRef<AffineMap>{all, spatial, all}, kinds,
        [](OpBuilder &b, Location l, ValueRange args) {
          Value mean = arith::DivFOp::create(b, l, args[0], args[1]);
          linalg::YieldOp::create(b, l, mean);
        });
    return success();
  }

  /// The divisor of each window: [output height, output width].
  static DenseElementsAttr windowSizes(AvgPoolOp op) {
    ArrayRef<int64_t> in = tensorShape(op.getInput().getType()).drop_front(2);
    ArrayRef<int64_t> out = tensorShape(op.getType()).drop_front(2);
    auto inside = [&](int d, int64_t position) {
      int64_t start = position * op.getStrides()[d] - op.getPads()[d];
      int64_t count = 0;
      for (int64_t k = 0; k < op.getKernel()[d]; ++k) {
        int64_t at = start + k * op.getDilations()[d];
        count += op.getCountIncludePad() || (at >= 0 && at < in[d]);
      }
      return count;
    };
    SmallVector<float> sizes;
    for (int64_t y = 0; y < out[0]; ++y)
      for (int64_t x = 0; x < out[1]; ++x)
        sizes.push_back(inside(0, y) * inside(1, x));
    auto type = RankedTensorType::get(out, Float32Type::get(op.getContext()));
    return DenseElementsAttr::get(type, ArrayRef<float>(sizes));
  }
};

} // namespace

void ulq::populateReductionPatterns(const TypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<LowerMaxPool, LowerAvgPool>(converter, patterns.getContext());
}
