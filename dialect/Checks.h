//===- Checks.h - what verifiers share ------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Each check that fails has emitted its error on the operation.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_DIALECT_CHECKS_H
#define ULQ_DIALECT_CHECKS_H

#include "dialect/Ulq.h"

namespace ulq::checks {

/// `[1, 2, 3]`
mlir::InFlightDiagnostic &operator<<(mlir::InFlightDiagnostic &diag,
                                     llvm::ArrayRef<int64_t> values);

llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::LogicalResult sameShape(mlir::Operation *op, mlir::Value input,
                              mlir::Value result);
mlir::LogicalResult sameElement(mlir::Operation *op, mlir::Value input,
                                mlir::Value result);
mlir::LogicalResult expectShape(mlir::Operation *op, mlir::Value result,
                                llvm::ArrayRef<int64_t> expected);
/// One element, of any rank.
mlir::LogicalResult isNumber(mlir::Operation *op, mlir::Value value);
/// `count` values of `name` where one, or one per index of a dimension of
/// `extent`, is expected.
mlir::LogicalResult perAxis(mlir::Operation *op, llvm::StringRef name,
                            int64_t count, int64_t extent);
mlir::LogicalResult positiveScales(mlir::Operation *op,
                                   llvm::ArrayRef<double> scales);
mlir::LogicalResult isAxis(mlir::Operation *op, int64_t axis,
                           mlir::Value input);
/// Counts and signs of a window: two extents, strides and dilations, 4 pads.
mlir::LogicalResult verifyWindow(mlir::Operation *op,
                                 llvm::ArrayRef<int64_t> kernel,
                                 llvm::ArrayRef<int64_t> strides,
                                 llvm::ArrayRef<int64_t> pads,
                                 llvm::ArrayRef<int64_t> dilations);
/// Output extent along one spatial axis, or 0 where no window fits.
int64_t outputExtent(int64_t input, int64_t kernel, int64_t stride, int64_t low,
                     int64_t high, int64_t dilation);

} // namespace ulq::checks

#endif // ULQ_DIALECT_CHECKS_H
