//===- ComputedProducts.h - matrix products of computed values ------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_COMPUTEDPRODUCTS_H
#define ULQ_LOWERING_COMPUTEDPRODUCTS_H

#include "mlir/IR/PatternMatch.h"

namespace ulq {

/// constant * x becomes the transpose of x' * constant', whose weights are
/// constant.
void populateConstantLeftPatterns(mlir::RewritePatternSet &patterns);

/// Every product that no pattern of higher benefit takes becomes a layer with
/// computed weights.
void populateComputedProductPatterns(mlir::RewritePatternSet &patterns);

} // namespace ulq

#endif // ULQ_LOWERING_COMPUTEDPRODUCTS_H
