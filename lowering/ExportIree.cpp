//===- ExportIree.cpp - dispatches as IREE executables --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// IREE's dialects are not linked: their operations are built by name, and the
// module is printed in generic form.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringSet.h"

namespace ulq {
#define GEN_PASS_DEF_EXPORTIREE
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

constexpr StringLiteral executableName = "ulq_kernels";

int64_t byteSize(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * ((tensor.getElementTypeBitWidth() + 7) / 8);
}

/// Builds the executable and the dispatches that call it.
struct Exporter {
  ModuleOp module;
  Attribute target; // #hal.executable.target
  OpBuilder builder;
  Type bindingType;

  explicit Exporter(ModuleOp module, Attribute target, Type bindingType)
      : module(module), target(target), builder(module.getContext()),
        bindingType(bindingType) {}

  Operation *create(Location loc, StringRef name, TypeRange results,
                    ValueRange operands, ArrayRef<NamedAttribute> attributes,
                    unsigned regions = 0) {
    OperationState state(loc, name, operands, results, attributes);
    for (unsigned i = 0; i < regions; ++i)
      state.addRegion()->emplaceBlock();
    return builder.create(state);
  }
  NamedAttribute named(StringRef name, Attribute value) {
    return builder.getNamedAttr(name, value);
  }
  Value index(Location loc, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }

  Type countersType(DispatchOp op) {
    return RankedTensorType::get(static_cast<int64_t>(*op.getCounters()),
                                 builder.getI32Type());
  }
  /// A tensor that a dispatch may write to: of a constant it had a copy.
  Value zeros(Location loc, Type type) {
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
    return create(loc, "flow.tensor.splat", type, zero, {})->getResult(0);
  }

  LogicalResult run();
  Operation *executable(ModuleOp kernels, Attribute objects);
  void addExport(DispatchOp op, Block *exports, Block *functions,
                 func::FuncOp kernel);
  void exportEntry(DispatchOp op, Block *exports, StringRef entry);
  void exportBody(DispatchOp op, Block *functions, StringRef entry,
                  StringRef kernel);
  void replaceDispatch(DispatchOp op, StringRef entry);
};

/// stream.executable with the object, an empty block of exports, and an inner
/// module.
Operation *Exporter::executable(ModuleOp kernels, Attribute objects) {
  builder.setInsertionPoint(kernels);
  Location loc = kernels.getLoc();
  Operation *op =
      create(loc, "stream.executable", {}, {},
             {named("sym_name", builder.getStringAttr(executableName)),
              named("sym_visibility", builder.getStringAttr("private")),
              named("hal.executable.objects", objects)},
             /*regions=*/1);
  builder.setInsertionPointToEnd(&op->getRegion(0).front());
  ModuleOp::create(builder, loc);
  create(loc, "stream.executable.end", {}, {}, {});
  return op;
}

void Exporter::exportEntry(DispatchOp op, Block *exports, StringRef entry) {
  builder.setInsertionPointToStart(exports);
  Operation *declared =
      create(op.getLoc(), "stream.executable.export", {}, {},
             {named("sym_name", builder.getStringAttr(entry)),
              named("sym_visibility", builder.getStringAttr("public")),
              named("function_ref", builder.getAttr<FlatSymbolRefAttr>(entry))},
             /*regions=*/1);
  builder.setInsertionPointToEnd(&declared->getRegion(0).front());
  Value one = index(op.getLoc(), 1);
  Value count = index(op.getLoc(), op.getWorkgroups());
  create(op.getLoc(), "stream.return", {}, {count, one, one}, {});
}

/// The function of one workgroup: pointers of the bindings, then the call.
void Exporter::exportBody(DispatchOp op, Block *functions, StringRef entry,
                          StringRef kernel) {
  Location loc = op.getLoc();
  SmallVector<Type> buffers(op.getInputs().getTypes());
  if (op.getCounters())
    buffers.push_back(countersType(op));
  llvm::append_range(buffers, op.getOutputs().getTypes());
  auto type = builder.getFunctionType(
      SmallVector<Type>(buffers.size(), bindingType), {});
  builder.setInsertionPointToEnd(functions);
  auto function = func::FuncOp::create(builder, loc, entry, type);
  builder.setInsertionPointToStart(function.addEntryBlock());
  Value zero = index(loc, 0);
  SmallVector<Value> arguments;
  for (auto [argument, buffer] :
       llvm::zip_equal(function.getArguments(), buffers)) {
    auto bytes = MemRefType::get({byteSize(buffer)}, builder.getI8Type());
    auto pointer = MemRefType::get({}, builder.getI8Type());
    Type indexType = builder.getIndexType();
    Operation *span =
        create(loc, "stream.binding.subspan", bytes, {argument, zero}, {});
    Operation *parts = create(loc, "iree_codegen.extract_strided_metadata",
                              {pointer, indexType, indexType, indexType},
                              span->getResult(0), {});
    arguments.append({parts->getResult(0), parts->getResult(1)});
  }
  Operation *workgroup =
      create(loc, "stream.dispatch.workgroup.id", builder.getIndexType(), {},
             {named("dimension", builder.getIndexAttr(0))});
  arguments.push_back(workgroup->getResult(0));
  func::CallOp::create(builder, loc, kernel, TypeRange(), arguments);
  func::ReturnOp::create(builder, loc);
}

void Exporter::addExport(DispatchOp op, Block *exports, Block *functions,
                         func::FuncOp kernel) {
  std::string entry = (op.getKernel() + "_dispatch").str();
  exportEntry(op, exports, entry);
  builder.setInsertionPointToStart(functions);
  // IREE itself passes the fields that are asked for, behind the arguments.
  FunctionType type = kernel.getFunctionType();
  if (op.getCounters())
    type = type.getWithoutArgsAndResults(
        llvm::BitVector(type.getNumInputs()).set(type.getNumInputs() - 1), {});
  auto declaration =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), type);
  if (op.getCounters())
    declaration->setAttr("hal.import.fields",
                         builder.getStrArrayAttr({"processor_id"}));
  declaration.setPrivate();
  declaration->setAttr("hal.import.static", builder.getUnitAttr());
  declaration->setAttr("llvm.bareptr", builder.getBoolAttr(true));
  exportBody(op, functions, entry, kernel.getSymName());
  replaceDispatch(op, entry);
}

