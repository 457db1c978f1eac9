//===- TileTopK.h - the largest elements to dispatches --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILETOPK_H
#define ULQ_LOWERING_TILETOPK_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the operation by a dispatch whose parts take rows. Fails for an ISA
/// that is not known.
mlir::LogicalResult tileTopK(TopKOp op, mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILETOPK_H
