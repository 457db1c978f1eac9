//===- UlqOps.cpp - verifiers of the graph level, in the .td order --------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Checks.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace ulq;
using namespace ulq::checks;

#define GET_OP_CLASSES
#include "dialect/UlqOps.cpp.inc"

namespace {

/// Constraints that quantize and dequantize share.
LogicalResult verifyGrid(Operation *op, Value input, Value result,
                         ArrayRef<double> scale, ArrayRef<double> zeroPoint,
                         int64_t axis) {
  // quantize_c1
  if (failed(sameShape(op, input, result)))
    return failure();
  bool perTensor = scale.size() == 1 && zeroPoint.size() == 1;
  // quantize_c5
  if (!perTensor && failed(isAxis(op, axis, input)))
    return failure();
  // quantize_c2
  int64_t extent = perTensor ? 1 : shapeOf(input)[axis];
  if (failed(perAxis(op, "scale", scale.size(), extent)) ||
      failed(perAxis(op, "zeroPoint", zeroPoint.size(), extent)))
    return failure();
  // quantize_c3
  return positiveScales(op, scale);
}

} // namespace

//===----------------------------------------------------------------------===//
// Values and quantizers
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  // constant_c1
  if (getValue().getShapedType().getShape() != type.getShape())
    return emitOpError("expected a value of the result's shape, got ")
           << getValue().getShapedType();
  Type element = type.getElementType();
  // constant_c3: folders read the values as one of these types.
  Type held = getValue().getElementType();
  bool carries = isCodeType(element) ? held.isSignlessInteger(8) ||
                                           held.isSignlessInteger(16) ||
                                           held.isSignlessInteger(32)
                                     : held == element;
  if (!carries)
    return emitOpError("expected values that hold ")
           << element << ", got " << held;
  auto dense = dyn_cast<DenseElementsAttr>(getValue());
  if (!isCodeType(element) || !dense)
    return success();
  // constant_c2: i8 carries both signed and unsigned codes.
  for (const APInt &value : dense.getValues<APInt>()) {
    int64_t code = cast<IntegerType>(element).isUnsigned()
                       ? static_cast<int64_t>(value.getZExtValue())
                       : value.getSExtValue();
    if (code < minCode(element) || code > maxCode(element))
      return emitOpError("expected codes of ") << element << ", got " << code;
  }
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (failed(verifyGrid(*this, getInput(), getResult(), getScale(),
                        getZeroPoint(), getAxis())))
    return failure();
  // quantize_c4
  Type element = tensorElement(getType());
  int64_t min = getMin(), max = getMax();
  if (min > max || min < minCode(element) || max > maxCode(element))
    return emitOpError("expected min <= max in the range of ")
           << element << ", got " << min << " and " << max;
  return success();
}

LogicalResult DequantizeOp::verify() {
  return verifyGrid(*this, getInput(), getResult(), getScale(), getZeroPoint(),
                    getAxis());
}

LogicalResult ThresholdOp::verify() {
  // threshold_c1
  if (failed(sameShape(*this, getInput(), getResult())))
    return failure();
  int64_t count = getCount(), held = getValues().size();
  if (count <= 0)
    return emitOpError("expected at least one threshold, got ") << count;
  // threshold_c2
  if (held != count && failed(isAxis(*this, getAxis(), getInput())))
    return failure();
  if (held != count && held != count * shapeOf(getInput())[getAxis()])
    return emitOpError("expected ")
           << count << " thresholds, or as many per channel, got " << held;
  // threshold_c5
  int64_t falling = getFalling();
  if (falling < 0 || falling > count)
    return emitOpError("expected at most ")
           << count << " falling thresholds, got " << falling;
  // threshold_c3
  for (int64_t i = 0; i < held; ++i)
    if (i % count && i % count != count - falling &&
        getValues()[i] < getValues()[i - 1])
      return emitOpError("expected ascending thresholds, got ")
             << getValues()[i] << " after " << getValues()[i - 1];
  // threshold_c4
  Type element = tensorElement(getType());
  auto [min, max] = codesOf(*this);
  if (min < minCode(element) || max > maxCode(element))
    return emitOpError("expected codes that hold ")
           << min << " to " << max << ", got " << element;
  return success();
}

