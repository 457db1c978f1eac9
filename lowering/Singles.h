//===- Singles.h - epilogues in f32 that are proved to be exact -----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// The codes of a layer are a step function of its accumulator, for each code
// of an addend. Lane steps in f32 are cheaper than in f64 or than many integer
// thresholds, but they round. Each of them is monotone, so they are the same
// function where they agree on both sides of every step: that is checked here,
// for every channel, by computing them on the host.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_SINGLES_H
#define ULQ_LOWERING_SINGLES_H

#include "lowering/Epilogue.h"

namespace ulq {

/// Lane steps with f32 constants that yield the codes of the layer's
/// thresholds, or none: they are few, or no straight line passes between them.
std::optional<llvm::SmallVector<PlannedStep>> thresholdsInSingles(LayerOp op);

/// `steps`, which compute the layer's epilogue in f64, with constants for f32,
/// or none where that does not yield the same codes.
std::optional<llvm::SmallVector<PlannedStep>>
stepsInSingles(LayerOp op, llvm::ArrayRef<PlannedStep> steps);

} // namespace ulq

#endif // ULQ_LOWERING_SINGLES_H
