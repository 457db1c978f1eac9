//===- TilePool.h - pools of codes to dispatches --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILEPOOL_H
#define ULQ_LOWERING_TILEPOOL_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the pool by a dispatch of one `max_pool_tile` per workgroup.
void tilePool(MaxPoolCodesOp op, mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILEPOOL_H
