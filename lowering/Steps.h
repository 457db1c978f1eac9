//===- Steps.h - the meaning of epilogue steps ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_STEPS_H
#define ULQ_LOWERING_STEPS_H

#include "dialect/Ulq.h"

namespace ulq {

/// An integer nearest to `value` in the given mode.
double roundTo(double value, Rounding rounding);

/// The value of `array`, which has one element or one per channel.
double channelValue(mlir::DenseF64ArrayAttr array, int64_t channel);

/// True where no step reads an addend.
bool isUnary(mlir::ArrayAttr steps);
/// True where unary steps rise or fall monotonically with the accumulator.
bool isMonotone(mlir::ArrayAttr steps);

/// The steps applied to accumulator `v` of output channel `channel`, in f64
/// with true divisions: a quotient that is an exact tie stays one. `addends`
/// has the value of each addend that the steps read.
double evaluateSteps(mlir::ArrayAttr steps, int64_t channel, double v,
                     llvm::ArrayRef<double> addends = {});

/// `steps` with neighbouring affine steps merged into one.
mlir::ArrayAttr mergeAffines(mlir::ArrayAttr steps);

} // namespace ulq

#endif // ULQ_LOWERING_STEPS_H
