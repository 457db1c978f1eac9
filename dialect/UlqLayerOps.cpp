//===- UlqLayerOps.cpp - verifiers of the integer and packed level --------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Checks.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace ulq;
using namespace ulq::checks;

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
        if (a.getCount() <= 0 ||
            (held != a.getCount() && held != a.getCount() * channels))
          return op->emitOpError("expected ")
                 << a.getCount() << " thresholds, or as many per channel, got "
                 << held;
        if (a.getFalling() >= 0 && a.getFalling() <= a.getCount())
          return success();
        return op->emitOpError("expected at most ")
               << a.getCount() << " falling thresholds, got " << a.getFalling();
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
  if (op.getThresholds())
    return std::apply(holds, op.thresholdCodes());
  if (op.getEpilogue().empty())
    return false;
  Attribute last = op.getEpilogue().getValue().back();
  if (auto quantize = dyn_cast<QuantizeStepAttr>(last))
    return holds(quantize.getMin(), quantize.getMax());
  if (auto threshold = dyn_cast<ThresholdStepAttr>(last))
    return std::apply(holds, codesOf(threshold));
  return false;
}

std::pair<int64_t, int64_t> LayerOp::thresholdCodes() {
  int64_t count = getThresholds()->getShapedType().getShape().back();
  int64_t start = getStart();
  if (getFalling() == 0)
    return {start, start + count};
  SmallVector<double> values;
  for (auto [i, value] :
       llvm::enumerate(getThresholds()->getValues<int32_t>())) {
    bool down = (*getDescending())[i / count];
    values.push_back(down ? -double(value) : double(value));
  }
  return codesOf(values, count, getFalling(), start);
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
  if (shape.size() != 2 || shape[0] != channels || !directed)
    return op.emitOpError("expected thresholds and directions of ")
           << channels << " channels";
  int64_t falling = op.getFalling();
  if (falling >= 0 && falling <= shape[1])
    return success();
  return op.emitOpError("expected at most ")
         << shape[1] << " falling thresholds, got " << falling;
}

static LogicalResult verifyWeightShape(LayerOp op) {
  GeometryAttr g = op.getGeometry();
  int64_t channels = g.getOutput()[3];
  SmallVector<int64_t> weights = {channels, g.getKernel()[0], g.getKernel()[1],
                                  g.getInput()[3] / g.getGroups()};
  if (op.getComputedWeights())
    weights = {g.getInput()[0], channels, 1, g.getInput()[3]};
  // layer_c5
  bool plain = shapeOf(op.getWeights()) == ArrayRef<int64_t>(weights);
  bool blob = op.getKernel() && !op.getComputedWeights() &&
              shapeOf(op.getWeights()).size() == 1;
  if (plain || blob)
    return success();
  InFlightDiagnostic diag = op.emitOpError("expected weights of ");
  diag << ArrayRef<int64_t>(weights) << ", got " << shapeOf(op.getWeights());
  return diag;
}

static LogicalResult verifyComputedWeights(LayerOp op) {
  Type input = tensorElement(op.getInput().getType());
  Type weight = tensorElement(op.getWeights().getType());
  // layer_c15
  if (op.getInputZero() && (!op.getComputedWeights() || input.isF32()))
    return op.emitOpError("expected inputZero beside computed codes only");
  if (!op.getComputedWeights())
    return success();
  // layer_c14
  bool alike = input.isF32() ? weight.isF32()
                             : isCodeType(weight) &&
                                   cast<IntegerType>(weight).isUnsigned();
  if (!alike)
    return op.emitOpError("expected computed weights of unsigned codes, or "
                          "f32 by f32, got ")
           << input << " by " << weight;
  auto lhs = dyn_cast<PackedType>(op.getInput().getType());
  auto rhs = dyn_cast<PackedType>(op.getWeights().getType());
  if (bool(lhs) != bool(rhs) || (lhs && lhs.getLayout() != rhs.getLayout()))
    return op.emitOpError("expected operands packed at one width, got ")
           << op.getInput().getType() << " by " << op.getWeights().getType();
  if (op.getWeightZero() && !llvm::all_equal(*op.getWeightZero()))
    return op.emitOpError("expected one weightZero beside computed weights");
  GeometryAttr g = op.getGeometry();
  auto all = [](DenseI64ArrayAttr values, int64_t value) {
    return llvm::all_of(values.asArrayRef(),
                        [=](int64_t v) { return v == value; });
  };
  if (g.getGroups() != 1 || !all(g.getKernel(), 1) || !all(g.getStrides(), 1) ||
      !all(g.getPads(), 0))
    return op.emitOpError("expected computed weights for a 1x1 kernel without "
                          "strides, pads and groups");
  return success();
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
  if (failed(verifyWeightShape(*this)) || failed(verifyComputedWeights(*this)))
    return failure();
  int64_t channels = g.getOutput()[3];
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

LogicalResult NonMaxSuppressionOp::verify() {
  ArrayRef<int64_t> boxes = shapeOf(getBoxes()), scores = shapeOf(getScores());
  // non_max_suppression_c1
  if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 ||
      boxes[0] != scores[0] || boxes[1] != scores[2]) {
    InFlightDiagnostic diag =
        emitOpError("expected [batch, boxes, 4] and [batch, classes, boxes], "
                    "got ");
    diag << boxes << " and " << scores;
    return diag;
  }
  // non_max_suppression_c2
  ArrayRef<int64_t> rows = shapeOf(getRows());
  int64_t classes = scores[0] * scores[1];
  if (rows.size() != 2 || rows[1] != 3 || classes == 0 || rows[0] % classes ||
      rows[0] < classes || rows[0] > classes * boxes[1]) {
    InFlightDiagnostic diag = emitOpError("expected 1 to ");
    diag << boxes[1] << " rows of 3 for each of " << classes << " classes, got "
         << rows;
    return diag;
  }
  // non_max_suppression_c3
  SmallVector<Value> numbers = {getMaxOutput(), getIouThreshold(), getCount()};
  if (getScoreThreshold())
    numbers.push_back(getScoreThreshold());
  for (Value number : numbers)
    if (failed(isNumber(*this, number)))
      return failure();
  return success();
}

int64_t NonMaxSuppressionOp::getLimit() {
  ArrayRef<int64_t> scores = shapeOf(getScores());
  return shapeOf(getRows())[0] / (scores[0] * scores[1]);
}

LogicalResult TopKOp::verify() {
  ArrayRef<int64_t> from = shapeOf(getInput()), to = shapeOf(getValues());
  // top_k_c1
  if (from.size() != 2)
    return emitOpError("expected an input of rank 2, got ") << from.size();
  // top_k_c2
  bool isPart = to.size() == 2 && to[0] == from[0] && to[1] <= from[1];
  if (isPart && to == shapeOf(getIndices()))
    return success();
  InFlightDiagnostic diag = emitOpError("expected a part of each row of ");
  diag << from << ", got " << to << " and " << shapeOf(getIndices());
  return diag;
}

LogicalResult FirstRowsOp::verify() {
  // first_rows_c1
  if (failed(isNumber(*this, getCount())))
    return failure();
  // first_rows_c2
  SmallVector<int64_t> expected(shapeOf(getInput()));
  if (expected.empty())
    return emitOpError("expected rows, got a number");
  expected.front() = ShapedType::kDynamic;
  if (shapeOf(getResult()) != ArrayRef<int64_t>(expected))
    return emitOpError("expected the input's type with an open first extent, "
                       "got ")
           << getType();
  return success();
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
