//===- WinogradPlan.h - tiles and blocks of a Winograd layer --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_WINOGRADPLAN_H
#define ULQ_LOWERING_KERNELS_WINOGRADPLAN_H

#include "dialect/Winograd.h"
#include "lowering/kernels/Kernel.h"
#include "llvm/Support/MathExtras.h"

namespace ulq {

/// The tiles of an image and how they are grouped to blocks, all of one size:
/// tiles beyond the image are computed and dropped.
struct WinogradPlan {
  int64_t tileRows, tileColumns;   // tiles of a block
  int64_t blockRows, blockColumns; // blocks of an image
  int64_t images;

  int64_t tiles() const { return tileRows * tileColumns; }
  int64_t blocks() const { return images * blockRows * blockColumns; }

  WinogradPlan(const LayerShape &shape, const Scheme &scheme) {
    // Enough tiles to use each transformed weight often; more for many
    // channels, whose weights leave the first-level cache.
    int64_t wanted = shape.channels > 128 ? 64 : 32;
    llvm::ArrayRef<int64_t> output = shape.geometry.getOutput();
    images = output[0];
    int64_t down = llvm::divideCeil(output[1], scheme.rows.outputs());
    int64_t across = llvm::divideCeil(output[2], scheme.columns.outputs());
    blockColumns = across > 2 * wanted ? llvm::divideCeil(across, wanted) : 1;
    tileColumns = llvm::divideCeil(across, blockColumns);
    int64_t lines = std::max<int64_t>(wanted / tileColumns, 1);
    blockRows = llvm::divideCeil(down, lines);
    tileRows = llvm::divideCeil(down, blockRows);
    blockRows = llvm::divideCeil(down, tileRows);
  }
};

/// Bytes between the transformed weights, or the sums, of two products:
/// 64 more than they take, so that they do not fall on the same cache sets.
inline int64_t apart(int64_t bytes) { return llvm::alignTo(bytes, 64) + 64; }

/// Expansions of the Winograd tile ops.
void expandWinogradInput(mlir::OpBuilder &builder, WinogradInputOp op,
                         const IsaTraits &isa);
void expandWinogradWeights(mlir::OpBuilder &builder, WinogradWeightsOp op,
                           const IsaTraits &isa);
void expandWinogradOutput(mlir::OpBuilder &builder, WinogradOutputOp op,
                          const IsaTraits &isa);

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_WINOGRADPLAN_H
