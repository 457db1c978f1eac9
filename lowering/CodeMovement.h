//===- CodeMovement.h - data movement on the code side --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_CODEMOVEMENT_H
#define ULQ_LOWERING_CODEMOVEMENT_H

#include "mlir/IR/PatternMatch.h"

namespace ulq {

/// transpose, reshape and concat of dequantized codes become dequantize of
/// moved codes, so that products and pools find the codes.
void populateCodeMovementPatterns(mlir::RewritePatternSet &patterns);

} // namespace ulq

#endif // ULQ_LOWERING_CODEMOVEMENT_H
