//===- Isa.h - an instruction provider ------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// One file of this folder per ISA: the LLVM target, its extents and costs, and
// a pattern for each register-level operation that it has instructions for.
// The folder is the registry: every file defines
// `const Isa &get<FileName>Isa()`. These are the only files with intrinsic
// names.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ISA_ISA_H
#define ULQ_LOWERING_ISA_ISA_H

#include "lowering/kernels/Kernel.h"
#include "mlir/IR/PatternMatch.h"

namespace ulq {

struct Isa {
  llvm::StringRef name;     // "avx2": kernel.isa, the --isa option
  llvm::StringRef triple;   // "" for generic: the triple of the pass option
  llvm::StringRef features; // LLVM target features, "+avx2,+fma"
  IsaTraits traits;
  /// Patterns that turn register-level operations into intrinsics or plain
  /// vector operations.
  void (*populate)(mlir::RewritePatternSet &patterns);
};

/// All ISAs, in the order of their file names.
llvm::ArrayRef<const Isa *> allIsas();
/// The ISA of that name, or null.
const Isa *lookupIsa(llvm::StringRef name);

} // namespace ulq

#endif // ULQ_LOWERING_ISA_ISA_H
