//===- ComputedProducts.cpp - matrix products of computed values ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/ComputedProducts.h"
#include "lowering/Operands.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

namespace {

/// `value` with its last two dimensions exchanged.
Value transposeMatrices(OpBuilder &builder, Location loc, Value value) {
  auto perm = llvm::to_vector(
      llvm::seq(cast<RankedTensorType>(value.getType()).getRank()));
  std::swap(perm.back(), perm[perm.size() - 2]);
  return transpose(builder, loc, value, perm);
}

/// `value` with the leading extents `batch`: repeated where it has 1.
Value broadcastBatch(OpBuilder &builder, Location loc, Value value,
                     ArrayRef<int64_t> batch) {
  ArrayRef<int64_t> given = tensorShape(value.getType());
  SmallVector<int64_t> shape(batch.size() + 2 - given.size(), 1);
  shape.append(given.begin(), given.end());
  value = reshape(builder, loc, value, shape);
  for (auto [dim, extent] : llvm::enumerate(batch)) {
    if (shape[dim] == extent)
      continue;
    shape[dim] = extent;
    auto type = cast<RankedTensorType>(value.getType()).clone(shape);
    value = ConcatOp::create(builder, loc, type,
                             SmallVector<Value>(extent, value), dim);
  }
  return value;
}

bool isConstant(Value value) {
  if (auto dequantize = value.getDefiningOp<DequantizeOp>())
    value = dequantize.getInput();
  return matchPattern(value, m_Constant());
}

/// The largest magnitude of a code, before and after its zero point.
double magnitude(const Activations &codes) {
  double largest = maxCode(tensorElement(codes.value.getType()));
  return std::max({largest, std::abs(codes.zeroPoint),
                   std::abs(largest - codes.zeroPoint)});
}

/// Codes whose product 32-bit integers hold, whatever the codes are. `slack`
/// covers the padding of a kernel's depth.
bool multiplyAsCodes(const Activations &lhs, const Activations &rhs,
                     int64_t depth) {
  constexpr int64_t slack = 64;
  auto integral = [](double zero) { return zero == std::floor(zero); };
  return lhs.isCodes && rhs.isCodes && integral(lhs.zeroPoint) &&
         integral(rhs.zeroPoint) &&
         double(depth + slack) * magnitude(lhs) * magnitude(rhs) <
             double(llvm::maxIntN(32));
}

struct ConstantLeft : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (!isConstant(op.getLhs()) || isConstant(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "expected one constant, left");
    Location loc = op.getLoc();
    Value lhs = transposeMatrices(rewriter, loc, op.getRhs());
    Value rhs = transposeMatrices(rewriter, loc, op.getLhs());
    SmallVector<int64_t> shape(tensorShape(op.getType()));
    std::swap(shape.back(), shape[shape.size() - 2]);
    auto type = cast<RankedTensorType>(op.getType()).clone(shape);
    auto product = MatmulOp::create(rewriter, loc, type, lhs, rhs);
    product->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.replaceOp(op, transposeMatrices(rewriter, loc, product));
    return success();
  }
};

struct FuseComputed : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> output = tensorShape(op.getType());
    ArrayRef<int64_t> right = tensorShape(op.getRhs().getType());
    int64_t depth = right[right.size() - 2], columns = right.back();
    Activations lhs = Activations::of(op.getLhs());
    Activations rhs = Activations::of(op.getRhs());
    if (!multiplyAsCodes(lhs, rhs, depth)) {
      lhs = {op.getLhs()};
      rhs = {op.getRhs()};
    }
    // One right matrix takes all rows, otherwise every batch has its own.
    bool shared = ShapedType::getNumElements(right.drop_back(2)) == 1;
    if (!shared) {
      lhs.value = broadcastBatch(rewriter, loc, lhs.value, output.drop_back(2));
      rhs.value = broadcastBatch(rewriter, loc, rhs.value, output.drop_back(2));
    }
    int64_t batch =
        shared ? 1 : ShapedType::getNumElements(output.drop_back(2));
    int64_t rows = ShapedType::getNumElements(output) / columns / batch;
    GeometryAttr geometry = makeGeometry(getContext(), {batch, rows, 1, depth},
                                         {batch, rows, 1, columns}, {1, 1},
                                         {1, 1}, {0, 0, 0, 0}, {1, 1}, 1);
    lhs.value = reshape(rewriter, loc, lhs.value, geometry.getInput());
    rhs.value =
        reshape(rewriter, loc, transposeMatrices(rewriter, loc, rhs.value),
                {batch, columns, 1, depth});
    LayerOp layer = build(rewriter, op, lhs, rhs, geometry);
    rewriter.replaceOp(op, reshape(rewriter, loc, layer.getResult(0), output));
    return success();
  }

private:
  static LayerOp build(OpBuilder &builder, MatmulOp op, const Activations &lhs,
                       const Activations &rhs, GeometryAttr geometry) {
    ArrayRef<int64_t> output = geometry.getOutput();
    auto type = RankedTensorType::get(output, builder.getF32Type());
    auto layer = LayerOp::create(builder, op.getLoc(), type, lhs.value,
                                 rhs.value, ValueRange(), geometry);
    layer.setComputedWeights(true);
    if (auto name = op->getAttrOfType<StringAttr>("onnx.op"))
      layer.setOpTypeAttr(name);
    if (lhs.zeroPoint != 0)
      layer.setInputZero(static_cast<int64_t>(lhs.zeroPoint));
    if (rhs.zeroPoint != 0)
      layer.setWeightZero(SmallVector<int32_t>(
          output[3], -static_cast<int32_t>(rhs.zeroPoint)));
    double scale = lhs.scale * rhs.scale;
    if (scale == 1)
      return layer;
    layer.setEpilogueAttr(builder.getArrayAttr(AffineStepAttr::get(
        builder.getContext(), builder.getDenseF64ArrayAttr(scale),
        builder.getDenseF64ArrayAttr(0.0))));
    return layer;
  }
};

} // namespace

void ulq::populateConstantLeftPatterns(RewritePatternSet &patterns) {
  patterns.add<ConstantLeft>(patterns.getContext());
}

void ulq::populateComputedProductPatterns(RewritePatternSet &patterns) {
  patterns.add<FuseComputed>(patterns.getContext(), /*benefit=*/0);
}
