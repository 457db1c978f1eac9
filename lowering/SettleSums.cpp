//===- SettleSums.cpp - sums of codes without doubt -----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/SettleSums.h"
#include "lowering/EvaluateSteps.h"

using namespace mlir;
using namespace ulq;

namespace {

using Steps = SmallVector<PlannedStep>;

/// The largest codes whose sums are tried.
constexpr int64_t kMostCodes = 255;
/// Neighbours of a constant that are tried, on each side.
constexpr int64_t kNudges = 8;

bool isScalar(const PlannedStep &step) { return step.values.size() <= 1; }

/// Whether `steps`, from a code up to `last` and at most one addend to the next
/// rounding, yield the same in f32 as `exact` do in f64: by trying all codes.
bool agreeForCodes(ArrayRef<PlannedStep> steps, ArrayRef<PlannedStep> exact,
                   int64_t last, int64_t addend) {
  for (int64_t code = 0; code <= last; ++code)
    for (int64_t other = 0; other <= addend; ++other)
      if (evaluate<float>(steps, 0, code, double(other)) !=
          evaluate<double>(exact, 0, code, double(other)))
        return false;
  return true;
}

/// Moves a constant of `steps`, from one rounding to the next, to a neighbour
/// in f32 until all codes agree.
bool nudgeForCodes(MutableArrayRef<PlannedStep> steps, int64_t last,
                   int64_t addend) {
  auto count = [&](LaneKind kind) {
    return llvm::count_if(
        steps, [&](const PlannedStep &step) { return step.kind == kind; });
  };
  bool isSum = llvm::all_of(steps, isScalar) && count(LaneKind::Load) <= 1 &&
               count(LaneKind::Curve) == 0;
  if (!isSum || last > kMostCodes || addend > kMostCodes)
    return false;
  Steps exact(steps.begin(), steps.end());
  if (agreeForCodes(steps, exact, last, addend))
    return true;
  auto factor = llvm::find_if(llvm::reverse(steps), [](const auto &step) {
    return step.kind == LaneKind::Mul || step.kind == LaneKind::Div;
  });
  if (factor == steps.rend())
    return false;
  double original = factor->values.front();
  auto up = static_cast<float>(original), down = up;
  for (int64_t n = 0; n < kNudges; ++n) {
    up = std::nextafter(up, 2 * up);
    down = std::nextafter(down, 0.0f);
    for (float near : {up, down}) {
      factor->values = {near};
      if (agreeForCodes(steps, exact, last, addend))
        return true;
    }
  }
  factor->values = {original};
  return false;
}

} // namespace

void ulq::settleSums(Steps &steps, MutableArrayRef<double> errors,
                     int64_t addend) {
  size_t first = 0, rounding = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind != LaneKind::Round)
      continue;
    if (rounding > 0 && errors[rounding] > 0 &&
        nudgeForCodes(MutableArrayRef(steps).slice(first, i + 1 - first),
                      int64_t(steps[first - 2].constant(0)), addend))
      errors[rounding] = 0;
    first = i + 1;
    ++rounding;
  }
}
