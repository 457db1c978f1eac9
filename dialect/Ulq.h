//===- Ulq.h - the ulq dialect --------------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_DIALECT_ULQ_H
#define ULQ_DIALECT_ULQ_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/UlqDialect.h.inc"
#include "dialect/UlqEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/UlqAttrs.h.inc"

namespace ulq {
/// ui1..ui8 and si2..si8.
bool isCodeType(mlir::Type type);
/// Smallest and largest code of a code type.
int64_t minCode(mlir::Type type);
int64_t maxCode(mlir::Type type);
/// Bits in which a code of this width is stored: 1, 2, 4 or 8.
int64_t storageBits(int64_t codeBits);
/// Smallest and largest code of `count` thresholds, channel after channel: each
/// raises it from `start` on, but the last `falling` lower it. Both kinds
/// ascend by themselves.
std::pair<int64_t, int64_t> codesOf(llvm::ArrayRef<double> thresholds,
                                    int64_t count, int64_t falling,
                                    int64_t start);
/// Shape and element type of a builtin or packed tensor.
llvm::ArrayRef<int64_t> tensorShape(mlir::Type type);
mlir::Type tensorElement(mlir::Type type);
/// Whether the geometry is that of a convolution: (C1) to (C3) of `ulq.layer`.
mlir::LogicalResult verifyGeometry(mlir::Operation *op, GeometryAttr geometry);
} // namespace ulq

#define GET_TYPEDEF_CLASSES
#include "dialect/UlqTypes.h.inc"

#define GET_OP_CLASSES
#include "dialect/UlqOps.h.inc"

namespace ulq {
/// Smallest and largest code of a threshold operation or step.
template <typename Threshold>
std::pair<int64_t, int64_t> codesOf(Threshold threshold) {
  return codesOf(threshold.getValues(), threshold.getCount(),
                 threshold.getFalling(), threshold.getStart());
}
} // namespace ulq

#endif // ULQ_DIALECT_ULQ_H
