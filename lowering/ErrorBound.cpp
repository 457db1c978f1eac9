//===- ErrorBound.cpp - how far lane steps in f32 are from those in f64 ---===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/ErrorBound.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

namespace {

/// Half a unit in the last place of 1, and the integers that f32 holds.
constexpr double kHalfUnit = 0x1p-24, kExactIntegers = 0x1p24;

/// The value of the lowest bit of c.
double lowestBit(double c) {
  int exponent = 0;
  auto digits = static_cast<int64_t>(std::ldexp(std::frexp(c, &exponent), 53));
  return c == 0 ? std::numeric_limits<double>::infinity()
                : std::ldexp(double(digits & -digits), exponent - 53);
}

/// Bounds |f32 - f64| before each rounding, of one channel. Values that are
/// clamped anyway do not count: their error grows with their size, which is
/// less than their distance from the clamp.
class ErrorBound {
public:
  /// `codes` is the largest code of an addend.
  ErrorBound(ArrayRef<PlannedStep> steps, int64_t channel, double codes)
      : steps(steps), channel(channel), sizes(steps.size(), 0) {
    boundAddends(codes);
    boundValues();
  }

  /// For accumulators of that size. Where `unit` divides every value and is not
  /// too small, f32 holds the values.
  SmallVector<double> bounds(double largest) const {
    double error = largest <= kExactIntegers ? 0 : accumulator * kHalfUnit;
    double unit = 1, saved = 0, savedUnit = 1;
    SmallVector<double> bounds;
    for (size_t i = 0; i < steps.size(); ++i) {
      double c = constant(i), size = sizes[i];
      double rounded = float(c) == c ? 0 : std::abs(c) * kHalfUnit;
      switch (steps[i].kind) {
      case LaneKind::Mul:
        unit *= lowestBit(c);
        error = error * std::abs(c) + (rounded == 0 ? 0 : size * kHalfUnit);
        break;
      case LaneKind::Div:
        unit = 0;
        error = error / c + (rounded == 0 ? 0 : size * kHalfUnit);
        break;
      case LaneKind::Leaky:
        unit *= std::min(1.0, lowestBit(c));
        error = error * std::max(1.0, std::abs(c)) + size * kHalfUnit;
        break;
      case LaneKind::Add:
        unit = std::min(unit, lowestBit(c));
        error += rounded;
        break;
      case LaneKind::Load:
        std::swap(error, saved);
        std::swap(unit, savedUnit);
        error = 0;
        unit = 1;
        continue;
      case LaneKind::AddLoaded:
        unit = std::min(unit, savedUnit);
        error += saved;
        break;
      case LaneKind::Curve:
        error = error > Curve::kSlack
                    ? std::numeric_limits<double>::infinity()
                    : error * steps[i].curve->slope + steps[i].curve->error;
        continue;
      case LaneKind::Round:
        bounds.push_back(error);
        error = 0;
        unit = 1;
        continue;
      default:
        error += rounded;
        continue;
      }
      if (error > 0 || !(size <= unit * kExactIntegers))
        error += size * kHalfUnit;
    }
    return bounds;
  }

private:
  double constant(size_t i) const { return steps[i].constant(channel); }

  /// Sizes of what is loaded and scaled, from that of the largest code.
  void boundAddends(double codes) {
    bool loaded = false;
    double size = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      LaneKind kind = steps[i].kind;
      if (kind == LaneKind::AddLoaded)
        loaded = false;
      if (kind == LaneKind::Load)
        loaded = true, size = codes;
      if (!loaded)
        continue;
      double c = std::abs(constant(i));
      if (kind == LaneKind::Mul)
        size *= c;
      else if (kind == LaneKind::Div)
        size /= c;
      else if (kind == LaneKind::Add)
        size += c;
      sizes[i] = size;
    }
  }

  /// Sizes of the other values, from the clamps backwards.
  void boundValues() {
    double size = 0;
    for (size_t i = steps.size(); i-- > 0;) {
      double c = std::abs(constant(i));
      if (steps[i].kind == LaneKind::Round || steps[i].kind == LaneKind::Curve)
        size = 0;
      if (sizes[i] > 0 && steps[i].kind != LaneKind::Load)
        continue; // of an addend
      if (steps[i].kind == LaneKind::AddLoaded) {
        sizes[i] = size;
        size += sizes[i - 1];
        continue;
      }
      if (steps[i].kind == LaneKind::Load)
        continue;
      sizes[i] = size;
      if (steps[i].kind == LaneKind::Max || steps[i].kind == LaneKind::Min)
        size = std::max(size, c + 1);
      else if (steps[i].kind == LaneKind::Add)
        size += c;
      else if (steps[i].kind == LaneKind::Mul && c > 0)
        size /= c;
      else if (steps[i].kind == LaneKind::Div)
        size *= c;
      else if (steps[i].kind == LaneKind::Leaky)
        size = std::max(size, size / c);
    }
    accumulator = size;
  }

  ArrayRef<PlannedStep> steps;
  int64_t channel;
  SmallVector<double> sizes; // of the value behind each step
  double accumulator = 0;
};

bool areWhole(const PlannedStep &step) {
  return llvm::all_of(step.values, [](double v) {
    return v == std::nearbyint(v) && std::abs(v) < 0x1p22;
  });
}

/// Whether every step but roundings to the nearest, of what was clamped to
/// integers, changes little where the value does, and what follows the last
/// rounding is exact.
bool areSmooth(ArrayRef<PlannedStep> steps) {
  bool exact = false; // before step i
  bool rounds = false;
  for (auto [i, step] : llvm::enumerate(steps)) {
    switch (step.kind) {
    case LaneKind::Count:
    case LaneKind::StoreFloat:
      return false;
    case LaneKind::Round:
      if (step.index != int64_t(Rounding::HalfEven) || i < 2 ||
          steps[i - 2].kind != LaneKind::Max || !areWhole(steps[i - 2]) ||
          steps[i - 1].kind != LaneKind::Min || !areWhole(steps[i - 1]))
        return false;
      exact = rounds = true;
      break;
    case LaneKind::Add:
    case LaneKind::Max:
    case LaneKind::Min:
    case LaneKind::StoreCode:
      exact &= areWhole(step);
      break;
    default:
      exact = false;
    }
  }
  return rounds && exact;
}

} // namespace

std::optional<SmallVector<double>> ulq::boundErrors(ArrayRef<PlannedStep> steps,
                                                    int64_t channels,
                                                    int64_t accumulator,
                                                    int64_t code) {
  if (!areSmooth(steps))
    return std::nullopt;
  SmallVector<double> most;
  for (int64_t n = 0; n < channels; ++n) {
    auto bounds = ErrorBound(steps, n, double(code)).bounds(accumulator);
    most.resize(bounds.size(), 0);
    // The factor is for products of errors.
    for (auto [all, own] : llvm::zip_equal(most, bounds))
      all = std::max(all, own * (1 + 0x1p-16));
  }
  return most;
}
