//===- TileLookup.h - lookups of codes to dispatches ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILELOOKUP_H
#define ULQ_LOWERING_TILELOOKUP_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the lookup by a dispatch that reads and writes packed codes. Fails
/// with an error for an unknown ISA.
mlir::LogicalResult tileLookup(LookupOp op, mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILELOOKUP_H
