//===- Operands.h - the operands of a product -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_OPERANDS_H
#define ULQ_LOWERING_OPERANDS_H

#include "dialect/Ulq.h"
#include "mlir/IR/Builders.h"
#include <optional>

namespace ulq {

/// The left operand: unsigned codes with one grid, or floats.
struct Activations {
  mlir::Value value;
  bool isCodes = false;
  double scale = 1, zeroPoint = 0;

  static Activations of(mlir::Value value);
  /// The code that stands for a real number, if there is one; 0 for floats.
  std::optional<int64_t> padCode(double real = 0) const;
};

/// The right operand: constant integers with a scale per output channel, or
/// constant floats; in the order of the constant.
struct Weights {
  llvm::SmallVector<int64_t> integers;
  llvm::SmallVector<float> floats;
  llvm::SmallVector<double> scale = {1.0};

  bool isInteger() const { return floats.empty(); }

  /// The constant `value` whose output channels are dimension `axis`; integers
  /// where it is dequantized with one grid, or one per channel.
  static std::optional<Weights> of(mlir::Value value, int64_t axis);
  /// The constant as floats, dequantized in f32 as the model does.
  static std::optional<Weights> floatsOf(mlir::Value value);
};

/// Permutations between the orders of the graph level and the integer level.
inline constexpr int64_t toChannelsLast[] = {0, 2, 3, 1};
inline constexpr int64_t toChannelsFirst[] = {0, 3, 1, 2};

/// The movement of a tensor, folded where it can be.
mlir::Value transpose(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value value, llvm::ArrayRef<int64_t> perm);
mlir::Value reshape(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value value, llvm::ArrayRef<int64_t> shape);

GeometryAttr
makeGeometry(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> input,
             llvm::ArrayRef<int64_t> output, llvm::ArrayRef<int64_t> kernel,
             llvm::ArrayRef<int64_t> strides, llvm::ArrayRef<int64_t> pads,
             llvm::ArrayRef<int64_t> dilations, int64_t groups);

} // namespace ulq

#endif // ULQ_LOWERING_OPERANDS_H