LogicalResult RecodeOp::verify() {
  // recode_c1
  return sameShape(*this, getInput(), getResult());
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

LogicalResult Conv2DOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput()), w = shapeOf(getWeights());
  // conv2d_c1
  if (x.size() != 4 || w.size() != 4)
    return emitOpError("expected operands of rank 4, got ")
           << x.size() << " and " << w.size();
  // conv2d_c2
  ArrayRef<int64_t> strides = getStrides(), pads = getPads(),
                    dilations = getDilations();
  if (failed(verifyWindow(*this, w.drop_front(2), strides, pads, dilations)))
    return failure();
  // conv2d_c3
  int64_t groups = getGroups();
  if (groups < 1 || x[1] != w[1] * groups || w[0] % groups)
    return emitOpError("expected ")
           << w[1] << " x " << groups << " input channels and outputs that "
           << "divide by the groups, got " << x[1] << " and " << w[0];
  // conv2d_c4
  return expectShape(
      *this, getResult(),
      {x[0], w[0],
       outputExtent(x[2], w[2], strides[0], pads[0], pads[2], dilations[0]),
       outputExtent(x[3], w[3], strides[1], pads[1], pads[3], dilations[1])});
}

LogicalResult MatmulOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getLhs()), b = shapeOf(getRhs());
  // matmul_c1
  if (a.size() < 2 || b.size() < 2)
    return emitOpError("expected operands of rank 2 or more, got ")
           << a.size() << " and " << b.size();
  // matmul_c2
  if (a.back() != b[b.size() - 2])
    return emitOpError("expected equal reduction extents, got ")
           << a.back() << " and " << b[b.size() - 2];
  // matmul_c3
  SmallVector<int64_t> expected;
  ArrayRef<int64_t> longer = a.size() >= b.size() ? a : b;
  ArrayRef<int64_t> shorter = a.size() >= b.size() ? b : a;
  size_t extra = longer.size() - shorter.size();
  for (size_t d = 0; d + 2 < longer.size(); ++d) {
    int64_t other = d < extra ? 1 : shorter[d - extra];
    if (longer[d] != other && longer[d] != 1 && other != 1)
      return emitOpError("expected extents that broadcast, got ")
             << longer[d] << " and " << other;
    expected.push_back(std::max(longer[d], other));
  }
  expected.push_back(a[a.size() - 2]);
  expected.push_back(b.back());
  return expectShape(*this, getResult(), expected);
}

LogicalResult AffineOp::verify() {
  // affine_c1
  if (failed(sameShape(*this, getInput(), getResult())))
    return failure();
  bool perTensor = getScale().size() == 1 && getOffset().size() == 1;
  if (!perTensor && failed(isAxis(*this, getAxis(), getInput())))
    return failure();
  // affine_c2
  int64_t extent = perTensor ? 1 : shapeOf(getInput())[getAxis()];
  if (failed(perAxis(*this, "scale", getScale().size(), extent)))
    return failure();
  return perAxis(*this, "offset", getOffset().size(), extent);
}

LogicalResult AddOp::verify() {
  // add_c1
  if (failed(sameShape(*this, getLhs(), getRhs())))
    return failure();
  return sameShape(*this, getLhs(), getResult());
}

LogicalResult ClampOp::verify() {
  // clamp_c1
  if (getInput().getType() != getType())
    return emitOpError("expected equal types, got ")
           << getInput().getType() << " and " << getType();
  // clamp_c2
  double min = getMin().convertToDouble(), max = getMax().convertToDouble();
  if (!(min <= max))
    return emitOpError("expected min <= max, got ") << min << " and " << max;
  return success();
}

LogicalResult LeakyReluOp::verify() {
  // leaky_relu_c1
  return sameShape(*this, getInput(), getResult());
}

LogicalResult RoundOp::verify() {
  // round_c1
  return sameShape(*this, getInput(), getResult());
}

/// Whether one of the `taps` from `start` on, `dilation` apart, lies inside.
static bool reachesInput(int64_t start, int64_t taps, int64_t dilation,
                         int64_t extent) {
  int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
  return skipped < taps && start + skipped * dilation < extent;
}

