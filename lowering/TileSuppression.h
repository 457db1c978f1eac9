//===- TileSuppression.h - non-maximum suppression to dispatches ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_TILESUPPRESSION_H
#define ULQ_LOWERING_TILESUPPRESSION_H

#include "lowering/KernelFunction.h"

namespace ulq {

/// Replaces the suppression by a dispatch whose parts take classes; the last
/// one joins their rows. Fails for an ISA that is not known.
mlir::LogicalResult tileSuppression(NonMaxSuppressionOp op,
                                    mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_TILESUPPRESSION_H
