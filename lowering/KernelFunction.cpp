//===- KernelFunction.cpp - a kernel function and its dispatch ------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/KernelFunction.h"
#include "lowering/Layers.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace ulq {

static int64_t byteSize(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getByteSize();
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
}

KernelFunction::KernelFunction(ModuleOp kernels, Location loc, StringRef name,
                               const Signature &signature)
    : b(loc, kernels.getContext()) {
  b.setInsertionPointToEnd(kernels.getBody());
  SmallVector<int64_t> sizes;
  for (Value input : signature.inputs)
    sizes.push_back(byteSize(input.getType()));
  for (Type type : signature.results)
    sizes.push_back(byteSize(type));
  auto pointer = MemRefType::get({}, b.getI8Type());
  SmallVector<Type> arguments;
  for (size_t i = 0; i < sizes.size(); ++i)
    arguments.append({pointer, b.getIndexType()});
  arguments.push_back(b.getIndexType());
  auto function =
      func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  // Plain pointers: memref descriptors cost nanoseconds per call.
  function->setAttr("llvm.bareptr", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  for (auto [i, size] : llvm::enumerate(sizes))
    buffers.push_back({restore(function.getArgument(2 * i), size),
                       function.getArgument(2 * i + 1)});
  workgroup = function.getArguments().back();
}

/// A bare pointer has rank 0: the extent comes back here.
Value KernelFunction::restore(Value pointer, int64_t bytes) {
  auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  return memref::ReinterpretCastOp::create(
      b, type, pointer, /*offset=*/b.getIndexAttr(0),
      /*sizes=*/ArrayRef<OpFoldResult>{b.index(bytes)},
      /*strides=*/ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}

std::pair<Value, Value> KernelFunction::share(int64_t count,
                                              int64_t workgroups) {
  auto bound = [&](Value part) {
    return b.createOrFold<arith::DivUIOp>(b.mul(part, count),
                                          b.index(workgroups));
  };
  Value first = bound(workgroup);
  return {first, bound(b.add(workgroup, 1))};
}

ModuleOp kernelsModule(ModuleOp module, StringRef isa) {
  if (auto found = module.lookupSymbol<ModuleOp>("kernels"))
    return found;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto kernels =
      ModuleOp::create(builder, module.getLoc(), StringRef("kernels"));
  kernels->setAttr("ulq.isa", builder.getStringAttr(isa));
  return kernels;
}

std::string kernelName(ModuleOp kernels, Location loc) {
  auto isa = kernels->getAttrOfType<StringAttr>("ulq.isa");
  size_t number = llvm::range_size(kernels.getOps<func::FuncOp>());
  std::string name = "ulq_" + isa.str() + "_" + std::to_string(number) + "_" +
                     locationName(loc);
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  return name;
}

RankedTensorType bytesType(MLIRContext *context, int64_t bytes) {
  return RankedTensorType::get(bytes, IntegerType::get(context, 8));
}

Type dispatchedType(Type type) {
  auto packed = dyn_cast<PackedType>(type);
  return packed ? bytesType(type.getContext(), packed.getByteSize()) : type;
}

Value toBytes(OpBuilder &builder, Value value) {
  if (!isa<PackedType>(value.getType()))
    return value;
  return builder.createOrFold<ToBytesOp>(
      value.getLoc(), dispatchedType(value.getType()), value);
}

void replaceResult(OpBuilder &builder, Value result, Value dispatched) {
  if (isa<PackedType>(result.getType()))
    dispatched = FromBytesOp::create(builder, result.getLoc(), result.getType(),
                                     dispatched);
  result.replaceAllUsesWith(dispatched);
}

} // namespace ulq