template <typename PoolOp>
static LogicalResult verifyPool(PoolOp op) {
  ArrayRef<int64_t> x = shapeOf(op.getInput());
  // max_pool_c1
  if (x.size() != 4)
    return op.emitOpError("expected an input of rank 4, got ") << x.size();
  ArrayRef<int64_t> kernel = op.getKernel(), strides = op.getStrides(),
                    pads = op.getPads(), dilations = op.getDilations();
  // max_pool_c2
  if (failed(verifyWindow(op, kernel, strides, pads, dilations)))
    return failure();
  // max_pool_c4
  SmallVector<int64_t> expected = {x[0], x[1]};
  for (int d = 0; d < 2; ++d) {
    int64_t count = outputExtent(x[2 + d], kernel[d], strides[d], pads[d],
                                 pads[2 + d], dilations[d]);
    for (int64_t i = 0; i < count; ++i)
      if (!reachesInput(i * strides[d] - pads[d], kernel[d], dilations[d],
                        x[2 + d]))
        return op.emitOpError("expected every window to reach into the input");
    expected.push_back(count);
  }
  // max_pool_c3
  return expectShape(op, op.getResult(), expected);
}

LogicalResult MaxPoolOp::verify() { return verifyPool(*this); }
LogicalResult AvgPoolOp::verify() { return verifyPool(*this); }

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  // reshape_c1
  auto from = cast<RankedTensorType>(getInput().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getNumElements() != to.getNumElements())
    return emitOpError("expected equal numbers of elements, got ")
           << from.getNumElements() << " and " << to.getNumElements();
  return sameElement(*this, getInput(), getResult());
}

LogicalResult TransposeOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput());
  // transpose_c1
  SmallVector<bool> seen(x.size(), false);
  SmallVector<int64_t> expected;
  for (int64_t dim : getPerm()) {
    if (dim < 0 || dim >= static_cast<int64_t>(x.size()) || seen[dim])
      return emitOpError("expected a permutation of ")
             << x.size() << " dimensions";
    seen[dim] = true;
    expected.push_back(x[dim]);
  }
  if (expected.size() != x.size())
    return emitOpError("expected a permutation of ")
           << x.size() << " dimensions";
  // transpose_c2
  if (failed(sameElement(*this, getInput(), getResult())))
    return failure();
  return expectShape(*this, getResult(), expected);
}

LogicalResult PadOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput());
  // pad_c1
  if (getLow().size() != x.size() || getHigh().size() != x.size())
    return emitOpError("expected one low and high pad per dimension");
  SmallVector<int64_t> expected;
  for (auto [extent, low, high] : llvm::zip_equal(x, getLow(), getHigh())) {
    if (low < 0 || high < 0)
      return emitOpError("expected non-negative pads, got ")
             << std::min(low, high);
    expected.push_back(extent + low + high);
  }
  // pad_c2
  if (failed(sameElement(*this, getInput(), getResult())))
    return failure();
  return expectShape(*this, getResult(), expected);
}

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> from = shapeOf(getInput()), to = shapeOf(getResult());
  // slice_c1
  auto isStart = [](int64_t start) { return start >= 0; };
  auto isStep = [](int64_t step) { return step > 0; };
  if (getStarts().size() != from.size() || getSteps().size() != from.size() ||
      !llvm::all_of(getStarts(), isStart) || !llvm::all_of(getSteps(), isStep))
    return emitOpError("expected one non-negative start and one positive step "
                       "per dimension");
  // slice_c2
  if (failed(sameElement(*this, getInput(), getResult())))
    return failure();
  bool inside = from.size() == to.size();
  for (size_t d = 0; inside && d < from.size(); ++d)
    inside = getStarts()[d] + (to[d] - 1) * getSteps()[d] < from[d];
  if (inside)
    return success();
  InFlightDiagnostic diag = emitOpError("expected a part of ");
  diag << from << ", got " << to;
  return diag;
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty())
    return emitOpError("expected at least one operand");
  ArrayRef<int64_t> first = shapeOf(getInputs().front());
  int64_t axis = getAxis(), sum = 0;
  if (failed(isAxis(*this, axis, getInputs().front())))
    return failure();
  // concat_c1
  for (Value input : getInputs()) {
    ArrayRef<int64_t> shape = shapeOf(input);
    if (failed(sameElement(*this, input, getResult())))
      return failure();
    for (int64_t d = 0; d < static_cast<int64_t>(first.size()); ++d)
      if (shape.size() != first.size() || (d != axis && shape[d] != first[d]))
        return emitOpError("expected equal extents off axis ") << axis;
    sum += shape[axis];
  }
  // concat_c2
  SmallVector<int64_t> expected(first);
  expected[axis] = sum;
  return expectShape(*this, getResult(), expected);
}
