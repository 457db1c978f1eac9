//===- JoinQuantizers.h - several quantizers of one result ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_JOINQUANTIZERS_H
#define ULQ_LOWERING_JOINQUANTIZERS_H

#include "mlir/IR/BuiltinOps.h"

namespace ulq {

/// Quantizers with few codes that read one result of a layer become tables over
/// the codes of one quantizer, which steps where any of them does: no float
/// result is left for them.
void joinQuantizers(mlir::ModuleOp module);

} // namespace ulq

#endif // ULQ_LOWERING_JOINQUANTIZERS_H
