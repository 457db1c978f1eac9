//===- TileEncode.h - floats to codes, as dispatches ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILEENCODE_H
#define ULQ_LOWERING_TILEENCODE_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the operation by a dispatch that writes packed codes. Fails with an
/// error for an unknown ISA.
mlir::LogicalResult tileEncode(EncodeOp op, mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILEENCODE_H
