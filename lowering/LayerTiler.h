//===- LayerTiler.h - from a packed layer to the loops of its dispatch ----===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// What all data flows share: the dispatch with its parameters and scratch
// memory, and the epilogue. A flow places its buffers and emits its loops.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_LAYERTILER_H
#define ULQ_LOWERING_LAYERTILER_H

#include "lowering/Epilogue.h"
#include "lowering/KernelFunction.h"

namespace ulq {

class LayerTiler {
public:
  LayerTiler(LayerOp op, const KernelChoice &choice);
  virtual ~LayerTiler() = default;

  /// Replaces the layer by a dispatch of a new function of `kernels`.
  void run(mlir::ModuleOp kernels);

protected:
  /// Reserves scratch memory: calls of `place`.
  virtual void placeScratch() = 0;
  /// Emits the body of the kernel function.
  virtual void emitLoops(ByteBuilder &b) = 0;

  /// Reserves bytes in the scratch memory of a workgroup; returns their offset.
  int64_t place(int64_t bytes);
  /// The address of scratch memory at an offset that `place` returned.
  mlir::Value scratch(ByteBuilder &b, int64_t offset);

  /// Pieces of scratch memory that keep what a workgroup writes for the next
  /// one with the same scratch memory.
  struct Kept {
    int64_t offset, bytes, firstFlag;
  };
  Kept placeKept(int64_t pieces, int64_t bytes);
  mlir::Value piece(ByteBuilder &b, const Kept &kept, mlir::Value number);
  /// Writes a piece unless it has been written.
  void ensure(const Kept &kept, mlir::Value number, ByteBuilder::Body write);

  /// First and last of the blocks and of the panels that this workgroup takes.
  std::pair<mlir::Value, mlir::Value> shareOfRows(int64_t blocks);
  std::pair<mlir::Value, mlir::Value> shareOfPanels();

  /// Reserves scratch memory for prepared panels, with so many bytes behind
  /// each. The panels of the workgroup are `firstPanel` to `lastPanel`.
  void placePanels(int64_t behind);
  void preparePanels(ByteBuilder &b, ByteBuilder::Body write);
  void unpackPanel(ByteBuilder &b, mlir::Value panel);
  mlir::Value preparedPanel(ByteBuilder &b, mlir::Value panel);
  /// What multiply_tile reads: a prepared panel, or one of the parameters.
  Buffer panelBuffer(ByteBuilder &b, mlir::Value panel);
  /// Emits code for the number of channels that a panel of a group has.
  void forWidth(ByteBuilder &b, mlir::Value panelInGroup,
                llvm::function_ref<void(int64_t width)> emit);

  /// The operands of an epilogue_tile.
  struct ResultTile {
    mlir::Value accumulators, sums; // addresses
    mlir::Value firstRow, rows;     // output pixels
    mlir::Value constants;          // number of the panel in the parameters
    mlir::Value channel;
    mlir::Value offsets; // address of what is added per lane, or null
  };
  void epilogue(ByteBuilder &b, const ResultTile &tile, int64_t width);

  LayerOp op;
  const KernelChoice &choice;
  LayerShape shape;
  KernelAttr attr;
  LayerShape flow;
  PanelLanes lanes;
  mlir::Value codes, floats; // results of the layer, null where it has none
  bool isFloat, rowSums;
  int64_t panelBytes;
  int64_t scratchPanelBytes; // 0: multiply_tile reads the parameters

  Buffer source, params, computed; // computed: weights, if they are
  Buffer lookups;                  // the kernel's tables, if it has any
  mlir::Value memory;              // holds the scratch memory
  mlir::Value firstPanel, lastPanel;

private:
  bool keepsPanels() const {
    return choice.rowParts > 1 && scratchPanelBytes > 0;
  }
  void buildParameters();
  mlir::Value constantBytes(mlir::OpBuilder &builder,
                            llvm::ArrayRef<uint8_t> bytes);

  ParameterBlob blob;
  llvm::SmallVector<uint8_t> tables;
  size_t firstAddend = 0; // among the buffers of the function
  EpiloguePlan plan;
  int64_t scratchBytes = 0, flags = 0;
  Kept keptPanels{};
  int64_t panelsAt = 0, panelStride = 0;
  KernelFunction *kernel = nullptr;
  mlir::Value lock; // counter of the scratch memory of this workgroup
  mlir::Value base; // of the scratch memory of this workgroup
};

/// The flow of kernels that read lines (TileLines.cpp).
void tileLines(LayerOp op, const KernelChoice &choice, mlir::ModuleOp kernels);
/// The flow of kernels with a scheme (TileWinograd.cpp).
void tileWinograd(LayerOp op, const KernelChoice &choice,
                  mlir::ModuleOp kernels);

} // namespace ulq

#endif // ULQ_LOWERING_LAYERTILER_H
