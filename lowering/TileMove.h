//===- TileMove.h - movements of codes to dispatches ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILEMOVE_H
#define ULQ_LOWERING_TILEMOVE_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the movement by a dispatch of copies; each workgroup has a part of
/// every block.
void tileMove(MoveCodesOp op, mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILEMOVE_H
