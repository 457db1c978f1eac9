//===- Avx512Vnni.cpp - x86-64-v4 with the 8-bit dot product --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/X86.h"

namespace ulq {

namespace {

/// dot4 to vpdpbusd, which sums four exact products without saturation.
struct Dot4ToVpdpbusd : mlir::OpRewritePattern<Dot4Op> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(Dot4Op op, mlir::PatternRewriter &rewriter) const override {
    const IntrinsicRow vpdpbusd = {"llvm.x86.avx512.vpdpbusd.128",
                                   "llvm.x86.avx512.vpdpbusd.256",
                                   "llvm.x86.avx512.vpdpbusd.512"};
    llvm::StringRef name = vpdpbusd.select(vectorBytes(op.getLhs()));
    if (name.empty())
      return rewriter.notifyMatchFailure(op, "no vpdpbusd of that length");
    rewriter.replaceOp(op,
                       callIntrinsic(rewriter, op.getLoc(), op.getType(), name,
                                     {op.getAcc(), op.getLhs(), op.getRhs()}));
    return mlir::success();
  }
};

} // namespace

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<TableLookupToPshufb>(patterns.getContext(), /*maxBytes=*/64);
  patterns.add<Dot4ToVpdpbusd>(patterns.getContext());
}

const Isa &getAvx512VnniIsa() {
  static const Isa isa = {
      /*name=*/"avx512vnni",
      /*triple=*/"x86_64-none-elf",
      /*features=*/
      "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+avx512vnni,"
      "+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+xsave",
      {/*vectorBytes=*/64, /*vectorRegisters=*/32, /*lookupCycles=*/1.0,
       /*dot4Cycles=*/0.5, /*wideDot4=*/true, /*fma=*/true},
      populate};
  return isa;
}

} // namespace ulq
