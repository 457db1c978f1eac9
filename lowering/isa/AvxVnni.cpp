//===- AvxVnni.cpp - x86-64-v3 with the 8-bit dot product -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Popcount.h"
#include "lowering/isa/X86.h"

namespace ulq {

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<PopcountAddToCtpop>(patterns.getContext());
  patterns.add<TableLookupToPshufb, WordLookupToPermute, Dot4ToVpdpbusd>(
      patterns.getContext(),
      /*maxBytes=*/32);
}

const Isa &getAvxVnniIsa() {
  static const Isa isa = {
      /*name=*/"avxvnni",
      /*triple=*/"x86_64-none-elf",
      /*features=*/
      "+avx2,+avxvnni,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+xsave",
      {/*vectorBytes=*/32, /*vectorRegisters=*/16, /*lookupCycles=*/1.0,
       /*dot4Cycles=*/0.5, /*dot2Cycles=*/0.0, /*wideDot4=*/true,
       /*fma=*/true, /*popcountCycles=*/1.8},
      populate};
  return isa;
}

} // namespace ulq
