//===- Epilogue.h - from accumulators to codes and floats -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// planEpilogue turns the steps of a layer into lane steps and puts their
// constants into the parameters of the dispatch; expandEpilogue emits the code.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_EPILOGUE_H
#define ULQ_LOWERING_EPILOGUE_H

#include "lowering/Layers.h"

namespace ulq {

/// The constant bytes of a dispatch; every piece starts at 64 bytes.
class ParameterBlob {
public:
  /// Returns the offset at which `bytes` stand.
  int64_t append(llvm::ArrayRef<uint8_t> bytes);
  template <typename T>
  int64_t appendArray(llvm::ArrayRef<T> values) {
    auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
    return append({bytes, values.size() * sizeof(T)});
  }
  llvm::ArrayRef<uint8_t> bytes() const { return data; }

private:
  llvm::SmallVector<uint8_t> data;
};

/// Which channel a lane of a panel holds.
struct PanelLanes {
  int64_t groups, outputs, tileOutputs;

  int64_t panelsPerGroup() const {
    return (outputs + tileOutputs - 1) / tileOutputs;
  }
  /// One value per lane of every panel from one per channel.
  template <typename T>
  llvm::SmallVector<T> spread(llvm::ArrayRef<T> channels, T padding) const {
    llvm::SmallVector<T> lanes(groups * panelsPerGroup() * tileOutputs,
                               padding);
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t n = 0; n < outputs; ++n)
        lanes[g * panelsPerGroup() * tileOutputs + n] =
            channels[g * outputs + n];
    return lanes;
  }
};

/// The epilogue attributes of `ulq.epilogue_tile`.
struct EpiloguePlan {
  llvm::SmallVector<mlir::Attribute> steps;
  bool singles = false;                          // steps are in f32
  llvm::SmallVector<mlir::Attribute> exactSteps; // in f64, for what is in doubt
  int64_t levels = 0, falling = 0, start = 0;
  int64_t zeroSlot = -1, thresholdSlot = -1, flipSlot = -1;
  int64_t thresholdBits = 32;
};

EpiloguePlan planEpilogue(LayerOp op, const PanelLanes &lanes,
                          ParameterBlob &blob);

/// Replaces the operation by its loops.
void expandEpilogue(mlir::OpBuilder &builder, EpilogueTileOp op,
                    const IsaTraits &isa);

} // namespace ulq

#endif // ULQ_LOWERING_EPILOGUE_H
