//===- Elementwise.h - linalg for the operations that stay float ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ELEMENTWISE_H
#define ULQ_LOWERING_ELEMENTWISE_H

#include "lowering/Passes.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ulq {

mlir::Value emptyTensor(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::RankedTensorType type);
/// A tensor filled with `value`.
mlir::Value zeroTensor(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::RankedTensorType type, mlir::TypedAttr value);
/// `tensor.collapse_shape` to rank 1 and `tensor.expand_shape` from there.
mlir::Value reshapeTensor(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value tensor, llvm::ArrayRef<int64_t> shape);
mlir::Value padTensor(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value tensor, llvm::ArrayRef<int64_t> low,
                      llvm::ArrayRef<int64_t> high, mlir::TypedAttr value);

/// quantize, dequantize, threshold, recode, affine, add, clamp, leaky_relu,
/// round.
void populateElementwisePatterns(const mlir::TypeConverter &converter,
                                 mlir::RewritePatternSet &patterns);
/// max_pool, avg_pool, and products of two computed values.
void populateReductionPatterns(const mlir::TypeConverter &converter,
                               mlir::RewritePatternSet &patterns);

} // namespace ulq

#endif // ULQ_LOWERING_ELEMENTWISE_H
