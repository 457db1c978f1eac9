//===- Popcount.h - popcount_add for every ISA ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ISA_POPCOUNT_H
#define ULQ_LOWERING_ISA_POPCOUNT_H

#include "lowering/isa/Isa.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace ulq {

/// popcount_add to LLVM's ctpop, which it selects an instruction for, or two
/// lookups of nibbles where there is none.
struct PopcountAddToCtpop : mlir::OpRewritePattern<PopcountAddOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(PopcountAddOp op,
                  mlir::PatternRewriter &rewriter) const override {
    mlir::Value ones = mlir::LLVM::CtPopOp::create(rewriter, op.getLoc(),
                                                   op.getType(), op.getBits());
    rewriter.replaceOpWithNewOp<mlir::arith::AddIOp>(op, op.getAcc(), ones);
    return mlir::success();
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_ISA_POPCOUNT_H
