//===- Avx2.cpp - x86-64-v3 -----------------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Popcount.h"
#include "lowering/isa/X86.h"

namespace ulq {

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<PopcountAddToCtpop>(patterns.getContext());
  patterns.add<TableLookupToPshufb, WordLookupToPermute, Dot4ToPmadd,
               Dot2ToPmaddubsw, WidenAddToPmaddwd>(patterns.getContext(),
                                                   /*maxBytes=*/32);
}

const Isa &getAvx2Isa() {
  static const Isa isa = {
      /*name=*/"avx2",
      /*triple=*/"x86_64-none-elf",
      /*features=*/
      "+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+xsave",
      {/*vectorBytes=*/32, /*vectorRegisters=*/16, /*lookupCycles=*/1.0,
       /*dot4Cycles=*/1.2, /*dot2Cycles=*/0.8, /*wideDot4=*/false,
       /*fma=*/true, /*popcountCycles=*/1.8},
      populate};
  return isa;
}

} // namespace ulq