void Exporter::replaceDispatch(DispatchOp op, StringRef entry) {
  builder.setInsertionPoint(op);
  auto symbol =
      SymbolRefAttr::get(builder.getContext(), executableName,
                         {FlatSymbolRefAttr::get(builder.getContext(), entry)});
  SmallVector<Value> operands(op.getInputs());
  SmallVector<Type> results(op->getResultTypes());
  SmallVector<Attribute> tied(results.size(), builder.getIndexAttr(-1));
  if (op.getCounters()) {
    tied.push_back(builder.getIndexAttr(static_cast<int64_t>(operands.size())));
    results.push_back(countersType(op));
    operands.push_back(zeros(op.getLoc(), countersType(op)));
  }
  auto inputs = static_cast<int32_t>(operands.size());
  Operation *dispatch =
      create(op.getLoc(), "flow.dispatch", results, operands,
             {named("entry_points", builder.getArrayAttr(symbol)),
              named("operandSegmentSizes",
                    builder.getDenseI32ArrayAttr({0, inputs, 0, 0})),
              named("tied_operands", builder.getArrayAttr(tied))});
  op->replaceAllUsesWith(
      dispatch->getResults().take_front(op->getNumResults()));
  op->erase();
}

LogicalResult Exporter::run() {
  auto kernels = module.lookupSymbol<ModuleOp>("kernels");
  if (!kernels)
    return success();
  auto object = kernels->getAttrOfType<DictionaryAttr>("ulq.object");
  auto path = object ? object.getAs<StringAttr>("path") : StringAttr();
  if (!path)
    return module.emitError("expected an object file of the kernels");
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "#hal.executable.objects<{" << target
         << " = [#hal.executable.object<{path = " << path << "}>]}>";
  Attribute objects = parseAttribute(text, module.getContext());
  if (!objects)
    return failure();
  Operation *outer = executable(kernels, objects);
  Block *exports = &outer->getRegion(0).front();
  ModuleOp inner = *exports->getOps<ModuleOp>().begin();
  Block *functions = inner.getBody();
  SmallVector<DispatchOp> dispatches;
  module.walk([&](DispatchOp op) { dispatches.push_back(op); });
  for (DispatchOp op : dispatches) {
    auto kernel = kernels.lookupSymbol<func::FuncOp>(op.getKernel());
    if (!kernel)
      return op.emitOpError("expected a kernel named ") << op.getKernel();
    addExport(op, exports, functions, kernel);
  }
  kernels.erase();
  return success();
}

/// IREE reads the dialects that it shares with ulq-opt, and its own.
LogicalResult checkForeign(ModuleOp module) {
  static const llvm::StringSet<> known = {"arith",  "builtin", "func",
                                          "linalg", "math",    "tensor",
                                          "flow",   "stream",  "iree_codegen"};
  WalkResult result = module.walk([](Operation *op) {
    if (known.contains(op->getName().getDialectNamespace()))
      return WalkResult::advance();
    op->emitError("expected operations that IREE reads, got '")
        << op->getName() << "'";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct ExportIreePass : ulq::impl::ExportIreeBase<ExportIreePass> {
  using Base = ulq::impl::ExportIreeBase<ExportIreePass>;
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    if (!context->allowsUnregisteredDialects()) {
      getOperation().emitError(
          "expected --allow-unregistered-dialect: IREE's operations are built");
      return signalPassFailure();
    }
    Attribute device = parseAttribute(target, context);
    Type binding = parseType("!stream.binding", context);
    if (!device || !binding) {
      getOperation().emitError("expected a #hal.executable.target as target");
      return signalPassFailure();
    }
    if (failed(Exporter(getOperation(), device, binding).run()) ||
        failed(checkForeign(getOperation())))
      return signalPassFailure();
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "#hal.device.target<\"local\", [" << device << "]> : !hal.device";
    if (Attribute devices = parseAttribute(text, context))
      getOperation()->setAttr("hal.device.targets",
                              ArrayAttr::get(context, devices));
  }
};

} // namespace
