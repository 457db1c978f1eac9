//===- ExpandTiles.cpp - tile ops to loops over register ops --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Epilogue.h"
#include "lowering/ExpandWinograd.h"
#include "lowering/Gather.h"
#include "lowering/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_EXPANDTILES
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

template <typename TileOp>
FailureOr<const Kernel *> kernelOf(TileOp op) {
  StringRef family = op.getKernel().getFamily();
  if (const Kernel *kernel = lookupKernel(family))
    return kernel;
  return op.emitOpError("expected a known kernel, got ") << family;
}

/// The ISA of the innermost module that names one.
FailureOr<const Isa *> isaOf(Operation *op) {
  for (Operation *parent = op; parent; parent = parent->getParentOp())
    if (auto name = parent->getAttrOfType<StringAttr>("ulq.isa"))
      if (const Isa *isa = lookupIsa(name))
        return isa;
  return op->emitOpError("expected a module with a known ISA around it");
}

LogicalResult expandTile(Operation *op) {
  FailureOr<const Isa *> isa = isaOf(op);
  if (failed(isa))
    return failure();
  const IsaTraits &traits = (*isa)->traits;
  OpBuilder builder(op);
  if (auto unpack = dyn_cast<UnpackWeightsOp>(op)) {
    FailureOr<const Kernel *> kernel = kernelOf(unpack);
    if (failed(kernel))
      return failure();
    (*kernel)->expandUnpack(builder, unpack, traits);
  } else if (auto multiply = dyn_cast<MultiplyTileOp>(op)) {
    FailureOr<const Kernel *> kernel = kernelOf(multiply);
    if (failed(kernel))
      return failure();
    (*kernel)->expandMultiply(builder, multiply, traits);
  } else if (auto tables = dyn_cast<BuildTablesOp>(op)) {
    FailureOr<const Kernel *> kernel = kernelOf(tables);
    if (failed(kernel))
      return failure();
    (*kernel)->expandTables(builder, tables, traits);
  } else if (auto pack = dyn_cast<PackPanelOp>(op)) {
    expandPackPanel(builder, pack, traits);
  } else if (auto gather = dyn_cast<GatherRowsOp>(op)) {
    expandGather(builder, gather, traits);
  } else if (auto epilogue = dyn_cast<EpilogueTileOp>(op)) {
    expandEpilogue(builder, epilogue, traits);
  } else if (auto input = dyn_cast<WinogradInputOp>(op)) {
    expandWinogradInput(builder, input, traits);
  } else if (auto weights = dyn_cast<WinogradWeightsOp>(op)) {
    expandWinogradWeights(builder, weights, traits);
  } else if (auto output = dyn_cast<WinogradOutputOp>(op)) {
    expandWinogradOutput(builder, output, traits);
  } else {
    expandMaxPool(builder, cast<MaxPoolTileOp>(op));
  }
  return success();
}

struct ExpandTilesPass : ulq::impl::ExpandTilesBase<ExpandTilesPass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<UnpackWeightsOp, PackPanelOp, BuildTablesOp, MultiplyTileOp,
              GatherRowsOp, EpilogueTileOp, MaxPoolTileOp, WinogradInputOp,
              WinogradWeightsOp, WinogradOutputOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(expandTile(op)))
        return signalPassFailure();
  }
};

} // namespace
