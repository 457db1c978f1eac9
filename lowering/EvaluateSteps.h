//===- EvaluateSteps.h - lane steps, computed on the host -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_EVALUATESTEPS_H
#define ULQ_LOWERING_EVALUATESTEPS_H

#include "lowering/PlanSteps.h"
#include <cmath>

namespace ulq {

/// The lane steps in f32 or f64 as the kernels compute them, which round
/// products before sums, too.
template <typename Real>
Real evaluate(llvm::ArrayRef<PlannedStep> steps, int64_t channel,
              int64_t accumulator, double addend) {
#pragma STDC FP_CONTRACT OFF
  const Real magic =
      std::ldexp(Real(1.5), std::numeric_limits<Real>::digits - 1);
  auto v = static_cast<Real>(static_cast<int32_t>(accumulator));
  Real saved = 0;
  for (const PlannedStep &step : steps) {
    auto c = static_cast<Real>(step.constant(channel));
    switch (step.kind) {
    case LaneKind::Mul:
      v = v * c;
      break;
    case LaneKind::Div:
      v = v / c;
      break;
    case LaneKind::Add:
      v = v + c;
      break;
    case LaneKind::Max:
      v = std::max(v, c);
      break;
    case LaneKind::Min:
      v = std::min(v, c);
      break;
    case LaneKind::Leaky:
      v = v < 0 ? v * c : v;
      break;
    case LaneKind::Load:
      saved = v;
      v = static_cast<Real>(addend);
      break;
    case LaneKind::AddLoaded:
      v = saved + v;
      break;
    case LaneKind::Round:
      v = (v + magic) - magic;
      break;
    default:
      break;
    }
  }
  return v;
}

} // namespace ulq

#endif // ULQ_LOWERING_EVALUATESTEPS_H
