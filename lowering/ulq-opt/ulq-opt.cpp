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
  ulq::registerUlqPasses();
  ulq::registerUlqPipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "ulq optimizer driver\n", registry));
}
