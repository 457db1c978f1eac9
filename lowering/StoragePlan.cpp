//===- StoragePlan.cpp - how wide codes are stored ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/StoragePlan.h"
#include "lowering/Blocks.h"
#include "lowering/Layers.h"
#include "lowering/Passes.h"

using namespace mlir;

namespace ulq {

/// The tensors around a layer of several groups, each with the channels of a
/// group.
static SmallVector<std::pair<Value, int64_t>> grouped(LayerOp op) {
  SmallVector<std::pair<Value, int64_t>> tensors;
  GeometryAttr g = op.getGeometry();
  if (g.getGroups() == 1)
    return tensors;
  tensors.push_back({op.getInput(), g.getInput()[3] / g.getGroups()});
  for (ValueRange values :
       {ValueRange(op.getAddends()), ValueRange(op.getResults())})
    for (Value value : values)
      tensors.push_back({value, g.getOutput()[3] / g.getGroups()});
  return tensors;
}

bool isOnPackedCodes(Operation *op) {
  return isa<LayerOp, MaxPoolCodesOp, LookupOp, EncodeOp, MoveCodesOp>(op);
}

/// Whether codes have a byte each as they come, and only lookups read them.
static bool isForLookupsAlone(Value value) {
  Operation *maker = withoutReshapes(value).getDefiningOp();
  return !(maker && isOnPackedCodes(maker)) &&
         llvm::all_of(value.getUsers(), llvm::IsaPred<LookupOp>);
}

PackedType packedType(Type plain, int64_t bits) {
  MLIRContext *context = plain.getContext();
  return PackedType::get(context, tensorShape(plain), tensorElement(plain),
                         LayoutAttr::get(context, bits));
}

StoragePlan::StoragePlan(ModuleOp module,
                         function_ref<bool(LayerOp)> byGroups) {
  module->walk([&](LayerOp op) {
    if (byGroups(op))
      widenUnaligned(op);
  });
  module->walk([&](LookupOp op) {
    // Rows fill their bytes.
    int64_t row = tensorShape(op.getType()).back();
    for (Value codes : {op.getInput(), op.getResult()})
      if (row * elementStorage(codes.getType()) % 8)
        wide.insert(codes);
    if (isForLookupsAlone(op.getInput()))
      wide.insert(op.getInput());
  });
  module->walk([&](EncodeOp op) {
    int64_t row = tensorShape(op.getType()).back();
    if (!op.getChannelsFirst() && row * elementStorage(op.getType()) % 8)
      wide.insert(op.getResult());
  });
  for (bool changed = true; changed;) {
    changed = false;
    // A pool keeps the layout of its input.
    module->walk([&](MaxPoolCodesOp op) {
      changed |= equalize(op.getInput(), op.getResult());
    });
    // Bytes are copied as they are.
    module->walk([&](MoveCodesOp op) {
      for (Value input : op.getInputs())
        changed |= equalize(input, op.getResult());
    });
    // Rows of both operands hold their codes in the same order.
    module->walk([&](LayerOp op) {
      if (op.getComputedWeights())
        changed |= equalize(op.getInput(), op.getWeights());
    });
  }
}

int64_t StoragePlan::bits(Value value) const {
  return wide.contains(value) ? 8 : elementStorage(value.getType());
}

bool StoragePlan::groupsAtBytes(LayerOp op) const {
  return llvm::all_of(grouped(op), [&](auto tensor) {
    auto [value, channels] = tensor;
    return channels * bits(value) % 8 == 0;
  });
}

PackedType StoragePlan::typeOf(Value value) const {
  return packedType(value.getType(), bits(value));
}

bool StoragePlan::equalize(Value lhs, Value rhs) {
  if (bits(lhs) == bits(rhs))
    return false;
  wide.insert_range(ValueRange{lhs, rhs});
  return true;
}

void StoragePlan::widenUnaligned(LayerOp op) {
  for (auto [value, channels] : grouped(op))
    if (channels * elementStorage(value.getType()) % 8)
      wide.insert(value);
}

void packResults(Operation *op, const StoragePlan &plan) {
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  for (Value result : op->getResults()) {
    Type plain = result.getType();
    if (!isCodeType(tensorElement(plain)))
      continue;
    result.setType(plan.typeOf(result));
    auto unpack = UnpackOp::create(builder, op->getLoc(), plain, result);
    result.replaceAllUsesExcept(unpack, unpack);
  }
}

void packOperands(Operation *op, const StoragePlan &plan,
                  DenseMap<Value, Value> &packed) {
  OpBuilder builder(op->getContext());
  for (OpOperand &operand : op->getOpOperands()) {
    auto layer = dyn_cast<LayerOp>(op);
    bool isConstant =
        layer && !layer.getComputedWeights() && operand.getOperandNumber() == 1;
    Value value = operand.get();
    if (isConstant || !isCodeType(tensorElement(value.getType())))
      continue;
    Value &stored = packed[value];
    if (auto unpack = value.getDefiningOp<UnpackOp>())
      stored = unpack.getInput();
    builder.setInsertionPointAfterValue(value);
    if (!stored)
      stored =
          PackOp::create(builder, value.getLoc(), plan.typeOf(value), value);
    operand.set(stored);
  }
}

} // namespace ulq
