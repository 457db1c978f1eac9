//===- ErrorBound.h - how far lane steps in f32 are from those in f64 -----===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ERRORBOUND_H
#define ULQ_LOWERING_ERRORBOUND_H

#include "lowering/PlanSteps.h"

namespace ulq {

/// Bounds |f32 - f64| of what `steps` round, for all channels, accumulators up
/// to `accumulator` and addends of codes up to `code`: a number for each
/// rounding, if the ones before it were right. None where the steps do not have
/// the form that it takes: roundings to the nearest, of what was clamped to
/// integers, and nothing inexact behind the last.
std::optional<llvm::SmallVector<double>>
boundErrors(llvm::ArrayRef<PlannedStep> steps, int64_t channels,
            int64_t accumulator, int64_t code);

} // namespace ulq

#endif // ULQ_LOWERING_ERRORBOUND_H
