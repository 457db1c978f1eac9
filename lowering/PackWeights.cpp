//===- PackWeights.cpp - weights in the order of their kernel -------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Layers.h"
#include "lowering/Passes.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// Weights of an f32 layer take their zero point in: small integers, so the
/// sum is exact.
void addWeightZero(LayerOp op, MutableArrayRef<int32_t> weights) {
  if (!op.getWeightZero())
    return;
  ArrayRef<int32_t> zero = *op.getWeightZero();
  size_t depth = weights.size() / zero.size();
  for (auto [i, bits] : llvm::enumerate(weights)) {
    float value =
        llvm::bit_cast<float>(bits) + static_cast<float>(zero[i / depth]);
    bits = llvm::bit_cast<int32_t>(value);
  }
  op.removeWeightZeroAttr();
}

LogicalResult packWeights(LayerOp op) {
  FailureOr<KernelChoice> choice = kernelChoice(op);
  if (failed(choice))
    return failure();
  bool isFloat = op.getWeightBits() == 32;
  std::optional<SmallVector<int32_t>> weights =
      constantElements(op.getWeights(), isFloat);
  if (!weights)
    return op.emitOpError("expected constant weights");
  if (isFloat)
    addWeightZero(op, *weights);
  SmallVector<uint8_t> bytes = choice->kernel->packWeights(
      layerShape(op), choice->tile, choice->isa->traits, *weights);
  auto type = RankedTensorType::get(static_cast<int64_t>(bytes.size()),
                                    IntegerType::get(op.getContext(), 8));
  ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()),
                     bytes.size());
  OpBuilder builder(op);
  auto constant =
      ConstantOp::create(builder, op.getWeights().getLoc(), type,
                         DenseElementsAttr::getFromRawBuffer(type, raw));
  Operation *old = op.getWeights().getDefiningOp();
  op.getWeightsMutable().assign(constant);
  if (old->use_empty())
    old->erase();
  return success();
}

struct PackWeightsPass : ulq::impl::PackWeightsBase<PackWeightsPass> {
  void runOnOperation() override {
    SmallVector<LayerOp> layers;
    getOperation()->walk([&](LayerOp op) {
      if (!op.getComputedWeights())
        layers.push_back(op);
    });
    for (LayerOp op : layers)
      if (failed(packWeights(op)))
        return signalPassFailure();
  }
};

} // namespace
