//===- Layers.h - what the code generation passes know of a layer ---------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_LAYERS_H
#define ULQ_LOWERING_LAYERS_H

#include "lowering/isa/Isa.h"

namespace ulq {

/// The name that a location carries, "layer" where it has none.
std::string locationName(mlir::Location loc);

/// Elements of a constant: sign- or zero-extended integers, or, with `asFloat`,
/// the bit patterns of their f32 values. None where `value` is no constant.
std::optional<llvm::SmallVector<int32_t>> constantElements(mlir::Value value,
                                                           bool asFloat);

/// The largest code that a tensor can have, from the operation it comes from.
int64_t largestCode(mlir::Value value);

/// Bits of an element in memory: the layout's, 32 for f32, else the default
/// storage of the code.
int64_t elementStorage(mlir::Type type);

/// Fills in the extents of a layer with this geometry; where weights are
/// computed, the groups are the images of the batch.
void fillExtents(LayerShape &shape);

/// The layer as kernels see it. Expects `ulq-prove-ranges` to have run.
/// Computed weights are 8-bit codes or f32, as `pack_panel` leaves them.
LayerShape layerShape(LayerOp op);

/// Whether a dispatch of a kernel computes the operation.
bool getsKernel(mlir::Operation *op);

/// What `ulq-select-kernel` decided, as the kernel and its ISA see it.
struct KernelChoice {
  const Kernel *kernel;
  const Isa *isa;
  Candidate tile;
  RowFormat format;
  int64_t panels;   // over all groups
  int64_t rowParts; // of the blocks of rows, each by all parts of the panels
};

/// The choice that `op` carries, or failure with an error on the op.
mlir::FailureOr<KernelChoice> kernelChoice(LayerOp op);

/// The shape that loops around `kernel` run over: that of the layer, or, where
/// groups are lanes, one group of all channels.
LayerShape flowShape(const LayerShape &shape, const Kernel &kernel);

/// Panels over all groups of a flow shape.
int64_t panelCount(const LayerShape &flow, int64_t tileOutputs);

/// Cycles for each multiply-accumulate that a kernel predicts for a layer, with
/// what it costs to find and copy the taps of small groups.
double predictedCycles(const LayerShape &shape, const Kernel &kernel,
                       const Candidate &tile);

/// `value` rounded up to a multiple of `unit`.
inline int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

} // namespace ulq

#endif // ULQ_LOWERING_LAYERS_H
