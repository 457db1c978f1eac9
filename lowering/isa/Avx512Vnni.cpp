//===- Avx512Vnni.cpp - x86-64-v4 with the 8-bit dot product --------------===//
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
      /*maxBytes=*/64);
}

const Isa &getAvx512VnniIsa() {
  static const Isa isa = {
      /*name=*/"avx512vnni",
      /*triple=*/"x86_64-none-elf",
      /*features=*/
      "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+avx512vnni,"
      "+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+xsave",
      {/*vectorBytes=*/64, /*vectorRegisters=*/32, /*lookupCycles=*/1.0,
       /*dot4Cycles=*/0.5, /*dot2Cycles=*/0.0, /*wideDot4=*/true,
       /*fma=*/true, /*popcountCycles=*/2.3},
      populate};
  return isa;
}

} // namespace ulq
