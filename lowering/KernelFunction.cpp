//===- KernelFunction.cpp - a kernel function and its dispatch ------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/KernelFunction.h"
#include "lowering/Layers.h"
#include "lowering/Workgroups.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace ulq {

static constexpr int64_t kCounterBytes = 4;
/// Looks at the counter before a thread gives up waiting for other parts: some
/// tenths of a millisecond. The thread that it waits for may not be running.
static constexpr int64_t kPatience = 10000;

static int64_t byteSize(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getByteSize();
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
}

/// The symbol of the next kernel of a module.
static std::string nextName(ModuleOp kernels, Location loc) {
  auto isa = kernels->getAttrOfType<StringAttr>("ulq.isa");
  return kernelName(isa, llvm::range_size(kernels.getOps<func::FuncOp>()), loc);
}

/// What a dispatch takes and yields for a tensor: bytes for packed ones.
static Type dispatchedType(Type type) {
  auto packed = dyn_cast<PackedType>(type);
  return packed ? bytesType(type.getContext(), packed.getByteSize()) : type;
}

static Value toBytes(OpBuilder &builder, Value value) {
  if (!isa<PackedType>(value.getType()))
    return value;
  return builder.createOrFold<ToBytesOp>(
      value.getLoc(), dispatchedType(value.getType()), value);
}

static void replaceResult(OpBuilder &builder, Value result, Value dispatched) {
  if (isa<PackedType>(result.getType()))
    dispatched = FromBytesOp::create(builder, result.getLoc(), result.getType(),
                                     dispatched);
  result.replaceAllUsesWith(dispatched);
}

/// The number of finished parts, then the flags; none for one part.
static int64_t countersOf(const Signature &signature) {
  return signature.parts > 1 ? 1 + signature.flags : 0;
}

KernelFunction::KernelFunction(Operation *op, ModuleOp kernels,
                               const Signature &signature)
    : b(op->getLoc(), op->getContext()), parts(signature.parts), op(op),
      name(nextName(kernels, op->getLoc())) {
  addDispatch(signature);
  addFunction(kernels, signature);
}

void KernelFunction::finish() {
  func::ReturnOp::create(b);
  op->erase();
}

void KernelFunction::addDispatch(const Signature &signature) {
  OpBuilder builder(op);
  SmallVector<Value> inputs;
  for (Value input : signature.inputs)
    inputs.push_back(toBytes(builder, input));
  SmallVector<Type> types;
  for (Value result : signature.results)
    types.push_back(dispatchedType(result.getType()));
  if (signature.scratchBytes > 0)
    types.push_back(bytesType(op->getContext(), signature.scratchBytes));
  IntegerAttr counters;
  if (int64_t count = countersOf(signature))
    counters = builder.getI64IntegerAttr(count);
  auto dispatch = DispatchOp::create(builder, op->getLoc(), types, inputs, name,
                                     parts + waitingWorkgroups(parts),
                                     signature.scratchBytes > 0, counters);
  for (auto [result, dispatched] :
       llvm::zip(signature.results, dispatch.getResults()))
    replaceResult(builder, result, dispatched);
}

void KernelFunction::addFunction(ModuleOp kernels, const Signature &signature) {
  b.setInsertionPointToEnd(kernels.getBody());
  bool counts = countersOf(signature) > 0;
  SmallVector<int64_t> sizes;
  for (Value input : signature.inputs)
    sizes.push_back(byteSize(input.getType()));
  if (counts)
    sizes.push_back(countersOf(signature) * kCounterBytes);
  for (Value result : signature.results)
    sizes.push_back(byteSize(result.getType()));
  if (signature.scratchBytes > 0)
    sizes.push_back(signature.scratchBytes);
  auto pointer = MemRefType::get({}, b.getI8Type());
  SmallVector<Type> arguments;
  for (size_t i = 0; i < sizes.size(); ++i)
    arguments.append({pointer, b.getIndexType()});
  arguments.push_back(b.getIndexType());
  if (counts)
    arguments.push_back(b.getI32Type());
  auto function =
      func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  // Plain pointers: memref descriptors cost nanoseconds per call.
  function->setAttr("llvm.bareptr", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  for (auto [i, size] : llvm::enumerate(sizes))
    buffers.push_back({restore(function.getArgument(2 * i), size),
                       function.getArgument(2 * i + 1)});
  workgroup = function.getArgument(2 * sizes.size());
  if (!counts)
    return;
  auto *place = buffers.begin() + signature.inputs.size();
  counters = *place;
  buffers.erase(place);
  processor = function.getArguments().back();
}

/// A bare pointer has rank 0: the extent comes back here.
Value KernelFunction::restore(Value pointer, int64_t bytes) {
  auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  return memref::ReinterpretCastOp::create(
      b, type, pointer, /*offset=*/b.getIndexAttr(0),
      /*sizes=*/ArrayRef<OpFoldResult>{b.index(bytes)},
      /*strides=*/ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}

void KernelFunction::work(function_ref<void()> body,
                          function_ref<void()> finish) {
  if (parts == 1) {
    body();
    return finish ? finish() : void();
  }
  Value works = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, workgroup,
                                      b.index(parts));
  auto workAndCount = [&] {
    body();
    Value done = change(arith::AtomicRMWKind::addi, b.index(0), 1);
    if (!finish)
      return;
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, done,
                                         b.i32(parts - 1));
    b.branch(isLast, finish);
  };
  b.branch(works, workAndCount, [&] { waitForParts(); });
}

