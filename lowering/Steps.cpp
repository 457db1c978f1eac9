//===- Steps.cpp - the meaning of epilogue steps --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Steps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ulq;

// The product of an affine step is rounded before the sum on every host.
#pragma STDC FP_CONTRACT OFF

double ulq::roundTo(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::HalfEven:
    return std::nearbyint(value); // the default rounding mode of the host
  case Rounding::HalfUp:
    return std::round(value);
  case Rounding::HalfDown:
    return std::copysign(std::ceil(std::abs(value) - 0.5), value);
  case Rounding::Ceil:
    return std::ceil(value);
  case Rounding::Floor:
    return std::floor(value);
  case Rounding::Up:
    return std::copysign(std::ceil(std::abs(value)), value);
  case Rounding::Down:
    return std::trunc(value);
  }
  llvm_unreachable("covered switch");
}

double ulq::channelValue(DenseF64ArrayAttr array, int64_t channel) {
  return array[array.size() == 1 ? 0 : channel];
}

bool ulq::isUnary(ArrayAttr steps) {
  return llvm::none_of(steps,
                       [](Attribute step) { return isa<AddStepAttr>(step); });
}

bool ulq::isMonotone(ArrayAttr steps) {
  return isUnary(steps) && llvm::none_of(steps, [](Attribute step) {
           auto leaky = dyn_cast<LeakyStepAttr>(step);
           auto threshold = dyn_cast<ThresholdStepAttr>(step);
           return (leaky && leaky.getAlpha().getValueAsDouble() < 0) ||
                  (threshold && threshold.getFalling());
         });
}

static double quantize(QuantizeStepAttr step, int64_t channel, double v) {
  double min = step.getMin(), max = step.getMax();
  double zero = channelValue(step.getZeroPoint(), channel);
  double scaled = v / channelValue(step.getScale(), channel);
  Rounding rounding = step.getRounding().getValue();
  if (step.getZeroPointFirst())
    return roundTo(std::clamp(scaled + zero, min, max), rounding);
  return std::clamp(roundTo(scaled, rounding) + zero, min, max);
}

static double countReached(ThresholdStepAttr step, int64_t channel, double v) {
  ArrayRef<double> values = step.getValues();
  int64_t count = step.getCount();
  if (static_cast<int64_t>(values.size()) > count)
    values = values.slice(channel * count, count);
  auto reached = [&](ArrayRef<double> some) -> int64_t {
    return llvm::count_if(some, [&](double t) { return v >= t; });
  };
  int64_t rising = count - step.getFalling();
  return double(step.getStart() + reached(values.take_front(rising)) -
                reached(values.drop_front(rising)));
}

double ulq::evaluateSteps(ArrayAttr steps, int64_t channel, double v,
                          ArrayRef<double> addends) {
  for (Attribute step : steps)
    v = llvm::TypeSwitch<Attribute, double>(step)
            .Case([&](AffineStepAttr a) {
              return v * channelValue(a.getScale(), channel) +
                     channelValue(a.getOffset(), channel);
            })
            .Case([&](ClampStepAttr a) {
              return std::min(std::max(v, a.getMin().getValueAsDouble()),
                              a.getMax().getValueAsDouble());
            })
            .Case([&](LeakyStepAttr a) {
              return v < 0 ? v * a.getAlpha().getValueAsDouble() : v;
            })
            .Case([&](QuantizeStepAttr a) { return quantize(a, channel, v); })
            .Case([&](DequantizeStepAttr a) {
              return (v - channelValue(a.getZeroPoint(), channel)) *
                     channelValue(a.getScale(), channel);
            })
            .Case([&](ThresholdStepAttr a) {
              return countReached(a, channel, v);
            })
            .Case([&](AddStepAttr a) {
              return v + (addends[a.getOperand()] *
                              a.getScale().getValueAsDouble() +
                          a.getOffset().getValueAsDouble());
            });
  return v;
}

static AffineStepAttr compose(AffineStepAttr first, AffineStepAttr second) {
  SmallVector<double> scale, offset;
  size_t count =
      std::max({first.getScale().size(), first.getOffset().size(),
                second.getScale().size(), second.getOffset().size()});
  for (size_t n = 0; n < count; ++n) {
    double factor = channelValue(second.getScale(), n);
    scale.push_back(channelValue(first.getScale(), n) * factor);
    offset.push_back(channelValue(first.getOffset(), n) * factor +
                     channelValue(second.getOffset(), n));
  }
  MLIRContext *context = first.getContext();
  return AffineStepAttr::get(context, DenseF64ArrayAttr::get(context, scale),
                             DenseF64ArrayAttr::get(context, offset));
}

ArrayAttr ulq::mergeAffines(ArrayAttr steps) {
  SmallVector<Attribute> merged;
  for (Attribute step : steps) {
    auto affine = dyn_cast<AffineStepAttr>(step);
    auto previous =
        merged.empty() ? nullptr : dyn_cast<AffineStepAttr>(merged.back());
    if (affine && previous)
      merged.back() = compose(previous, affine);
    else
      merged.push_back(step);
  }
  return ArrayAttr::get(steps.getContext(), merged);
}
