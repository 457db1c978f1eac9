//===- EmitObjects.cpp - kernels to an object file ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"
#include "lowering/isa/Isa.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

namespace ulq {
#define GEN_PASS_DEF_EMITOBJECTS
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

/// scf, arith, math, memref and vector to the LLVM dialect. Kernel functions
/// carry `llvm.bareptr`: a memref argument is one pointer.
void buildPipeline(OpPassManager &manager) {
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertIndexToLLVMPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

/// The machine for `isa`, or null after an error.
std::unique_ptr<llvm::TargetMachine>
createMachine(ModuleOp kernels, const Isa &isa, StringRef genericTriple) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
  llvm::Triple triple(isa.triple.empty() ? genericTriple : isa.triple);
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target) {
    kernels.emitError("no target '") << triple.str() << "': " << reason;
    return nullptr;
  }
  llvm::TargetOptions options;
  // Kernels call nothing and are called with valid stacks: no stack protector,
  // and products stay apart from additions unless the kernel fuses them.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.MCOptions.AsmVerbose = true; // names the loops of an assembly file
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, /*CPU=*/"", isa.features, options, llvm::Reloc::PIC_,
      /*CM=*/std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// What LLVM must know of every function: its target, and that there is no
/// libc, so that no loop may become a memset and no exception passes through.
void setAttributes(llvm::Module &module, const Isa &isa) {
  std::string bits = std::to_string(isa.traits.vectorBytes * 8);
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    // A call of a default-visibility function would go through a PLT entry that
    // IREE's loader leaves unbound: it ends in a crash on aarch64.
    if (!function.hasLocalLinkage())
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    function.addFnAttr("target-features", isa.features);
    // LLVM avoids 512-bit registers unless it is told to use them.
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
    function.addFnAttr("no-builtins");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Spilled vectors shall not lie across cache lines.
    function.addFnAttr(llvm::Attribute::getWithStackAlignment(
        module.getContext(), llvm::Align(isa.traits.vectorBytes)));
    for (llvm::Argument &argument : function.args())
      if (argument.getType()->isPointerTy())
        argument.addAttr(llvm::Attribute::NoAlias);
  }
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  // Tiles are vectors already; grouping their scalar addresses costs shuffles.
  llvm::PipelineTuningOptions tuning;
  tuning.SLPVectorization = false;
  // Equal layers differ in what they read, not in their code.
  tuning.MergeFunctions = true;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

/// The bytes of an object or assembly file, empty on failure.
SmallVector<char, 0> generate(llvm::Module &module,
                              llvm::TargetMachine &machine,
                              llvm::CodeGenFileType type) {
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return {};
  passes.run(module);
  return bytes;
}

/// The function whose code needs the symbol named `symbol`, empty if unknown.
StringRef findUser(const llvm::object::ObjectFile &object, StringRef symbol) {
  for (const llvm::object::SectionRef &section : object.sections()) {
    auto relocated = section.getRelocatedSection();
    if (!relocated) {
      llvm::consumeError(relocated.takeError());
      continue;
    }
    for (const llvm::object::RelocationRef &relocation :
         section.relocations()) {
      auto needed = llvm::expectedToOptional(relocation.getSymbol()->getName());
      if (!needed || *needed != symbol)
        continue;
      for (const llvm::object::ELFSymbolRef function : object.symbols()) {
        auto home = llvm::expectedToOptional(function.getSection());
        auto start = llvm::expectedToOptional(function.getAddress());
        auto name = llvm::expectedToOptional(function.getName());
        if (!home || !start || !name || *home != *relocated)
          continue;
        if (relocation.getOffset() - *start < function.getSize())
          return *name;
      }
    }
  }
  return {};
}

/// Fails if the object needs a symbol that it does not define.
LogicalResult checkSymbols(ModuleOp kernels, ArrayRef<char> bytes) {
  auto object = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(StringRef(bytes.data(), bytes.size()), "kernels"));
  if (!object)
    return kernels.emitError("unreadable object: ")
           << llvm::toString(object.takeError());
  for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
    auto flags = llvm::expectedToOptional(symbol.getFlags());
    auto name = llvm::expectedToOptional(symbol.getName());
    if (!flags || !name || name->empty() ||
        !(*flags & llvm::object::SymbolRef::SF_Undefined))
      continue;
    Operation *user = kernels.lookupSymbol(findUser(**object, *name));
    return (user ? user : kernels.getOperation())
               ->emitError("kernels are linked without libraries, but the "
                           "code needs the symbol '")
           << *name << "'";
  }
  return success();
}

