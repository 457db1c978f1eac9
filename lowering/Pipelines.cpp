//===- Pipelines.cpp - the order of the passes ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace ulq {
namespace {

struct CodegenOptions : PassPipelineOptions<CodegenOptions> {
  Option<std::string> isa{*this, "isa",
                          llvm::cl::desc("name of the instruction provider"),
                          llvm::cl::init("generic")};
  Option<std::string> family{
      *this, "family",
      llvm::cl::desc("use this kernel family wherever it is exact")};
  Option<int64_t> workgroups{
      *this, "workgroups",
      llvm::cl::desc("most independent parts of a dispatch"),
      llvm::cl::init(64)};
  Option<std::string> tuning{
      *this, "tuning",
      llvm::cl::desc("file of measured times: they decide where a layer is in "
                     "it")};
  Option<std::string> costs{
      *this, "costs",
      llvm::cl::desc("file of measured times of similar layers, which correct "
                     "predictions")};
  Option<std::string> directory{*this, "directory",
                                llvm::cl::desc("where the object is written"),
                                llvm::cl::init(".")};
  Option<std::string> triple{*this, "triple",
                             llvm::cl::desc("target triple of generic code")};
  Option<bool> assembly{*this, "assembly",
                        llvm::cl::desc("write the assembly too"),
                        llvm::cl::init(false)};
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("the #hal.executable.target of the device")};
};

void buildQuantizePipeline(OpPassManager &pm) {
  pm.addPass(createImportFold());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createFuseQuantized());
  pm.addPass(createCanonicalizerPass());
  // Equal movements of one value must be one, or a result looks shared.
  pm.addPass(createCSEPass());
  pm.addPass(createFoldEpilogue());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createEncodeFloats());
  pm.addPass(createMoveCodes());
}

void buildCodegenPipeline(OpPassManager &pm, const CodegenOptions &options) {
  pm.addPass(createProveRanges());
  SelectKernelOptions select;
  select.isa = options.isa;
  select.family = options.family;
  select.workgroups = options.workgroups;
  select.tuning = options.tuning;
  select.costs = options.costs;
  pm.addPass(createSelectKernel(select));
  // Removes the unpack-pack pairs between layers: codes stay packed.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createPackWeights());
  pm.addPass(createReportLayers());
  pm.addPass(createTile());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createExpandTiles());
  pm.addPass(createLowerIsa());
  EmitObjectsOptions emit;
  emit.directory = options.directory;
  emit.triple = options.triple;
  emit.assembly = options.assembly;
  pm.addPass(createEmitObjects(emit));
}

void buildCompilePipeline(OpPassManager &pm, const CodegenOptions &options) {
  buildQuantizePipeline(pm);
  buildCodegenPipeline(pm, options);
  pm.addPass(createLowerFloat());
  pm.addPass(createCanonicalizerPass());
  ExportIreeOptions iree;
  iree.target = options.target;
  pm.addPass(createExportIree(iree));
}

} // namespace

void registerUlqPipelines() {
  PassPipelineRegistration<>("ulq-quantize", "graph level to integer level",
                             buildQuantizePipeline);
  PassPipelineRegistration<CodegenOptions>(
      "ulq-codegen", "integer level to an object file", buildCodegenPipeline);
  PassPipelineRegistration<CodegenOptions>(
      "ulq-compile", "graph level to a module for IREE", buildCompilePipeline);
}

} // namespace ulq
