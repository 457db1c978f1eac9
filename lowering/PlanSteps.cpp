//===- PlanSteps.cpp - steps of an epilogue as steps over lanes -----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/PlanSteps.h"
#include "lowering/Steps.h"
#include <cmath>

using namespace mlir;

namespace ulq {

namespace {

using Values = SmallVector<double>;

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
  SmallVector<PlannedStep> take() {
    double infinity = std::numeric_limits<double>::infinity();
    llvm::erase_if(steps, [&](const PlannedStep &step) {
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
      PlannedStep &step = steps[i];
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

  SmallVector<PlannedStep> steps;
  size_t barrier = 0; // steps before it are done with
};

} // namespace

SmallVector<PlannedStep> planSteps(ArrayRef<Attribute> steps, bool storesFloats,
                                   Attribute code) {
  Planner planner;
  for (Attribute step : steps)
    planner.add(step);
  if (storesFloats)
    planner.store(LaneKind::StoreFloat);
  if (code) {
    planner.add(code);
    planner.store(LaneKind::StoreCode);
  }
  return planner.take();
}

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

} // namespace ulq
