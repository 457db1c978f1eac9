//===- Sse41.cpp - x86-64-v2: SSE4.2 and what comes before it -------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Popcount.h"
#include "lowering/isa/Words.h"
#include "lowering/isa/X86.h"

namespace ulq {

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<PopcountAddToCtpop, WordLookupToLoads>(patterns.getContext());
  patterns.add<TableLookupToPshufb, Dot4ToPmadd, Dot2ToPmaddubsw,
               WidenAddToPmaddwd>(patterns.getContext(), /*maxBytes=*/16);
}

const Isa &getSse41Isa() {
  static const Isa isa = {
      /*name=*/"sse41",
      /*triple=*/"x86_64-none-elf",
      /*features=*/"+cx16,+popcnt,+sse3,+ssse3,+sse4.1,+sse4.2",
      {/*vectorBytes=*/16, /*vectorRegisters=*/16, /*lookupCycles=*/1.0,
       /*dot4Cycles=*/1.2, /*dot2Cycles=*/0.8, /*wideDot4=*/false,
       /*fma=*/false, /*popcountCycles=*/1.8},
      populate};
  return isa;
}

} // namespace ulq
