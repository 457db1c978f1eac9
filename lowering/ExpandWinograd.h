//===- ExpandWinograd.h - expansion of the winograd tile ops --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_EXPANDWINOGRAD_H
#define ULQ_LOWERING_EXPANDWINOGRAD_H

#include "lowering/kernels/Kernel.h"

namespace ulq {

/// Replace the operation by its loops.
void expandWinogradInput(mlir::OpBuilder &builder, WinogradInputOp op,
                         const IsaTraits &isa);
void expandWinogradWeights(mlir::OpBuilder &builder, WinogradWeightsOp op,
                           const IsaTraits &isa);
void expandWinogradOutput(mlir::OpBuilder &builder, WinogradOutputOp op,
                          const IsaTraits &isa);

} // namespace ulq

#endif // ULQ_LOWERING_EXPANDWINOGRAD_H
