//===- Thresholds.h - epilogues as integer thresholds ---------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_THRESHOLDS_H
#define ULQ_LOWERING_THRESHOLDS_H

#include "lowering/Steps.h"

namespace ulq {

/// Thresholds on no line that an epilogue counts one by one.
constexpr int64_t kMostCounted = 63;

/// Replaces the epilogue of a layer by integer thresholds where it is a
/// monotone function of the accumulator with at most 16 codes, or one with a
/// threshold step whose codes also fall, and has no float result. Fails,
/// without a diagnostic and without a change, where it is not.
mlir::LogicalResult solveThresholds(LayerOp layer);

/// Where the codes that occur are a proper arithmetic progression, renumbers
/// them from 0 and rewrites the consumers; does nothing where a consumer
/// cannot be rewritten, or codes fall.
void dropUnreachedCodes(LayerOp layer);

} // namespace ulq

#endif // ULQ_LOWERING_THRESHOLDS_H
