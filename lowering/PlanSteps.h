//===- PlanSteps.h - steps of an epilogue as steps over lanes -------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_PLANSTEPS_H
#define ULQ_LOWERING_PLANSTEPS_H

#include "lowering/Curve.h"
#include <memory>

namespace ulq {

/// A step over lanes before its constants are placed.
struct PlannedStep {
  LaneKind kind;
  llvm::SmallVector<double> values; // one, or one per channel
  int64_t index = 0;
  int64_t falling = 0, start = 0; // of a count
  std::shared_ptr<const Curve> curve = nullptr;

  double constant(int64_t channel) const {
    return values.empty() ? 0 : values[values.size() == 1 ? 0 : channel];
  }
};

/// `steps`, then, if asked for, the float result, and the step that yields the
/// code, if any.
llvm::SmallVector<PlannedStep> planSteps(llvm::ArrayRef<mlir::Attribute> steps,
                                         bool storesFloats,
                                         mlir::Attribute code);

/// `steps`, which yield a code, with curves in place of thresholds; none where
/// no curve takes a place.
std::optional<llvm::SmallVector<PlannedStep>> planCurves(mlir::ArrayAttr steps);

} // namespace ulq

#endif // ULQ_LOWERING_PLANSTEPS_H
