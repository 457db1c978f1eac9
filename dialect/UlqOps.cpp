//===- UlqOps.cpp - verifiers, in the order of UlqOps.td ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

#define GET_OP_CLASSES
#include "dialect/UlqOps.cpp.inc"

namespace {

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
  // threshold_c3
  for (int64_t i = 0; i < held; ++i)
    if (i % count && getValues()[i] < getValues()[i - 1])
      return emitOpError("expected ascending thresholds, got ")
             << getValues()[i] << " after " << getValues()[i - 1];
  // threshold_c4
  Type element = tensorElement(getType());
  if (minCode(element) > 0 || count > maxCode(element))
    return emitOpError("expected codes that hold ")
           << count << ", got " << element;
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

static LogicalResult sameElement(Operation *op, Value input, Value result) {
  Type from = tensorElement(input.getType()),
       to = tensorElement(result.getType());
  if (from == to)
    return success();
  return op->emitOpError("expected equal element types, got ")
         << from << " and " << to;
}

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

//===----------------------------------------------------------------------===//
// Integer level
//===----------------------------------------------------------------------===//

LogicalResult ulq::verifyGeometry(Operation *op, GeometryAttr g) {
  ArrayRef<int64_t> in = g.getInput(), out = g.getOutput();
  // layer_c1
  if (in.size() != 4 || out.size() != 4)
    return op->emitOpError("expected geometries of 4 extents, got ")
           << in.size() << " and " << out.size();
  auto isPositive = [](int64_t extent) { return extent > 0; };
  if (!llvm::all_of(in, isPositive) || !llvm::all_of(out, isPositive)) {
    InFlightDiagnostic diag =
        op->emitOpError("expected positive extents, got ");
    diag << in << " and " << out;
    return diag;
  }
  ArrayRef<int64_t> kernel = g.getKernel(), strides = g.getStrides(),
                    pads = g.getPads(), dilations = g.getDilations();
  if (failed(verifyWindow(op, kernel, strides, pads, dilations)))
    return failure();
  // layer_c2
  SmallVector<int64_t> expected = {in[0]};
  for (int d = 0; d < 2; ++d)
    expected.push_back(outputExtent(in[1 + d], kernel[d], strides[d], pads[d],
                                    pads[2 + d], dilations[d]));
  if (out.take_front(3) != ArrayRef<int64_t>(expected)) {
    InFlightDiagnostic diag = op->emitOpError("expected output extents ");
    diag << ArrayRef<int64_t>(expected) << ", got " << out.take_front(3);
    return diag;
  }
  // layer_c3
  if (g.getGroups() < 1 || in[3] % g.getGroups() || out[3] % g.getGroups())
    return op->emitOpError("expected channels that divide by ")
           << g.getGroups() << " groups, got " << in[3] << " and " << out[3];
  return success();
}

/// Checks one epilogue step; `channels` outputs, `operands` epilogue operands.
static LogicalResult verifyStep(Operation *op, Attribute step, int64_t channels,
                                int64_t operands) {
  // layer_c8
  auto sizes = [&](StringRef name, ArrayRef<double> a, ArrayRef<double> b) {
    return success(succeeded(perAxis(op, name, a.size(), channels)) &&
                   succeeded(perAxis(op, name, b.size(), channels)));
  };
  return llvm::TypeSwitch<Attribute, LogicalResult>(step)
      .Case([&](AffineStepAttr a) {
        return sizes("affine", a.getScale(), a.getOffset());
      })
      .Case([&](QuantizeStepAttr a) -> LogicalResult {
        if (failed(positiveScales(op, a.getScale())))
          return failure();
        if (a.getMin() > a.getMax())
          return op->emitOpError("expected min <= max, got ")
                 << a.getMin() << " and " << a.getMax();
        return sizes("quantize", a.getScale(), a.getZeroPoint());
      })
      .Case([&](DequantizeStepAttr a) {
        return sizes("dequantize", a.getScale(), a.getZeroPoint());
      })
      .Case([&](ThresholdStepAttr a) -> LogicalResult {
        int64_t held = a.getValues().size();
        if (a.getCount() > 0 &&
            (held == a.getCount() || held == a.getCount() * channels))
          return success();
        return op->emitOpError("expected ")
               << a.getCount() << " thresholds, or as many per channel, got "
               << held;
      })
      .Case([&](AddStepAttr a) -> LogicalResult {
        if (a.getOperand() >= 0 && a.getOperand() < operands)
          return success();
        return op->emitOpError("expected one of ")
               << operands << " epilogue operands, got " << a.getOperand();
      })
      .Case<ClampStepAttr, LeakyStepAttr>([](auto) { return success(); })
      .Default([&](Attribute other) -> LogicalResult {
        return op->emitOpError("expected an epilogue step, got ") << other;
      });
}

/// Whether the epilogue yields codes, and `element` holds them all.
static bool holdsCodes(LayerOp op, Type element) {
  auto holds = [&](int64_t min, int64_t max) {
    return min >= minCode(element) && max <= maxCode(element);
  };
  if (std::optional<ElementsAttr> thresholds = op.getThresholds())
    return holds(0, thresholds->getShapedType().getShape().back());
  if (op.getEpilogue().empty())
    return false;
  Attribute last = op.getEpilogue().getValue().back();
  if (auto quantize = dyn_cast<QuantizeStepAttr>(last))
    return holds(quantize.getMin(), quantize.getMax());
  if (auto threshold = dyn_cast<ThresholdStepAttr>(last))
    return holds(0, threshold.getCount());
  return false;
}

static LogicalResult verifyResults(LayerOp op) {
  int64_t codes = 0, floats = 0;
  ArrayRef<int64_t> shape = op.getGeometry().getOutput();
  for (Value result : op.getResults()) {
    // layer_c4
    if (failed(expectShape(op, result, shape)))
      return failure();
    Type element = tensorElement(result.getType());
    ++(element.isF32() ? floats : codes);
    // layer_c9
    if (!element.isF32() && !holdsCodes(op, element))
      return op.emitOpError("expected a last step whose codes fit ") << element;
  }
  // layer_c11
  if (codes + floats == 0 || codes > 1 || floats > 1)
    return op.emitOpError("expected one result of codes, one of f32, or both");
  return success();
}

static LogicalResult verifyThresholds(LayerOp op, int64_t channels) {
  std::optional<ElementsAttr> thresholds = op.getThresholds();
  if (!thresholds)
    return success();
  // layer_c10
  ArrayRef<int64_t> shape = thresholds->getShapedType().getShape();
  bool directed = op.getDescending() &&
                  static_cast<int64_t>(op.getDescending()->size()) == channels;
  if (shape.size() == 2 && shape[0] == channels && directed)
    return success();
  return op.emitOpError("expected thresholds and directions of ")
         << channels << " channels";
}

LogicalResult LayerOp::verify() {
  GeometryAttr g = getGeometry();
  if (failed(verifyGeometry(*this, g)))
    return failure();
  // layer_c4
  if (shapeOf(getInput()) != ArrayRef<int64_t>(g.getInput())) {
    InFlightDiagnostic diag = emitOpError("expected an input of ");
    diag << ArrayRef<int64_t>(g.getInput()) << ", got " << shapeOf(getInput());
    return diag;
  }
  // layer_c5
  int64_t channels = g.getOutput()[3];
  SmallVector<int64_t> weights = {channels, g.getKernel()[0], g.getKernel()[1],
                                  g.getInput()[3] / g.getGroups()};
  bool plain = shapeOf(getWeights()) == ArrayRef<int64_t>(weights);
  bool blob = getKernel() && shapeOf(getWeights()).size() == 1;
  if (!plain && !blob) {
    InFlightDiagnostic diag = emitOpError("expected weights of ");
    diag << ArrayRef<int64_t>(weights) << ", got " << shapeOf(getWeights());
    return diag;
  }
  Type element = tensorElement(getInput().getType());
  // layer_c12
  Type weight = tensorElement(getWeights().getType());
  if (!isa<IntegerType>(weight) && !(weight.isF32() && element.isF32()))
    return emitOpError("expected integer weights, or f32 by f32, got ")
           << element << " by " << weight;
  int64_t padCode = getPadCode();
  if (element.isF32() && padCode != 0)
    return emitOpError("expected padCode 0 for floats, got ") << padCode;
  // layer_c6
  if (!element.isF32() &&
      (padCode < minCode(element) || padCode > maxCode(element)))
    return emitOpError("expected a padCode of ")
           << element << ", got " << padCode;
  // layer_c7
  if (getWeightZero() &&
      static_cast<int64_t>(getWeightZero()->size()) != channels)
    return emitOpError("expected ") << channels << " values of weightZero, got "
                                    << getWeightZero()->size();
  for (Attribute step : getEpilogue())
    if (failed(verifyStep(*this, step, channels, getAddends().size())))
      return failure();
  for (Value operand : getAddends())
    if (failed(expectShape(*this, operand, g.getOutput())))
      return failure();
  if (failed(verifyThresholds(*this, channels)) || failed(verifyResults(*this)))
    return failure();
  // layer_c13
  int64_t min = getAccumulatorMin().value_or(0);
  int64_t max = getAccumulatorMax().value_or(0);
  if (min > max || !llvm::isInt<32>(min) || !llvm::isInt<32>(max))
    return emitOpError("expected accumulators of at most 32 bits, got ")
           << min << " to " << max;
  return success();
}

LogicalResult MaxPoolCodesOp::verify() {
  GeometryAttr g = getGeometry();
  // max_pool_codes_c1
  if (failed(verifyGeometry(*this, g)))
    return failure();
  if (g.getGroups() != 1 || g.getInput()[3] != g.getOutput()[3])
    return emitOpError("expected one group and equal channels");
  // max_pool_codes_c2
  if (shapeOf(getInput()) != ArrayRef<int64_t>(g.getInput()))
    return emitOpError("expected an input of the geometry's shape");
  if (failed(expectShape(*this, getResult(), g.getOutput())))
    return failure();
  return sameElement(*this, getInput(), getResult());
}

//===----------------------------------------------------------------------===//
// Packed level
//===----------------------------------------------------------------------===//

LogicalResult PackOp::verify() {
  // pack_c1
  if (failed(sameShape(*this, getInput(), getResult())))
    return failure();
  return sameElement(*this, getInput(), getResult());
}

LogicalResult UnpackOp::verify() {
  // unpack_c1
  if (failed(sameShape(*this, getInput(), getResult())))
    return failure();
  return sameElement(*this, getInput(), getResult());
}
