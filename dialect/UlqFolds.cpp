//===- UlqFolds.cpp - folders ---------------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace ulq;

namespace {

/// `value` with its elements in the order of the permuted tensor.
template <typename T>
DenseElementsAttr permute(DenseElementsAttr value, ArrayRef<int64_t> perm,
                          RankedTensorType type) {
  ArrayRef<int64_t> from = value.getType().getShape();
  ArrayRef<int64_t> to = type.getShape();
  SmallVector<int64_t> strides(from.size(), 1);
  for (int64_t d = static_cast<int64_t>(from.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * from[d + 1];
  auto source = llvm::to_vector(value.getValues<T>());
  SmallVector<T> target;
  target.reserve(source.size());
  SmallVector<int64_t> index(to.size(), 0);
  for (size_t n = 0; n < source.size(); ++n) {
    int64_t offset = 0;
    for (size_t d = 0; d < to.size(); ++d)
      offset += index[d] * strides[perm[d]];
    target.push_back(source[offset]);
    for (int64_t d = static_cast<int64_t>(to.size()) - 1; d >= 0; --d) {
      if (++index[d] < to[d])
        break;
      index[d] = 0;
    }
  }
  return DenseElementsAttr::get(type, ArrayRef<T>(target));
}

DenseElementsAttr permuteElements(DenseElementsAttr value,
                                  ArrayRef<int64_t> perm,
                                  ArrayRef<int64_t> shape) {
  Type element = value.getElementType();
  auto type = RankedTensorType::get(shape, element);
  if (value.isSplat())
    return value.resizeSplat(type);
  if (element.isInteger(8))
    return permute<int8_t>(value, perm, type);
  if (element.isInteger(16))
    return permute<int16_t>(value, perm, type);
  if (element.isInteger(32))
    return permute<int32_t>(value, perm, type);
  if (element.isF32())
    return permute<float>(value, perm, type);
  return {};
}

} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult QuantizeOp::fold(FoldAdaptor) {
  // A quantized grid point keeps its code: quantize(dequantize(c)) is c for
  // the same grid, unless it clips.
  auto producer = getInput().getDefiningOp<DequantizeOp>();
  bool perAxis = getScale().size() > 1 || getZeroPoint().size() > 1;
  if (!producer || producer.getInput().getType() != getType() ||
      producer.getScaleAttr() != getScaleAttr() ||
      producer.getZeroPointAttr() != getZeroPointAttr() ||
      (perAxis && producer.getAxis() != getAxis()))
    return {};
  Type element = getType().getElementType();
  bool integral = llvm::all_of(getZeroPoint(), [](double zero) {
    return zero == static_cast<double>(static_cast<int64_t>(zero));
  });
  int64_t min = getMin(), max = getMax();
  if (!integral || min != minCode(element) || max != maxCode(element))
    return {};
  return producer.getInput();
}

OpFoldResult RecodeOp::fold(FoldAdaptor) {
  if (getOffset() == 0 && getInput().getType() == getType())
    return getInput();
  auto inner = getInput().getDefiningOp<RecodeOp>();
  if (inner && inner.getOffset() == -getOffset() &&
      inner.getInput().getType() == getType())
    return inner.getInput();
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getResult();
  }
  auto value = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (!value)
    return {};
  return value.reshape(RankedTensorType::get(
      cast<RankedTensorType>(getType()).getShape(), value.getElementType()));
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  bool identity = true;
  for (auto [i, dim] : llvm::enumerate(getPerm()))
    identity &= static_cast<int64_t>(i) == dim;
  if (identity)
    return getInput();
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t dim : getPerm())
      composed.push_back(inner.getPerm()[dim]);
    setPerm(composed);
    setOperand(inner.getInput());
    return getResult();
  }
  auto value = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (!value)
    return {};
  return permuteElements(value, getPerm(),
                         cast<RankedTensorType>(getType()).getShape());
}

OpFoldResult PackOp::fold(FoldAdaptor) {
  auto unpack = getInput().getDefiningOp<UnpackOp>();
  if (unpack && unpack.getInput().getType() == getType())
    return unpack.getInput();
  return {};
}

/// The bytes of a packed tensor stay where they are in a reshape that keeps
/// rows, or that has no filling bits.
LogicalResult PackOp::canonicalize(PackOp op, PatternRewriter &rewriter) {
  auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
  auto unpack =
      reshape ? reshape.getInput().getDefiningOp<UnpackOp>() : UnpackOp();
  if (!unpack)
    return failure();
  PackedType from = unpack.getInput().getType(), to = op.getType();
  int64_t row = to.getShape().back();
  if (from.getLayout() != to.getLayout() ||
      (from.getShape().back() != row &&
       (row * to.getLayout().getBits() % 8 != 0 ||
        from.getByteSize() != to.getByteSize())))
    return failure();
  auto type = RankedTensorType::get(to.getByteSize(), rewriter.getI8Type());
  Value bytes =
      ToBytesOp::create(rewriter, op.getLoc(), type, unpack.getInput());
  rewriter.replaceOpWithNewOp<FromBytesOp>(op, to, bytes);
  return success();
}

OpFoldResult UnpackOp::fold(FoldAdaptor) {
  auto pack = getInput().getDefiningOp<PackOp>();
  return pack ? OpFoldResult(pack.getInput()) : OpFoldResult();
}
