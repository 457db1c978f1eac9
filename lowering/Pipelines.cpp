//===- Pipelines.cpp - the order of the passes ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"

using namespace mlir;

namespace ulq {

void registerUlqPipelines() {
}

} // namespace ulq
