//===- Checks.cpp - what verifiers share ----------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Checks.h"
#include <cmath>

using namespace mlir;

namespace ulq::checks {

InFlightDiagnostic &operator<<(InFlightDiagnostic &diag,
                               ArrayRef<int64_t> values) {
  diag << "[";
  llvm::interleaveComma(values, diag);
  return diag << "]";
}

ArrayRef<int64_t> shapeOf(Value value) { return tensorShape(value.getType()); }

LogicalResult sameShape(Operation *op, Value input, Value result) {
  if (shapeOf(input) == shapeOf(result))
    return success();
  InFlightDiagnostic diag = op->emitOpError("expected equal shapes, got ");
  diag << shapeOf(input) << " and " << shapeOf(result);
  return diag;
}

LogicalResult isNumber(Operation *op, Value value) {
  if (ShapedType::getNumElements(shapeOf(value)) == 1)
    return success();
  return op->emitOpError("expected a single number, got ") << value.getType();
}

/// `count` values are admitted where one, or one per index of a dimension of
/// `extent`, is expected.
LogicalResult perAxis(Operation *op, StringRef name, int64_t count,
                      int64_t extent) {
  if (count == 1 || count == extent)
    return success();
  return op->emitOpError("expected 1 or ")
         << extent << " values of " << name << ", got " << count;
}

LogicalResult positiveScales(Operation *op, ArrayRef<double> scales) {
  for (double scale : scales)
    if (!(scale > 0) || !std::isfinite(scale))
      return op->emitOpError("expected positive finite scales, got ") << scale;
  return success();
}

LogicalResult isAxis(Operation *op, int64_t axis, Value input) {
  int64_t rank = shapeOf(input).size();
  if (axis >= 0 && axis < rank)
    return success();
  // A scalar or per-tensor parameter may keep the default axis.
  return op->emitOpError("expected an axis below ") << rank << ", got " << axis;
}

/// Counts of a window geometry: two extents, two strides and dilations, pads.
LogicalResult verifyWindow(Operation *op, ArrayRef<int64_t> kernel,
                           ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                           ArrayRef<int64_t> dilations) {
  auto positive = [](ArrayRef<int64_t> values) {
    return values.size() == 2 && values[0] > 0 && values[1] > 0;
  };
  if (!positive(kernel) || !positive(strides) || !positive(dilations))
    return op->emitOpError(
        "expected 2 positive kernel extents, strides and dilations");
  bool padded = pads.size() == 4 &&
                llvm::all_of(pads, [](int64_t pad) { return pad >= 0; });
  if (!padded)
    return op->emitOpError("expected 4 non-negative pads");
  return success();
}

/// Output extent along one spatial axis, or 0 where no window fits.
int64_t outputExtent(int64_t input, int64_t kernel, int64_t stride, int64_t low,
                     int64_t high, int64_t dilation) {
  int64_t room = input + low + high - ((kernel - 1) * dilation + 1);
  return room < 0 ? 0 : room / stride + 1;
}

LogicalResult expectShape(Operation *op, Value result,
                          ArrayRef<int64_t> expected) {
  if (shapeOf(result) == expected)
    return success();
  InFlightDiagnostic diag = op->emitOpError("expected a result of ");
  diag << expected << ", got " << shapeOf(result);
  return diag;
}

LogicalResult sameElement(Operation *op, Value input, Value result) {
  Type from = tensorElement(input.getType()),
       to = tensorElement(result.getType());
  if (from == to)
    return success();
  return op->emitOpError("expected equal element types, got ")
         << from << " and " << to;
}

} // namespace ulq::checks
