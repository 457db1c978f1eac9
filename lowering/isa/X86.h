//===- X86.h - patterns that the x86 ISAs share ---------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// One instruction exists per vector length, so a pattern is a row of intrinsic
// names for 16, 32 and 64 bytes and the longest length that the ISA has.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ISA_X86_H
#define ULQ_LOWERING_ISA_X86_H

#include "lowering/isa/Isa.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace ulq {

/// The names of one instruction for vectors of 16, 32 and 64 bytes.
struct IntrinsicRow {
  llvm::StringRef bytes16, bytes32, bytes64;

  /// The name for that length, empty where there is none.
  llvm::StringRef select(int64_t bytes) const {
    switch (bytes) {
    case 16:
      return bytes16;
    case 32:
      return bytes32;
    case 64:
      return bytes64;
    }
    return {};
  }
};

inline mlir::Value callIntrinsic(mlir::OpBuilder &builder, mlir::Location loc,
                                 mlir::Type result, llvm::StringRef name,
                                 mlir::ValueRange operands) {
  return mlir::LLVM::CallIntrinsicOp::create(
             builder, loc, result, builder.getStringAttr(name), operands)
      .getResult(0);
}

inline int64_t vectorBytes(mlir::Value value) {
  return llvm::cast<mlir::VectorType>(value.getType()).getNumElements();
}

/// table_lookup to pshufb.
struct TableLookupToPshufb : mlir::OpRewritePattern<TableLookupOp> {
  TableLookupToPshufb(mlir::MLIRContext *context, int64_t maxBytes)
      : OpRewritePattern(context), maxBytes(maxBytes) {}

  mlir::LogicalResult
  matchAndRewrite(TableLookupOp op,
                  mlir::PatternRewriter &rewriter) const override {
    const IntrinsicRow pshufb = {"llvm.x86.ssse3.pshuf.b.128",
                                 "llvm.x86.avx2.pshuf.b",
                                 "llvm.x86.avx512.pshuf.b.512"};
    int64_t bytes = vectorBytes(op.getTable());
    llvm::StringRef name = pshufb.select(bytes);
    if (bytes > maxBytes || name.empty())
      return rewriter.notifyMatchFailure(op, "no pshufb of that length");
    rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), op.getType(),
                                         name, {op.getTable(), op.getIndex()}));
    return mlir::success();
  }

private:
  int64_t maxBytes;
};

/// dot4 to pmaddubsw and pmaddwd. pmaddubsw saturates its sums of two products
/// to 16 bits; where they may exceed that, the even and the odd bytes of lhs
/// are multiplied apart, so that every sum is one product: |255 * -128| fits.
struct Dot4ToPmadd : mlir::OpRewritePattern<Dot4Op> {
  Dot4ToPmadd(mlir::MLIRContext *context, int64_t maxBytes)
      : OpRewritePattern(context), maxBytes(maxBytes) {}

  mlir::LogicalResult
  matchAndRewrite(Dot4Op op, mlir::PatternRewriter &rewriter) const override {
    int64_t bytes = vectorBytes(op.getLhs());
    if (bytes > maxBytes || pmaddwd.select(bytes).empty())
      return rewriter.notifyMatchFailure(op, "no pmaddwd of that length");

    mlir::Location loc = op.getLoc();
    auto wordType = llvm::cast<mlir::VectorType>(op.getType());
    auto halfType =
        mlir::VectorType::get({bytes / 2}, rewriter.getIntegerType(16));
    mlir::Value ones = mlir::arith::ConstantOp::create(
        rewriter, loc,
        mlir::DenseElementsAttr::get(halfType, rewriter.getI16IntegerAttr(1)));
    auto dot = [&](mlir::Value lhs) {
      mlir::Value pairs = callIntrinsic(
          rewriter, loc, halfType, pmaddubsw.select(bytes), {lhs, op.getRhs()});
      return callIntrinsic(rewriter, loc, wordType, pmaddwd.select(bytes),
                           {pairs, ones});
    };
    mlir::Value sum;
    if (2 * op.getMaxLhs() * op.getMaxRhs() <= INT16_MAX) {
      sum = dot(op.getLhs());
    } else {
      mlir::Value even = dot(maskBytes(rewriter, loc, op.getLhs(), 0x00ff));
      mlir::Value odd = dot(maskBytes(rewriter, loc, op.getLhs(), 0xff00));
      sum = mlir::arith::AddIOp::create(rewriter, loc, even, odd);
    }
    rewriter.replaceOpWithNewOp<mlir::arith::AddIOp>(op, op.getAcc(), sum);
    return mlir::success();
  }

private:
  static constexpr IntrinsicRow pmaddubsw = {"llvm.x86.ssse3.pmadd.ub.sw.128",
                                             "llvm.x86.avx2.pmadd.ub.sw",
                                             "llvm.x86.avx512.pmaddubs.w.512"};
  static constexpr IntrinsicRow pmaddwd = {"llvm.x86.sse2.pmadd.wd",
                                           "llvm.x86.avx2.pmadd.wd",
                                           "llvm.x86.avx512.pmaddw.d.512"};

  /// Keep the even (0x00ff) or the odd (0xff00) bytes of every pair.
  static mlir::Value maskBytes(mlir::OpBuilder &builder, mlir::Location loc,
                               mlir::Value bytes, int64_t pairMask) {
    auto type = llvm::cast<mlir::VectorType>(bytes.getType());
    auto halfType = mlir::VectorType::get({type.getNumElements() / 2},
                                          builder.getIntegerType(16));
    auto mask = mlir::arith::ConstantOp::create(
        builder, loc,
        mlir::DenseElementsAttr::get(halfType, llvm::APInt(16, pairMask)));
    mlir::Value pairs =
        mlir::vector::BitCastOp::create(builder, loc, halfType, bytes);
    pairs = mlir::arith::AndIOp::create(builder, loc, pairs, mask);
    return mlir::vector::BitCastOp::create(builder, loc, type, pairs);
  }

  int64_t maxBytes;
};

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

} // namespace ulq

#endif // ULQ_LOWERING_ISA_X86_H
