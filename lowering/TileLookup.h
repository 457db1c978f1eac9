//===- TileLookup.h - lookups of codes to dispatches ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILELOOKUP_H
#define ULQ_LOWERING_TILELOOKUP_H

#include "lowering/KernelFunction.h"
#include "lowering/kernels/Kernel.h"

namespace ulq {

/// Replaces the lookup by a dispatch that reads and writes packed codes. Fails
/// with an error for an unknown ISA.
mlir::LogicalResult tileLookup(LookupOp op, mlir::ModuleOp kernels);

/// Predicted cycles for each code, from codes stored at `from` bits to codes
/// stored at `to` bits.
double lookupCycles(LookupOp op, int64_t from, int64_t to,
                    const IsaTraits &isa);

} // namespace ulq

#endif // ULQ_LOWERING_TILELOOKUP_H