std::pair<Value, Value> KernelFunction::share(int64_t count, Value part,
                                              int64_t parts) {
  if (parts == 1)
    return {b.index(0), b.index(count)};
  auto bound = [&](Value part) {
    return b.createOrFold<arith::DivUIOp>(b.mul(part, count), b.index(parts));
  };
  return {bound(part), bound(b.add(part, 1))};
}

Value KernelFunction::acquire(int64_t count, int64_t first, int64_t distance) {
  auto place = [&](Value lock) { return b.add(b.mul(lock, distance), first); };
  OpBuilder::InsertionGuard guard(b);
  Value start = arith::IndexCastUIOp::create(b, b.getIndexType(), processor);
  start = arith::RemUIOp::create(b, start, b.index(count));
  auto loop = scf::WhileOp::create(b, b.getIndexType(), start);
  Block *before =
      b.createBlock(&loop.getBefore(), {}, b.getIndexType(), b.getLoc());
  Value lock = before->getArgument(0);
  Value was = change(arith::AtomicRMWKind::assign, place(lock), 1);
  Value isTaken =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, was, b.i32(0));
  scf::ConditionOp::create(b, isTaken, lock);
  Block *after =
      b.createBlock(&loop.getAfter(), {}, b.getIndexType(), b.getLoc());
  Value next = b.add(after->getArgument(0), 1);
  next = arith::RemUIOp::create(b, next, b.index(count));
  scf::YieldOp::create(b, next);
  b.setInsertionPointAfter(loop);
  return loop.getResult(0);
}

void KernelFunction::release(Value lock) {
  change(arith::AtomicRMWKind::assign, lock, 0);
}

void KernelFunction::once(Value number, function_ref<void()> body) {
  Value flag = counter(number), zero = b.index(0);
  Value hasRun = memref::LoadOp::create(b, flag, zero);
  Value isFirst =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, hasRun, b.i32(0));
  b.branch(isFirst, [&] {
    body();
    memref::StoreOp::create(b, b.i32(1), flag, zero);
  });
}

Value KernelFunction::counter(Value number) {
  auto type = MemRefType::get({1}, b.getI32Type());
  Value place = b.add(counters.offset, b.mul(number, kCounterBytes));
  return memref::ViewOp::create(b, type, counters.memory, place, ValueRange());
}

Value KernelFunction::change(arith::AtomicRMWKind kind, Value number,
                             int64_t operand) {
  return memref::AtomicRMWOp::create(b, kind, b.i32(operand), counter(number),
                                     ValueRange(b.index(0)));
}

void KernelFunction::waitForParts() {
  OpBuilder::InsertionGuard guard(b);
  Type type = b.getI32Type();
  auto loop = scf::WhileOp::create(b, type, b.i32(kPatience));
  Block *before = b.createBlock(&loop.getBefore(), {}, type, b.getLoc());
  Value done = change(arith::AtomicRMWKind::addi, b.index(0), 0);
  Value waits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, done, b.i32(parts));
  Value left =
      arith::SubIOp::create(b, before->getArgument(0), b.i32(1)).getResult();
  Value isPatient =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, left, b.i32(0));
  waits = arith::AndIOp::create(b, waits, isPatient);
  scf::ConditionOp::create(b, waits, left);
  Block *after = b.createBlock(&loop.getAfter(), {}, type, b.getLoc());
  scf::YieldOp::create(b, after->getArgument(0));
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

std::string kernelName(StringRef isa, size_t number, Location loc) {
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

} // namespace ulq
