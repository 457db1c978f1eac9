//===- Epilogue.cpp - the lane steps of a layer and their constants -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Epilogue.h"
#include "lowering/Singles.h"
#include "lowering/Steps.h"
#include "mlir/IR/Builders.h"
#include <cmath>

using namespace mlir;

namespace ulq {

int64_t ParameterBlob::append(ArrayRef<uint8_t> bytes) {
  data.resize(roundUp(static_cast<int64_t>(data.size()), 64), 0);
  int64_t offset = static_cast<int64_t>(data.size());
  data.append(bytes.begin(), bytes.end());
  return offset;
}

namespace {

using Values = SmallVector<double>;

using Step = PlannedStep;

bool allEqual(const Values &values, double value) {
  return llvm::all_of(values, [&](double v) { return v == value; });
}

bool isIntegral(const Values &values) {
  return llvm::all_of(values, [](double v) { return std::nearbyint(v) == v; });
}

template <typename Function>
Values combine(const Values &lhs, const Values &rhs, Function function) {
  Values result(std::max(lhs.size(), rhs.size()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] =
        function(lhs[lhs.size() == 1 ? 0 : i], rhs[rhs.size() == 1 ? 0 : i]);
  return result;
}

Values divide(const Values &lhs, const Values &rhs) {
  return combine(lhs, rhs, std::divides<double>());
}

class Planner {
public:
  void add(Attribute step) {
    if (auto affine = dyn_cast<AffineStepAttr>(step))
      return addAffine(Values(affine.getScale().asArrayRef()),
                       Values(affine.getOffset().asArrayRef()));
    if (auto clamp = dyn_cast<ClampStepAttr>(step)) {
      push(LaneKind::Max, {clamp.getMin().getValueAsDouble()});
      return push(LaneKind::Min, {clamp.getMax().getValueAsDouble()});
    }
    if (auto leaky = dyn_cast<LeakyStepAttr>(step))
      return push(LaneKind::Leaky, {leaky.getAlpha().getValueAsDouble()});
    if (auto residual = dyn_cast<AddStepAttr>(step))
      return addResidual(residual);
    if (auto quantize = dyn_cast<QuantizeStepAttr>(step))
      return addQuantize(quantize);
    if (auto dequantize = dyn_cast<DequantizeStepAttr>(step))
      return addDequantize(dequantize);
    auto threshold = cast<ThresholdStepAttr>(step);
    steps.push_back(
        {LaneKind::Count, Values(threshold.getValues().asArrayRef()),
         threshold.getCount(), threshold.getFalling(), threshold.getStart()});
    barrier = steps.size();
  }

  void add(const Curve &curve) {
    push(LaneKind::Max, {curve.low}, /*index=*/1);
    push(LaneKind::Min, {curve.high});
    push(LaneKind::Curve, {});
    steps.back().curve = std::make_shared<Curve>(curve);
    pushRounded({0}, {double(curve.maxCode)}, int64_t(Rounding::HalfEven));
    barrier = steps.size();
  }

  void store(LaneKind kind) {
    push(kind, {});
    barrier = steps.size();
  }

  /// The steps that change anything.
  SmallVector<Step> take() {
    double infinity = std::numeric_limits<double>::infinity();
    llvm::erase_if(steps, [&](const Step &step) {
      return (step.kind == LaneKind::Mul && allEqual(step.values, 1)) ||
             (step.kind == LaneKind::Add && allEqual(step.values, 0)) ||
             (step.kind == LaneKind::Max && allEqual(step.values, -infinity)) ||
             (step.kind == LaneKind::Min && allEqual(step.values, infinity));
    });
    for (size_t i = 0; i < steps.size(); ++i)
      joinClamps(i);
    return std::move(steps);
  }

private:
  bool isScalar(size_t i, LaneKind kind) {
    return i < steps.size() && steps[i].kind == kind &&
           allEqual(steps[i].values, steps[i].values.front());
  }

  /// An activation's clamp at step i, to [a, b], or to [a, infinity), is done
  /// by the quantizer's behind it, to [c, d], where a <= c <= b. What becomes
  /// of NaN, c, stays.
  void joinClamps(size_t i) {
    if (!isScalar(i, LaneKind::Max))
      return;
    bool bounded = isScalar(i + 1, LaneKind::Min);
    size_t next = i + (bounded ? 2 : 1);
    if (!isScalar(next, LaneKind::Max) || !steps[next].index ||
        !isScalar(next + 1, LaneKind::Min))
      return;
    double low = steps[next].values.front();
    double high = steps[next + 1].values.front();
    double upper = bounded ? steps[i + 1].values.front() : high;
    if (!(steps[i].values.front() <= low && low <= upper))
      return;
    steps[next + 1].values = {std::min(high, upper)};
    steps.erase(steps.begin() + i, steps.begin() + next);
  }

  void push(LaneKind kind, Values values, int64_t index = 0) {
    steps.push_back({kind, std::move(values), index});
  }

  void addAffine(Values scale, Values offset) {
    push(LaneKind::Mul, std::move(scale));
    push(LaneKind::Add, std::move(offset));
  }

  void addResidual(AddStepAttr step) {
    push(LaneKind::Load, {}, step.getOperand());
    addAffine({step.getScale().getValueAsDouble()},
              {step.getOffset().getValueAsDouble()});
    push(LaneKind::AddLoaded, {});
  }

  void addDequantize(DequantizeStepAttr step) {
    Values zero(step.getZeroPoint().asArrayRef());
    for (double &value : zero)
      value = -value;
    push(LaneKind::Add, zero);
    push(LaneKind::Mul, Values(step.getScale().asArrayRef()));
    // The sum comes first here, so a later scale cannot move in.
    barrier = steps.size();
  }

  void addQuantize(QuantizeStepAttr step) {
    divideBy(Values(step.getScale().asArrayRef()));
    Values zero(step.getZeroPoint().asArrayRef());
    Values min = {static_cast<double>(step.getMin())};
    Values max = {static_cast<double>(step.getMax())};
    auto mode = static_cast<int64_t>(step.getRounding().getValue());
    if (step.getZeroPointFirst()) {
      push(LaneKind::Add, zero);
      pushRounded(min, max, mode);
    } else if (isIntegral(zero)) {
      // Clamping to integers and rounding commute, and the clamped number is
      // small enough for the rounding.
      pushRounded(combine(min, zero, std::minus<double>()),
                  combine(max, zero, std::minus<double>()), mode);
      push(LaneKind::Add, zero);
    } else {
      double limit = std::ldexp(1.0, 50);
      pushRounded({-limit}, {limit}, mode);
      push(LaneKind::Add, zero);
      push(LaneKind::Max, min);
      push(LaneKind::Min, max);
    }
    barrier = steps.size();
  }

  void pushRounded(Values min, Values max, int64_t mode) {
    push(LaneKind::Max, std::move(min), /*index=*/1);
    push(LaneKind::Min, std::move(max));
    push(LaneKind::Round, {}, mode);
  }

  /// v / scale. The steps since the last rounding commute with a positive
  /// factor, so their constants are divided instead: one correctly rounded
  /// division each, which keeps exact ties exact where the quotient is.
  void divideBy(const Values &scale) {
    if (allEqual(scale, 1))
      return;
    if (barrier == steps.size() || steps[barrier].kind != LaneKind::Mul)
      return push(LaneKind::Div, scale);
    bool scaled = false; // the current value is already in units of `scale`
    for (size_t i = barrier; i < steps.size(); ++i) {
      Step &step = steps[i];
      if (step.kind == LaneKind::Load)
        scaled = false;
      if (step.kind == LaneKind::Mul && !scaled) {
        bool unit = allEqual(step.values, 1);
        step.kind = unit ? LaneKind::Div : LaneKind::Mul;
        step.values = unit ? scale : divide(step.values, scale);
        scaled = true;
      } else if (step.kind == LaneKind::Add || step.kind == LaneKind::Max ||
                 step.kind == LaneKind::Min) {
        step.values = divide(step.values, scale);
      }
    }
  }

  SmallVector<Step> steps;
  size_t barrier = 0; // steps before it are done with
};

/// Spreads the constants of steps over the lanes of panels.
struct Placer {
  const PanelLanes &lanes;
  ParameterBlob &blob;
  MLIRContext *context;
  bool singles;

  int64_t channels() const { return lanes.groups * lanes.outputs; }

  /// `count` numbers for all channels, or arrays from values channel after
  /// channel.
  int64_t placeCounts(const Values &values, int64_t count) {
    if (isShared(values, count))
      return blob.appendArray<double>(values);
    Values arrays;
    for (int64_t t = 0; t < count; ++t) {
      Values level;
      for (int64_t n = 0; n < channels(); ++n)
        level.push_back(values[n * count + t]);
      arrays.append(lanes.spread<double>(level, 0));
    }
    return blob.appendArray<double>(arrays);
  }
  static bool isShared(const Values &values, int64_t count) {
    return static_cast<int64_t>(values.size()) == count;
  }

  int64_t placeCurve(const Curve &curve) {
    SmallVector<float> tables;
    for (const auto &power : curve.coefficients)
      tables.append(power.begin(), power.end());
    return blob.appendArray<float>(tables);
  }

  LaneStepAttr place(const Step &step) {
    if (step.kind == LaneKind::Count)
      return make(step, FloatAttr(), placeCounts(step.values, step.index));
    if (step.kind == LaneKind::Curve)
      return make(step, FloatAttr(), placeCurve(*step.curve));
    if (step.values.empty())
      return make(step, FloatAttr(), -1);
    if (allEqual(step.values, step.values.front())) {
      Builder builder(context);
      auto value = builder.getF64FloatAttr(step.values.front());
      return make(step, value, -1);
    }
    // Lanes that hold no channel have v = 1, which is in no doubt, and 1 is
    // harmless as a divisor.
    double unused = step.kind == LaneKind::Mul ? 0 : 1;
    SmallVector<double> spread = lanes.spread<double>(step.values, unused);
    int64_t slot = singles ? blob.appendArray<float>(SmallVector<float>(
                                 spread.begin(), spread.end()))
                           : blob.appendArray<double>(spread);
    return make(step, FloatAttr(), slot);
  }

  LaneStepAttr make(const Step &step, FloatAttr value, int64_t slot) {
    bool shared =
        step.kind == LaneKind::Count && isShared(step.values, step.index);
    return LaneStepAttr::get(context, step.kind, value, slot, step.index,
                             step.falling, step.start, shared);
  }
};

/// Thresholds for `a > t`. A lane whose thresholds descend compares ~a, which
/// reverses the order of all 32-bit integers. Thresholds beyond the
/// accumulator's range are moved to its ends.
void planThresholds(LayerOp op, const PanelLanes &lanes, ParameterBlob &blob,
                    EpiloguePlan &plan) {
  auto values = llvm::to_vector(llvm::map_range(
      cast<DenseElementsAttr>(*op.getThresholds()).getValues<APInt>(),
      [](const APInt &value) { return value.getSExtValue(); }));
  ArrayRef<bool> descending = *op.getDescending();
  int64_t channels = static_cast<int64_t>(descending.size());
  int64_t levels = static_cast<int64_t>(values.size()) / channels;
  int64_t min = op.getAccumulatorMin().value_or(-llvm::maxIntN(32));
  int64_t max = op.getAccumulatorMax().value_or(llvm::maxIntN(32) - 1);
  SmallVector<int32_t> arrays;
  for (int64_t t = 0; t < levels; ++t) {
    SmallVector<int32_t> level;
    for (int64_t n = 0; n < channels; ++n) {
      int64_t value = values[n * levels + t];
      value = descending[n] ? ~std::clamp(value, min - 1, max)
                            : std::clamp(value, min, max + 1);
      level.push_back(static_cast<int32_t>(value - 1));
    }
    arrays.append(lanes.spread<int32_t>(level, 0));
  }
  plan.levels = levels;
  plan.falling = op.getFalling();
  plan.start = op.getStart();
  plan.thresholdSlot = blob.appendArray<int32_t>(arrays);
  if (!llvm::is_contained(descending, true))
    return;
  SmallVector<int32_t> flips;
  for (bool reversed : descending)
    flips.push_back(reversed ? -1 : 0);
  plan.flipSlot = blob.appendArray<int32_t>(lanes.spread<int32_t>(flips, 0));
}

} // namespace

std::optional<SmallVector<PlannedStep>> planCurves(ArrayAttr steps) {
  MLIRContext *context = steps.getContext();
  auto number = [&](double value) {
    return DenseF64ArrayAttr::get(context, {value});
  };
  SmallVector<Attribute> before;
  Planner planner;
  auto addAll = [&] {
    for (Attribute step : mergeAffines(ArrayAttr::get(context, before)))
      planner.add(step);
    before.clear();
  };
  bool curved = false;
  for (Attribute step : steps) {
    auto threshold = dyn_cast<ThresholdStepAttr>(step);
    std::optional<Curve> curve = threshold ? fitCurve(threshold) : std::nullopt;
    if (!curve) {
      before.push_back(step);
      continue;
    }
    before.push_back(AffineStepAttr::get(context, number(curve->scale),
                                         number(curve->offset)));
    addAll();
    planner.add(*curve);
    curved = true;
  }
  addAll();
  if (!curved)
    return std::nullopt;
  planner.store(LaneKind::StoreCode);
  return planner.take();
}

EpiloguePlan planEpilogue(LayerOp op, const PanelLanes &lanes,
                          ParameterBlob &blob) {
  EpiloguePlan plan;
  bool codes = false, floats = false;
  for (Value output : op.getOutputs()) {
    bool isFloat = tensorElement(output.getType()).isF32();
    (isFloat ? floats : codes) = true;
  }
  if (op.getWeightZero())
    plan.zeroSlot = blob.appendArray<int32_t>(
        lanes.spread<int32_t>(*op.getWeightZero(), 0));
  bool byThresholds = codes && op.getThresholds();
  std::optional<SingleSteps> singles;
  if (byThresholds && !floats)
    singles = thresholdsInSingles(op);
  if (byThresholds && (!singles || singles->leavesDoubt))
    planThresholds(op, lanes, blob, plan);
  if (byThresholds && !floats && !singles)
    return plan;

  Planner planner;
  ArrayRef<Attribute> steps = op.getEpilogue().getValue();
  bool quantizes =
      !steps.empty() && isa<QuantizeStepAttr, ThresholdStepAttr>(steps.back());
  ArrayRef<Attribute> before = codes && quantizes ? steps.drop_back() : steps;
  for (Attribute step : before)
    planner.add(step);
  if (floats)
    planner.store(LaneKind::StoreFloat);
  if (codes && !byThresholds) {
    planner.add(steps.back());
    planner.store(LaneKind::StoreCode);
  }
  SmallVector<Step> planned = planner.take();
  if (!singles && !floats && codes)
    singles = curvesInSingles(op);
  if (!singles && !floats)
    singles = stepsInSingles(op, planned);
  auto place = [&](ArrayRef<Step> steps, bool inSingles) {
    Placer placer{lanes, blob, op.getContext(), inSingles};
    return llvm::map_to_vector(steps, [&](const Step &step) -> Attribute {
      return placer.place(step);
    });
  };
  if (!singles) {
    plan.steps = place(planned, false);
    return plan;
  }
  plan.singles = true;
  plan.steps = place(singles->steps, true);
  if (singles->leavesDoubt && !byThresholds)
    plan.exactSteps = place(planned, false);
  return plan;
}

} // namespace ulq
