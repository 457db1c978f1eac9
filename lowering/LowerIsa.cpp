//===- LowerIsa.cpp - register-level operations to instructions -----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"
#include "lowering/isa/Isa.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace ulq {
#define GEN_PASS_DEF_LOWERISA
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

/// The ISA that the `ulq.isa` attribute of `kernels` names, or null after an
/// error.
const Isa *findIsa(ModuleOp kernels) {
  auto name = kernels->getAttrOfType<StringAttr>("ulq.isa");
  if (!name) {
    kernels.emitError("expected a string attribute 'ulq.isa'");
    return nullptr;
  }
  const Isa *isa = lookupIsa(name);
  if (!isa)
    kernels.emitError("unknown ISA '") << name.getValue() << "'";
  return isa;
}

/// Fails at the first register-level operation that no pattern has replaced.
LogicalResult checkLowered(ModuleOp kernels, StringRef isaName) {
  WalkResult result = kernels.walk([&](Operation *op) {
    if (!isa<TableLookupOp, WordLookupOp, Dot4Op, Dot2Op, WidenAddOp,
             PopcountAddOp>(op))
      return WalkResult::advance();
    op->emitError("no instruction for '")
        << op->getName() << "' on " << op->getResult(0).getType() << " in ISA '"
        << isaName << "'";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct LowerIsa : ulq::impl::LowerIsaBase<LowerIsa> {
  void runOnOperation() override {
    auto kernels = getOperation().lookupSymbol<ModuleOp>("kernels");
    if (!kernels)
      return; // a model without layers
    const Isa *isa = findIsa(kernels);
    if (!isa)
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    isa->populate(patterns);
    walkAndApplyPatterns(kernels, std::move(patterns));
    if (failed(checkLowered(kernels, isa->name)))
      signalPassFailure();
  }
};

} // namespace
