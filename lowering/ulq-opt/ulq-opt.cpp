//===- ulq-opt.cpp - the ulq optimizer driver -----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "lowering/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<ulq::UlqDialect>();
  mlir::registerAllPasses();
#if __has_include("lowering/ImportFold.cpp")
  ulq::registerImportFold();
#endif
#if __has_include("lowering/FuseQuantized.cpp")
  ulq::registerFuseQuantized();
#endif
#if __has_include("lowering/FoldEpilogue.cpp")
  ulq::registerFoldEpilogue();
#endif
#if __has_include("lowering/ProveRanges.cpp")
  ulq::registerProveRanges();
#endif
#if __has_include("lowering/SelectKernel.cpp")
  ulq::registerSelectKernel();
#endif
#if __has_include("lowering/PackWeights.cpp")
  ulq::registerPackWeights();
#endif
#if __has_include("lowering/Tile.cpp")
  ulq::registerTile();
#endif
#if __has_include("lowering/ExpandTiles.cpp")
  ulq::registerExpandTiles();
#endif
#if __has_include("lowering/LowerIsa.cpp")
  ulq::registerLowerIsa();
#endif
#if __has_include("lowering/EmitObjects.cpp")
  ulq::registerEmitObjects();
#endif
#if __has_include("lowering/LowerFloat.cpp")
  ulq::registerLowerFloat();
#endif
#if __has_include("lowering/ExportIree.cpp")
  ulq::registerExportIree();
#endif
  ulq::registerUlqPipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "ulq optimizer driver\n", registry));
}
