//===- Gather.h - expansion of gather_rows and max_pool_tile --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_GATHER_H
#define ULQ_LOWERING_GATHER_H

#include "lowering/isa/Isa.h"

namespace ulq {

/// Replace the operation by loops that copy patches.
void expandGather(mlir::OpBuilder &builder, GatherRowsOp op,
                  const IsaTraits &isa);
/// Replace the operation by transposes of square tiles of words.
void expandPackPanel(mlir::OpBuilder &builder, PackPanelOp op,
                     const IsaTraits &isa);
void expandMaxPool(mlir::OpBuilder &builder, MaxPoolTileOp op);

} // namespace ulq

#endif // ULQ_LOWERING_GATHER_H
