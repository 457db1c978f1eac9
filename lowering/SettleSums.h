//===- SettleSums.h - sums of codes without doubt -------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_SETTLESUMS_H
#define ULQ_LOWERING_SETTLESUMS_H

#include "lowering/PlanSteps.h"

namespace ulq {

/// Frees the roundings behind the first one from doubt where codes, which are
/// all that they depend on, are few enough to be tried: moves constants of
/// `steps` to neighbours in f32 and sets `errors`, of each rounding, to 0.
/// `addend` is the largest code of an addend.
void settleSums(llvm::SmallVector<PlannedStep> &steps,
                llvm::MutableArrayRef<double> errors, int64_t addend);

} // namespace ulq

#endif // ULQ_LOWERING_SETTLESUMS_H
