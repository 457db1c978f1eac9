//===- Operands.cpp - the operands of a quantized product -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Operands.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

Activations Activations::of(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  if (!dequantize || dequantize.getScale().size() != 1 ||
      dequantize.getZeroPoint().size() != 1)
    return {value};
  Value codes = dequantize.getInput();
  Type element = tensorElement(codes.getType());
  if (!isCodeType(element) || !cast<IntegerType>(element).isUnsigned() ||
      matchPattern(codes, m_Constant()))
    return {value};
  return {codes, true, dequantize.getScale()[0], dequantize.getZeroPoint()[0]};
}

std::optional<int64_t> Activations::padCode(double real) const {
  if (!isCodes)
    return 0;
  double code = std::nearbyint(real / scale + zeroPoint);
  // The model says it in f32.
  if (static_cast<float>((code - zeroPoint) * scale) !=
          static_cast<float>(real) ||
      code < 0 || code > maxCode(tensorElement(value.getType())))
    return std::nullopt;
  return static_cast<int64_t>(code);
}

namespace {

SmallVector<int64_t> integerValues(DenseElementsAttr value, bool isUnsigned) {
  SmallVector<int64_t> result;
  for (const APInt &code : value.getValues<APInt>())
    result.push_back(isUnsigned ? static_cast<int64_t>(code.getZExtValue())
                                : code.getSExtValue());
  return result;
}

/// Index along `axis` of the flat element `i`.
int64_t indexAlong(ArrayRef<int64_t> shape, int64_t axis, int64_t i) {
  int64_t inner = 1;
  for (int64_t extent : shape.drop_front(axis + 1))
    inner *= extent;
  return i / inner % shape[axis];
}

/// Integers and scales of a dequantized constant whose channels are `axis`.
/// A fractional zero point (bipolar codes) doubles the integers.
std::optional<Weights> dequantizedWeights(DequantizeOp op, int64_t axis) {
  DenseIntElementsAttr value;
  if (!matchPattern(op.getInput(), m_Constant(&value)))
    return std::nullopt;
  ArrayRef<double> scale = op.getScale(), zero = op.getZeroPoint();
  bool perTensor = scale.size() == 1 && zero.size() == 1;
  if (!perTensor && int64_t(op.getAxis()) != axis)
    return std::nullopt;
  bool halves = llvm::any_of(zero, [](double z) { return z != std::floor(z); });
  int64_t factor = halves ? 2 : 1;
  auto element = cast<IntegerType>(tensorElement(op.getInput().getType()));
  Weights weights;
  weights.integers = integerValues(value, element.isUnsigned());
  ArrayRef<int64_t> shape = tensorShape(op.getInput().getType());
  for (auto [i, w] : llvm::enumerate(weights.integers)) {
    double z = zero[zero.size() == 1 ? 0 : indexAlong(shape, axis, i)];
    double shifted = factor * (double(w) - z);
    if (shifted != std::floor(shifted))
      return std::nullopt;
    w = static_cast<int64_t>(shifted);
  }
  weights.scale.assign(scale.begin(), scale.end());
  for (double &s : weights.scale)
    s /= factor;
  return weights;
}

} // namespace

std::optional<Weights> Weights::floatsOf(Value value) {
  Weights weights;
  DenseElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant))) {
    if (!constant.getElementType().isF32())
      return std::nullopt;
    llvm::append_range(weights.floats, constant.getValues<float>());
    return weights;
  }
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op || !matchPattern(op.getInput(), m_Constant(&constant)) ||
      !isa<IntegerType>(constant.getElementType()))
    return std::nullopt;
  auto element = cast<IntegerType>(tensorElement(op.getInput().getType()));
  ArrayRef<int64_t> shape = tensorShape(value.getType());
  ArrayRef<double> scale = op.getScale(), zero = op.getZeroPoint();
  SmallVector<int64_t> codes = integerValues(constant, element.isUnsigned());
  for (auto [i, w] : llvm::enumerate(codes)) {
    int64_t channel = scale.size() == 1 && zero.size() == 1
                          ? 0
                          : indexAlong(shape, op.getAxis(), i);
    double z = zero[zero.size() == 1 ? 0 : channel];
    double s = scale[scale.size() == 1 ? 0 : channel];
    weights.floats.push_back(static_cast<float>((double(w) - z) * s));
  }
  return weights;
}

std::optional<Weights> Weights::of(Value value, int64_t axis) {
  if (auto op = value.getDefiningOp<DequantizeOp>())
    if (std::optional<Weights> weights = dequantizedWeights(op, axis))
      return weights;
  return floatsOf(value);
}

Value ulq::transpose(OpBuilder &builder, Location loc, Value value,
                     ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(type.getShape()[dim]);
  return builder.createOrFold<TransposeOp>(loc, type.clone(shape), value, perm);
}

Value ulq::reshape(OpBuilder &builder, Location loc, Value value,
                   ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType()).clone(shape);
  return builder.createOrFold<ReshapeOp>(loc, type, value);
}

GeometryAttr ulq::makeGeometry(MLIRContext *context, ArrayRef<int64_t> input,
                               ArrayRef<int64_t> output,
                               ArrayRef<int64_t> kernel,
                               ArrayRef<int64_t> strides,
                               ArrayRef<int64_t> pads,
                               ArrayRef<int64_t> dilations, int64_t groups) {
  auto get = [&](ArrayRef<int64_t> values) {
    return DenseI64ArrayAttr::get(context, values);
  };
  return GeometryAttr::get(context, get(input), get(output), get(kernel),
                           get(strides), get(pads), get(dilations), groups);
}
