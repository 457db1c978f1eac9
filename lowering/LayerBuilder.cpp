//===- LayerBuilder.cpp - a layer of a graph-level product ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/LayerBuilder.h"

using namespace mlir;
using namespace ulq;

bool LayerBuilder::isPadded() const {
  return llvm::any_of(geometry.getPads().asArrayRef(),
                      [](int64_t p) { return p != 0; });
}

LogicalResult LayerBuilder::settleKinds(Value floats, Value factor) {
  bool codes = input.isCodes && weights.isInteger() &&
               (!isPadded() || input.padCode(padding));
  if (codes)
    return success();
  input = {floats};
  if (weights.isInteger())
    return success();
  std::optional<Weights> constant = Weights::floatsOf(factor);
  if (!constant)
    return failure();
  weights = *constant;
  return success();
}

/// Elements reordered so that target index t comes from source[order(t)].
template <typename T, typename Order>
static SmallVector<T> reorder(ArrayRef<T> source, Order order) {
  SmallVector<T> target;
  target.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i)
    target.push_back(source[order(i)]);
  return target;
}

void LayerBuilder::permuteWeights(function_ref<size_t(size_t)> order) {
  if (weights.isInteger())
    weights.integers = reorder<int64_t>(weights.integers, order);
  else
    weights.floats = reorder<float>(weights.floats, order);
}

/// The weights as i8; a channel whose integers leave that range (unsigned
/// weights with a zero point) is moved into it by `weightZero`.
Value LayerBuilder::weightConstant(OpBuilder &builder, Location loc,
                                   DenseI32ArrayAttr &weightZero) const {
  ArrayRef<int64_t> kernel = geometry.getKernel();
  int64_t channels = geometry.getInput()[3] / geometry.getGroups();
  SmallVector<int64_t> shape = {outputs(), kernel[0], kernel[1], channels};
  if (!weights.isInteger()) {
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    return ConstantOp::create(
        builder, loc, type,
        DenseElementsAttr::get(type, ArrayRef<float>(weights.floats)));
  }
  auto type = RankedTensorType::get(shape, builder.getI8Type());
  int64_t depth = kernel[0] * kernel[1] * channels;
  SmallVector<int32_t> zeros(outputs(), 0);
  SmallVector<int8_t> bytes;
  for (int64_t n = 0; n < outputs(); ++n) {
    ArrayRef<int64_t> row =
        ArrayRef<int64_t>(weights.integers).slice(n * depth, depth);
    int64_t min = *llvm::min_element(row), max = *llvm::max_element(row);
    if (max > 127)
      zeros[n] = max - 127;
    else if (min < -128)
      zeros[n] = min + 128;
    if (min - zeros[n] < -128)
      return {};
    for (int64_t w : row)
      bytes.push_back(static_cast<int8_t>(w - zeros[n]));
  }
  if (llvm::any_of(zeros, [](int32_t z) { return z != 0; }))
    weightZero = builder.getDenseI32ArrayAttr(zeros);
  return ConstantOp::create(
      builder, loc, type,
      DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes)));
}

/// The real value of the accumulator: first the input's zero point, in
/// integers so that ties stay exact, then the scales.
SmallVector<Attribute> LayerBuilder::epilogue(MLIRContext *context) const {
  SmallVector<Attribute> steps;
  auto affine = [&](ArrayRef<double> scale, ArrayRef<double> offset) {
    steps.push_back(
        AffineStepAttr::get(context, DenseF64ArrayAttr::get(context, scale),
                            DenseF64ArrayAttr::get(context, offset)));
  };
  if (input.isCodes && input.zeroPoint != 0) {
    int64_t depth = weights.integers.size() / outputs();
    SmallVector<double> offset;
    for (int64_t n = 0; n < outputs(); ++n) {
      int64_t sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += weights.integers[n * depth + k];
      offset.push_back(-input.zeroPoint * double(sum));
    }
    affine({1.0}, offset);
  }
  SmallVector<double> scale;
  for (double s : weights.scale)
    scale.push_back(input.scale * s);
  if (scale.size() != 1 || scale[0] != 1.0)
    affine(scale, {0.0});
  return steps;
}

LayerOp LayerBuilder::build(OpBuilder &builder, Location loc,
                            Attribute opType) const {
  MLIRContext *context = builder.getContext();
  DenseI32ArrayAttr weightZero;
  Value constant = weightConstant(builder, loc, weightZero);
  if (!constant)
    return {};
  auto type = RankedTensorType::get(geometry.getOutput(), builder.getF32Type());
  auto layer = LayerOp::create(builder, loc, type, input.value, constant,
                               ValueRange(), geometry);
  layer.setPadCode(input.padCode(padding).value_or(0));
  if (weightZero)
    layer.setWeightZeroAttr(weightZero);
  layer.setEpilogueAttr(builder.getArrayAttr(epilogue(context)));
  if (auto name = dyn_cast_or_null<StringAttr>(opType))
    layer.setOpTypeAttr(name);
  return layer;
}
