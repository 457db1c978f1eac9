//===- LayerBuilder.h - a layer of a graph-level product ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_LAYERBUILDER_H
#define ULQ_LOWERING_LAYERBUILDER_H

#include "lowering/Operands.h"

namespace ulq {

/// A layer under construction; weights are [outputs][taps][channels].
struct LayerBuilder {
  GeometryAttr geometry;
  Activations input;
  Weights weights;
  double padding = 0; // the real number around the input

  int64_t outputs() const { return geometry.getOutput()[3]; }
  bool isPadded() const;

  /// Codes need integer weights, and a code for the padding's 0; otherwise the
  /// input is `floats`, and weights that are no integers are those of the
  /// constant `factor` in f32.
  mlir::LogicalResult settleKinds(mlir::Value floats, mlir::Value factor);
  /// Weight number t becomes what was number order(t).
  void permuteWeights(llvm::function_ref<size_t(size_t)> order);
  /// The layer with its real values as result, null where its weights do not
  /// fit.
  LayerOp build(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Attribute opType) const;

private:
  mlir::Value weightConstant(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::DenseI32ArrayAttr &weightZero) const;
  llvm::SmallVector<mlir::Attribute> epilogue(mlir::MLIRContext *context) const;
};

} // namespace ulq

#endif // ULQ_LOWERING_LAYERBUILDER_H
