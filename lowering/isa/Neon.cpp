//===- Neon.cpp - Armv8.0 Advanced SIMD -----------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Popcount.h"
#include "lowering/isa/Words.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace ulq {

namespace {

constexpr int64_t kVectorBytes = 16;

mlir::Value callIntrinsic(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Type result, llvm::StringRef name,
                          mlir::ValueRange operands) {
  return mlir::LLVM::CallIntrinsicOp::create(
             builder, loc, result, builder.getStringAttr(name), operands)
      .getResult(0);
}

bool isVector(mlir::Value value) {
  auto type = llvm::cast<mlir::VectorType>(value.getType());
  return type.getNumElements() == kVectorBytes;
}

/// table_lookup to tbl.
struct TableLookupToTbl : mlir::OpRewritePattern<TableLookupOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(TableLookupOp op,
                  mlir::PatternRewriter &rewriter) const override {
    if (!isVector(op.getTable()))
      return rewriter.notifyMatchFailure(op, "tbl takes 16 bytes");
    rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), op.getType(),
                                         "llvm.aarch64.neon.tbl1.v16i8",
                                         {op.getTable(), op.getIndex()}));
    return mlir::success();
  }
};

/// dot4 without a dot product: 16 products in two vectors of i16, then sums of
/// neighbours. Products come from smull, or, where lhs needs its eighth bit,
/// from a 16-bit multiply of the extended bytes. Sums of two stay in i16 when
/// they fit.
struct Dot4ToWidening : mlir::OpRewritePattern<Dot4Op> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(Dot4Op op, mlir::PatternRewriter &rewriter) const override {
    if (!isVector(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "smull takes 16 bytes");
    mlir::Location loc = op.getLoc();
    auto type = [&](int64_t lanes, unsigned bits) {
      return mlir::VectorType::get({lanes}, rewriter.getIntegerType(bits));
    };
    auto products = [&](int64_t from) -> mlir::Value {
      mlir::Value lhs = mlir::vector::ExtractStridedSliceOp::create(
          rewriter, loc, op.getLhs(), from, 8, 1);
      mlir::Value rhs = mlir::vector::ExtractStridedSliceOp::create(
          rewriter, loc, op.getRhs(), from, 8, 1);
      if (op.getMaxLhs() <= INT8_MAX)
        return callIntrinsic(rewriter, loc, type(8, 16),
                             "llvm.aarch64.neon.smull.v8i16", {lhs, rhs});
      lhs = mlir::arith::ExtUIOp::create(rewriter, loc, type(8, 16), lhs);
      rhs = mlir::arith::ExtSIOp::create(rewriter, loc, type(8, 16), rhs);
      return mlir::arith::MulIOp::create(rewriter, loc, lhs, rhs);
    };
    auto addPairs = [&](mlir::Value halves) {
      return callIntrinsic(rewriter, loc, type(4, 32),
                           "llvm.aarch64.neon.saddlp.v4i32.v8i16", {halves});
    };

    mlir::Value low = products(0), high = products(8), sum;
    if (2 * op.getMaxLhs() * op.getMaxRhs() <= INT16_MAX)
      sum =
          addPairs(callIntrinsic(rewriter, loc, type(8, 16),
                                 "llvm.aarch64.neon.addp.v8i16", {low, high}));
    else
      sum = callIntrinsic(rewriter, loc, type(4, 32),
                          "llvm.aarch64.neon.addp.v4i32",
                          {addPairs(low), addPairs(high)});
    rewriter.replaceOpWithNewOp<mlir::arith::AddIOp>(op, op.getAcc(), sum);
    return mlir::success();
  }
};

} // namespace

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<TableLookupToTbl, Dot4ToWidening, PopcountAddToCtpop,
               WordLookupToLoads>(patterns.getContext());
}

const Isa &getNeonIsa() {
  static const Isa isa = {/*name=*/"neon",
                          /*triple=*/"aarch64-none-elf",
                          /*features=*/"+neon,+fp-armv8",
                          {/*vectorBytes=*/kVectorBytes, /*vectorRegisters=*/32,
                           /*lookupCycles=*/1.0, /*dot4Cycles=*/2.5,
                           /*dot2Cycles=*/0.0, /*wideDot4=*/false,
                           /*fma=*/true, /*popcountCycles=*/0.8},
                          populate};
  return isa;
}

} // namespace ulq
