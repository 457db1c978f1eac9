//===- Isas.cpp - the table of instruction providers ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Isa.h"

namespace ulq {

#define ULQ_ISA(NAME) const Isa &get##NAME##Isa();
#include "lowering/isa/Isas.inc"
#undef ULQ_ISA

llvm::ArrayRef<const Isa *> allIsas() {
  static const Isa *const isas[] = {
#define ULQ_ISA(NAME) &get##NAME##Isa(),
#include "lowering/isa/Isas.inc"
#undef ULQ_ISA
  };
  return isas;
}

const Isa *lookupIsa(llvm::StringRef name) {
  for (const Isa *isa : allIsas())
    if (isa->name == name)
      return isa;
  return nullptr;
}

} // namespace ulq
