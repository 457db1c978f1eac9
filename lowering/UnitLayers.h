//===- UnitLayers.h - codes to codes without a product --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_UNITLAYERS_H
#define ULQ_LOWERING_UNITLAYERS_H

#include "mlir/IR/BuiltinOps.h"

namespace ulq {

/// Dequantized codes that reach a quantizer by sums and elementwise operations
/// alone get a layer to be the epilogue of: depthwise, 1x1, with weights 1. So
/// do floats of layers that are quantized for others: on more than one grid.
/// Returns whether there were any.
bool insertUnitLayers(mlir::ModuleOp module);

} // namespace ulq

#endif // ULQ_LOWERING_UNITLAYERS_H
