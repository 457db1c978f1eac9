//===- UlqTileOps.cpp - verifiers of the tile and register level ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>

using namespace mlir;
using namespace ulq;

LogicalResult DispatchOp::verify() {
  // dispatch_c1
  if (int64_t(getWorkgroups()) < 1)
    return emitOpError("expected at least one workgroup, got ")
           << getWorkgroups();
  return success();
}

LogicalResult MultiplyTileOp::verify() {
  if (int64_t(getDepth()) < 1 || int64_t(getRowBytes()) < 1)
    return emitOpError("expected a positive depth and row size, got ")
           << getDepth() << " and " << getRowBytes();
  if (int64_t(getMaxCode()) < 0 || int64_t(getWeightStep()) < 1 ||
      int64_t(getFlushInterval()) < 0)
    return emitOpError("expected non-negative bounds and a positive step");
  // multiply_tile_c1, the wide accumulator; the narrow one is the family's.
  int64_t depth = getDepth(), maxCode = getMaxCode(), base = getWeightBase();
  int64_t bits = getWeightBits(), step = getWeightStep();
  if (bits > 8)
    return success();
  int64_t largest = base + step * ((int64_t(1) << bits) - 1);
  int64_t product = maxCode * std::max(std::abs(base), std::abs(largest));
  if (product > llvm::maxIntN(32) / depth)
    return emitOpError("expected accumulators of at most 32 bits, got ")
           << depth << " products of up to " << product;
  return success();
}

LogicalResult TableLookupOp::verify() {
  // table_lookup_c1
  int64_t bytes = cast<VectorType>(getType()).getNumElements();
  if (bytes % 16)
    return emitOpError("expected a multiple of 16 bytes, got ") << bytes;
  return success();
}

LogicalResult Dot4Op::verify() {
  // dot4_c1
  int64_t lanes = cast<VectorType>(getType()).getNumElements();
  int64_t bytes = cast<VectorType>(getLhs().getType()).getNumElements();
  if (bytes != 4 * lanes)
    return emitOpError("expected 4 bytes per accumulator, got ")
           << bytes << " for " << lanes;
  // dot4_c2
  int64_t lhs = getMaxLhs(), rhs = getMaxRhs();
  if (lhs < 1 || lhs > 255 || rhs < 1 || rhs > 128)
    return emitOpError("expected bounds of at most 255 and 128, got ")
           << lhs << " and " << rhs;
  return success();
}
