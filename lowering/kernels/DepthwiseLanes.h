//===- DepthwiseLanes.h - channels as the lanes of a depthwise tile -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A depthwise layer has no sum over channels, so channels are the lanes: every
// tap is a vector of neighbouring channels times a vector of weights. With
// several outputs per channel (the multiplier m) a panel has m runs of weights
// for each tap, run j those of output j of every channel. The codes of a tap
// are loaded once for all runs, and the sums are brought into the order of
// outputs, channel by channel, when they are stored.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_DEPTHWISELANES_H
#define ULQ_LOWERING_KERNELS_DEPTHWISELANES_H

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"

namespace ulq {

/// Channels of a panel, at most, where each has one output. Wide panels waste
/// little of their last chunk.
constexpr int64_t kMostChannels = 64;
/// More outputs of a channel than this leave no registers for sums.
constexpr int64_t kMostMultiplier = 8;

inline bool isDepthwise(const LayerShape &shape) {
  return shape.groups > 1 && shape.channels == 1 &&
         shape.outputs <= kMostMultiplier;
}

inline bool weightsFitBytes(const LayerShape &shape) {
  return shape.weightBits <= 8 && shape.minWeight() >= INT8_MIN &&
         shape.maxWeight() <= INT8_MAX;
}

/// Channels of a panel: a power of two, at least `least`, and more than fill
/// `lanes` only where all their outputs are few.
inline int64_t panelChannels(const LayerShape &shape, int64_t least,
                             int64_t lanes) {
  int64_t most = kMostChannels / llvm::PowerOf2Ceil(shape.outputs);
  return std::clamp<int64_t>(llvm::PowerOf2Ceil(shape.groups), least,
                             std::max(most, std::min(lanes, kMostChannels)));
}

/// The rows of the flow are pixels with a byte per code, in the order of
/// channels, or f32 values; `rowBytes` is what an output pixel adds to them.
inline RowFormat pixelFormat(const LayerShape &shape, int64_t depth) {
  bool isFloat = shape.codeBits == 32;
  llvm::ArrayRef<int64_t> strides = shape.geometry.getStrides();
  int64_t pixel = llvm::alignTo(shape.groups * (isFloat ? 4 : 1), 64);
  return {/*expand=*/!isFloat, pixel * strides[0] * strides[1], depth,
          /*pairs=*/false, /*channelOrder=*/!isFloat};
}

/// Packs the panels of all channels: `insert` puts the weights of the taps of
/// channel `channel` of the panel into run `run`.
inline llvm::SmallVector<uint8_t> packChannels(
    const LayerShape &shape, const Candidate &tile, int64_t panelBytes,
    llvm::ArrayRef<int32_t> weights,
    llvm::function_ref<void(llvm::MutableArrayRef<uint8_t> panel, int64_t run,
                            int64_t channel, llvm::ArrayRef<int32_t> taps)>
        insert) {
  LayerShape lanes = shape;
  lanes.outputs *= lanes.groups;
  lanes.groups = 1;
  return packPanels(lanes, tile, panelBytes, weights,
                    [&](llvm::MutableArrayRef<uint8_t> bytes, int64_t lane,
                        llvm::ArrayRef<int32_t> taps) {
                      insert(bytes, lane % shape.outputs, lane / shape.outputs,
                             taps);
                    });
}

/// Lane 0 of every run, then lane 1, and so on.
inline mlir::Value interleaveRuns(Emitter &emit,
                                  llvm::ArrayRef<mlir::Value> runs) {
  if (runs.size() == 1)
    return runs[0];
  auto count = static_cast<int64_t>(runs.size());
  auto one = llvm::cast<mlir::VectorType>(runs[0].getType());
  int64_t lanes = one.getNumElements();
  mlir::Value joined =
      emit.zero(emit.vectorType(lanes * count, one.getElementType()));
  for (auto [run, sum] : llvm::enumerate(runs))
    joined = mlir::vector::InsertStridedSliceOp::create(
        emit.builder, emit.loc, sum, joined,
        llvm::ArrayRef<int64_t>{int64_t(run) * lanes},
        llvm::ArrayRef<int64_t>{1});
  llvm::SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < lanes; ++lane)
    for (int64_t run = 0; run < count; ++run)
      order.push_back(run * lanes + lane);
  return mlir::vector::ShuffleOp::create(emit.builder, emit.loc, joined, joined,
                                         order);
}

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_DEPTHWISELANES_H
