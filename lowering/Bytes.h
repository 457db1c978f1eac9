//===- Bytes.h - emit code on byte buffers --------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Tile ops work on memref<?xi8> at any alignment; vectors of other elements
// are bitcast on their way.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_BYTES_H
#define ULQ_LOWERING_BYTES_H

#include "lowering/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace ulq {

class ByteBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  mlir::Value index(int64_t value);
  mlir::Value i32(int64_t value);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value add(mlir::Value lhs, int64_t rhs);
  mlir::Value mul(mlir::Value lhs, int64_t rhs);
  mlir::Value min(mlir::Value lhs, mlir::Value rhs);
  mlir::Value max(mlir::Value lhs, mlir::Value rhs);

  mlir::VectorType bytes(int64_t count);
  /// The integer `value` in every lane.
  mlir::Value splat(mlir::VectorType type, int64_t value);
  mlir::Value constant(llvm::ArrayRef<uint8_t> bytes);
  mlir::Value bitcast(mlir::VectorType type, mlir::Value vector);

  mlir::Value load(mlir::VectorType type, mlir::Value buffer,
                   mlir::Value offset);
  /// Only the first `bytes` bytes are read; the rest is 0.
  mlir::Value loadFirst(mlir::VectorType type, mlir::Value buffer,
                        mlir::Value offset, int64_t bytes);
  void store(mlir::Value vector, mlir::Value buffer, mlir::Value offset);
  /// Only the first `bytes` bytes are written.
  void storeFirst(mlir::Value vector, mlir::Value buffer, mlir::Value offset,
                  int64_t bytes);

  /// Codes of `bits` bits, stored next to each other, as a byte each.
  mlir::Value spreadCodes(mlir::Value packed, int64_t bits);
  /// Packs one code per byte to `bits` bits each.
  mlir::Value packCodes(mlir::Value codes, int64_t bits);

  using Body = llvm::function_ref<void(mlir::Value)>;
  void loop(mlir::Value low, mlir::Value high, int64_t step, Body body);
  /// As `loop` over at least `step` elements; the last step overlaps the one
  /// before it, so that it ends where they do.
  void loopOverlapping(mlir::Value low, mlir::Value high, int64_t step,
                       Body body);
  /// As `loop`, with one carried value.
  using Fold = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
  mlir::Value fold(mlir::Value low, mlir::Value high, int64_t step,
                   mlir::Value init, Fold body);
  void branch(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);
};

/// Calls `visit` with the offset and size of pieces of 64, 32, 16, 8, 4, 2 and
/// 1 bytes, largest first, that cover `bytes`.
void forEachPiece(int64_t bytes,
                  llvm::function_ref<void(int64_t, int64_t)> visit);

} // namespace ulq

#endif // ULQ_LOWERING_BYTES_H
