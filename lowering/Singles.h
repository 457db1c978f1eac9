//===- Singles.h - epilogues in f32 that are proved to be exact -----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// The codes of a layer are a step function of its accumulator, for each code
// of an addend. Lane steps in f32 are cheaper than in f64 or than many integer
// thresholds, but they round. Each of them is monotone, so they are the same
// function where they agree on both sides of every step: that is checked here,
// for every channel, by computing them on the host. Where they are not, a bound
// of their error says which values have to be computed once more.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_SINGLES_H
#define ULQ_LOWERING_SINGLES_H

#include "lowering/PlanSteps.h"

namespace ulq {

/// Steps with constants for f32. The value of a rounding is its doubt: they
/// yield the exact codes wherever what is rounded is further than that from the
/// middle between two integers.
struct SingleSteps {
  llvm::SmallVector<PlannedStep> steps;
  bool leavesDoubt = false;
};

/// Steps for the codes of the layer's thresholds, or none: they are few, or no
/// straight line passes between them.
std::optional<SingleSteps> thresholdsInSingles(LayerOp op);

/// The layer's epilogue with curves in place of thresholds, or none: no curve
/// is close to them.
std::optional<SingleSteps> curvesInSingles(LayerOp op);

/// `steps`, which compute the layer's epilogue in f64, or none where f32 errs
/// too much.
std::optional<SingleSteps> stepsInSingles(LayerOp op,
                                          llvm::ArrayRef<PlannedStep> steps);

} // namespace ulq

#endif // ULQ_LOWERING_SINGLES_H
