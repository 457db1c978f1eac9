//===- EncodeFloats.cpp - quantizers of floats in memory ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Blocks.h"
#include "lowering/Operands.h"
#include "lowering/Passes.h"
#include "lowering/StoragePlan.h"

namespace ulq {
#define GEN_PASS_DEF_ENCODEFLOATS
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

/// Whether floats are there before they are quantized. IREE would quantize what
/// it computes in the same loop.
bool isInMemory(Value value) {
  value = withoutReshapes(value);
  return isa<BlockArgument>(value) || value.getDefiningOp<LayerOp>();
}

bool isFewChannels(TransposeOp op) {
  return op.getPerm() == ArrayRef<int64_t>(toChannelsLast) &&
         tensorShape(op.getType()).back() <= EncodeOp::kMostChannels;
}

/// Codes of the floats that `op` quantizes, in place of `moved`, which are its
/// codes reshaped and, with `channelsFirst`, transposed.
void encode(QuantizeOp op, Value moved, bool channelsFirst) {
  OpBuilder builder(moved.getDefiningOp());
  Value codes = channelsFirst ? moved.getDefiningOp()->getOperand(0) : moved;
  Value input = reshape(builder, op.getLoc(), op.getInput(),
                        tensorShape(codes.getType()));
  auto encoded = EncodeOp::create(
      builder, op.getLoc(), moved.getType(), input, APFloat(op.getScale()[0]),
      static_cast<int64_t>(op.getZeroPoint()[0]), op.getMin(), op.getMax(),
      op.getZeroPointFirst(), channelsFirst, KernelAttr());
  moved.replaceAllUsesWith(encoded.getResult());
}

/// Encodes what is read packed of the reshaped or transposed codes `moved` of
/// `op`. A movement that IREE would do while it quantizes stays, unless the
/// floats are those of a layer.
void encodeReaders(QuantizeOp op, Value moved) {
  for (Operation *user : llvm::to_vector(moved.getUsers())) {
    auto transpose = dyn_cast<TransposeOp>(user);
    if (transpose && isFewChannels(transpose)) {
      if (isReadPacked<ReshapeOp, ConcatOp>(transpose.getResult()))
        encode(op, transpose.getResult(), /*channelsFirst=*/true);
    } else if (auto reshape = dyn_cast<ReshapeOp>(user)) {
      encodeReaders(op, reshape.getResult());
    }
    if (isa<ReshapeOp, TransposeOp>(user) && user->use_empty())
      user->erase();
  }
  bool isOfLayer = op.getInput().getDefiningOp<LayerOp>();
  bool isRead =
      isOfLayer ? isReadPacked<ReshapeOp, TransposeOp, SliceOp, ConcatOp>(moved)
                : isReadPacked<ConcatOp>(moved);
  if (isRead)
    encode(op, moved, /*channelsFirst=*/false);
}

struct EncodeFloatsPass : ulq::impl::EncodeFloatsBase<EncodeFloatsPass> {
  void runOnOperation() override {
    SmallVector<QuantizeOp> quantizers;
    getOperation()->walk([&](QuantizeOp op) {
      if (EncodeOp::takes(op) && isInMemory(op.getInput()))
        quantizers.push_back(op);
    });
    for (QuantizeOp op : quantizers) {
      encodeReaders(op, op.getResult());
      if (op.use_empty())
        op.erase();
    }
  }
};

} // namespace
