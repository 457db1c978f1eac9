//===- Words.h - word_lookup without an instruction -----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_ISA_WORDS_H
#define ULQ_LOWERING_ISA_WORDS_H

#include "lowering/isa/Isa.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace ulq {

/// word_lookup by one load for each lane.
struct WordLookupToLoads : mlir::OpRewritePattern<WordLookupOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(WordLookupOp op,
                  mlir::PatternRewriter &rewriter) const override {
    mlir::ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    mlir::VectorType type = op.getResult().getType();
    auto constant = [&](int64_t value) -> mlir::Value {
      return mlir::arith::ConstantOp::create(
          b, mlir::DenseElementsAttr::get(op.getIndex().getType(),
                                          static_cast<int32_t>(value)));
    };
    mlir::Value bytes = mlir::arith::AndIOp::create(
        b, mlir::arith::ShLIOp::create(b, op.getIndex(), constant(2)),
        constant((WordLookupOp::kWords - 1) * 4));
    auto one = mlir::VectorType::get(1, type.getElementType());
    auto packed = mlir::VectorType::get(4, b.getI8Type());
    mlir::Value result = mlir::arith::ConstantOp::create(
        b, mlir::DenseElementsAttr::get(type, 0.0f));
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
      mlir::Value at = mlir::arith::IndexCastUIOp::create(
          b, b.getIndexType(), mlir::vector::ExtractOp::create(b, bytes, i));
      at = mlir::arith::AddIOp::create(b, op.getOffset(), at);
      mlir::Value word = mlir::vector::BitCastOp::create(
          b, one, mlir::vector::LoadOp::create(b, packed, op.getMemory(), at));
      result = mlir::vector::InsertOp::create(
          b, mlir::vector::ExtractOp::create(b, word, 0), result, i);
    }
    rewriter.replaceOp(op, result);
    return mlir::success();
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_ISA_WORDS_H