LogicalResult writeFile(ModuleOp kernels, StringRef path,
                        ArrayRef<char> bytes) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error) {
    stream.write(bytes.data(), bytes.size());
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  if (error)
    return kernels.emitError("cannot write '")
           << path << "': " << error.message();
  return success();
}

struct EmitObjects : ulq::impl::EmitObjectsBase<EmitObjects> {
  using EmitObjectsBase::EmitObjectsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    EmitObjectsBase::getDependentDialects(registry);
    registerBuiltinDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    OpPassManager manager(ModuleOp::getOperationName());
    buildPipeline(manager);
    manager.getDependentDialects(registry);
  }

  void runOnOperation() override {
    auto kernels = getOperation().lookupSymbol<ModuleOp>("kernels");
    if (!kernels)
      return; // a model without layers
    auto name = kernels->getAttrOfType<StringAttr>("ulq.isa");
    const Isa *isa = name ? lookupIsa(name) : nullptr;
    if (!isa) {
      kernels.emitError("expected the name of an ISA in 'ulq.isa'");
      return signalPassFailure();
    }
    if (failed(emitObject(kernels, *isa)))
      return signalPassFailure();
    for (auto function : kernels.getOps<func::FuncOp>()) {
      function.eraseBody();
      function.setPrivate();
    }
  }

  /// `kernels` lowered to the LLVM dialect; the caller erases it.
  FailureOr<ModuleOp> lowerToLLVM(ModuleOp kernels) {
    ModuleOp lowered = kernels.clone();
    lowered.setSymName("kernels_object");
    getOperation().push_back(lowered);
    OpPassManager manager(ModuleOp::getOperationName());
    buildPipeline(manager);
    if (succeeded(runPipeline(manager, lowered)))
      return lowered;
    lowered.erase();
    return failure();
  }

  LogicalResult emitObject(ModuleOp kernels, const Isa &isa) {
    auto machine = createMachine(kernels, isa, triple);
    if (!machine)
      return failure();
    FailureOr<ModuleOp> lowered = lowerToLLVM(kernels);
    if (failed(lowered))
      return failure();
    llvm::LLVMContext context;
    auto module = translateModuleToLLVMIR(*lowered, context, "kernels");
    lowered->erase();
    if (!module)
      return kernels.emitError("translation to LLVM failed");
    module->setDataLayout(machine->createDataLayout());
    module->setTargetTriple(machine->getTargetTriple());
    setAttributes(*module, isa);
    optimize(*module, *machine);
    return writeObject(kernels, isa, *module, *machine);
  }

  LogicalResult writeObject(ModuleOp kernels, const Isa &isa,
                            llvm::Module &module,
                            llvm::TargetMachine &machine) {
    SmallString<128> path(directory);
    llvm::sys::path::append(path, "kernels-" + isa.name);
    if (assembly) {
      // Code generation changes the module, so it works on a copy.
      auto copy = llvm::CloneModule(module);
      SmallVector<char, 0> text =
          generate(*copy, machine, llvm::CodeGenFileType::AssemblyFile);
      if (failed(writeFile(kernels, (path + ".s").str(), text)))
        return failure();
    }
    SmallVector<char, 0> bytes =
        generate(module, machine, llvm::CodeGenFileType::ObjectFile);
    if (bytes.empty())
      return kernels.emitError("no object code for ISA '") << isa.name << "'";
    path += ".o";
    if (failed(checkSymbols(kernels, bytes)) ||
        failed(writeFile(kernels, path, bytes)))
      return failure();
    Builder builder(kernels.getContext());
    kernels->setAttr(
        "ulq.object",
        builder.getDictionaryAttr(
            {builder.getNamedAttr("isa", builder.getStringAttr(isa.name)),
             builder.getNamedAttr("path", builder.getStringAttr(path))}));
    return success();
  }
};

} // namespace
