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
#include "mlir/IR/ImplicitLocOpBuilder.h"

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

/// word_lookup to permutations of words: vpermi2ps takes a table of two 64-byte
/// registers, vpermps 32 bytes of it.
struct WordLookupToPermute : mlir::OpRewritePattern<WordLookupOp> {
  WordLookupToPermute(mlir::MLIRContext *context, int64_t maxBytes)
      : OpRewritePattern(context), lanes(maxBytes / 4) {}

  mlir::LogicalResult
  matchAndRewrite(WordLookupOp op,
                  mlir::PatternRewriter &rewriter) const override {
    mlir::ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    llvm::SmallVector<mlir::Value> table;
    auto word = mlir::VectorType::get({lanes}, b.getF32Type());
    auto packed = mlir::VectorType::get({lanes * 4}, b.getI8Type());
    for (int64_t first = 0; first < WordLookupOp::kWords; first += lanes) {
      mlir::Value at = mlir::arith::AddIOp::create(
          b, op.getOffset(),
          mlir::arith::ConstantIndexOp::create(b, first * 4));
      table.push_back(mlir::vector::BitCastOp::create(
          b, word,
          mlir::vector::LoadOp::create(b, packed, op.getMemory(), at)));
    }
    mlir::VectorType type = op.getResult().getType();
    mlir::Value result = mlir::arith::ConstantOp::create(
        b, mlir::DenseElementsAttr::get(type, 0.0f));
    for (int64_t first = 0, e = type.getNumElements(); first < e;
         first += lanes) {
      int64_t count = std::min(lanes, e - first);
      mlir::Value found = permute(b, table, slice(b, op.getIndex(), first));
      auto kept = llvm::to_vector(llvm::seq<int64_t>(0, count));
      if (count < lanes)
        found = mlir::vector::ShuffleOp::create(b, found, found, kept);
      result = mlir::vector::InsertStridedSliceOp::create(
          b, found, result, llvm::ArrayRef<int64_t>{first},
          llvm::ArrayRef<int64_t>{1});
    }
    rewriter.replaceOp(op, result);
    return mlir::success();
  }

private:
  /// One register of indices; the last ones again where they are fewer.
  mlir::Value slice(mlir::OpBuilder &b, mlir::Value index,
                    int64_t first) const {
    int64_t last =
        llvm::cast<mlir::VectorType>(index.getType()).getNumElements() - 1;
    llvm::SmallVector<int64_t> taken;
    for (int64_t i = 0; i < lanes; ++i)
      taken.push_back(std::min(first + i, last));
    return mlir::vector::ShuffleOp::create(b, index.getLoc(), index, index,
                                           taken);
  }

  mlir::Value permute(mlir::ImplicitLocOpBuilder &b,
                      llvm::ArrayRef<mlir::Value> table,
                      mlir::Value index) const {
    mlir::Type type = table[0].getType();
    if (table.size() == 2)
      return callIntrinsic(b, b.getLoc(), type,
                           "llvm.x86.avx512.vpermi2var.ps.512",
                           {table[0], index, table[1]});
    auto part = [&](size_t i) {
      return callIntrinsic(b, b.getLoc(), type, "llvm.x86.avx2.permps",
                           {table[i], index});
    };
    mlir::Value eights = choose(b, index, 3, part(0), part(1));
    return choose(b, index, 4, eights, choose(b, index, 3, part(2), part(3)));
  }

  /// `set` where that bit of the index is set.
  static mlir::Value choose(mlir::ImplicitLocOpBuilder &b, mlir::Value index,
                            int64_t bit, mlir::Value clear, mlir::Value set) {
    auto type = llvm::cast<mlir::VectorType>(index.getType());
    auto constant = [&](int64_t value) -> mlir::Value {
      return mlir::arith::ConstantOp::create(
          b, mlir::DenseElementsAttr::get(type, static_cast<int32_t>(value)));
    };
    mlir::Value sign =
        mlir::arith::ShLIOp::create(b, index, constant(31 - bit));
    mlir::Value isSet = mlir::arith::CmpIOp::create(
        b, mlir::arith::CmpIPredicate::slt, sign, constant(0));
    return mlir::arith::SelectOp::create(b, isSet, set, clear);
  }

  int64_t lanes;
};

inline constexpr IntrinsicRow kPmaddubsw = {"llvm.x86.ssse3.pmadd.ub.sw.128",
                                            "llvm.x86.avx2.pmadd.ub.sw",
                                            "llvm.x86.avx512.pmaddubs.w.512"};
inline constexpr IntrinsicRow kPmaddwd = {"llvm.x86.sse2.pmadd.wd",
                                          "llvm.x86.avx2.pmadd.wd",
                                          "llvm.x86.avx512.pmaddw.d.512"};

/// Emits the two multiply-adds for vectors of `bytes` bytes.
struct MultiplyAdd {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  int64_t bytes;

  mlir::VectorType type(unsigned bits) const {
    return mlir::VectorType::get({bytes * 8 / bits},
                                 builder.getIntegerType(bits));
  }
  mlir::Value constant(unsigned bits, int64_t value) const {
    return mlir::arith::ConstantOp::create(
        builder, loc,
        mlir::DenseElementsAttr::get(type(bits), llvm::APInt(bits, value)));
  }
  mlir::Value cast(mlir::Value value, unsigned bits) const {
    return mlir::vector::BitCastOp::create(builder, loc, type(bits), value);
  }
  /// Sums of two products of u8 by s8, saturated to 16 bits.
  mlir::Value pmaddubsw(mlir::Value lhs, mlir::Value rhs) const {
    return callIntrinsic(builder, loc, type(16), kPmaddubsw.select(bytes),
                         {lhs, rhs});
  }
  /// Sums of two products of s16, in 32 bits.
  mlir::Value pmaddwd(mlir::Value lhs, mlir::Value rhs) const {
    return callIntrinsic(builder, loc, type(32), kPmaddwd.select(bytes),
                         {lhs, rhs});
  }
  mlir::Value addPairs(mlir::Value halves) const {
    return pmaddwd(halves, constant(16, 1));
  }
  mlir::Value add(mlir::Value lhs, mlir::Value rhs) const {
    return mlir::arith::AddIOp::create(builder, loc, lhs, rhs);
  }
};

/// A pattern that emits multiply-adds for vectors of up to `maxBytes` bytes.
template <typename RegisterOpT>
struct MultiplyAddPattern : mlir::OpRewritePattern<RegisterOpT> {
  MultiplyAddPattern(mlir::MLIRContext *context, int64_t maxBytes)
      : mlir::OpRewritePattern<RegisterOpT>(context), maxBytes(maxBytes) {}

  mlir::LogicalResult
  matchAndRewrite(RegisterOpT op, mlir::PatternRewriter &rewriter) const final {
    auto type = llvm::cast<mlir::VectorType>(op.getType());
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    if (bytes > maxBytes || kPmaddwd.select(bytes).empty())
      return rewriter.notifyMatchFailure(op, "no pmaddwd of that length");
    MultiplyAdd emit{rewriter, op.getLoc(), bytes};
    rewriter.replaceOp(op, emit.add(op.getAcc(), addend(emit, op)));
    return mlir::success();
  }

  /// What is added to the accumulators of `op`.
  virtual mlir::Value addend(const MultiplyAdd &emit, RegisterOpT op) const = 0;

private:
  int64_t maxBytes;
};

/// dot4 to pmaddubsw and pmaddwd. pmaddubsw saturates its sums of two products
/// to 16 bits; where they may exceed that, even and odd bytes are widened in
/// place and multiplied apart. Rows share the widened weights, vectors the
/// widened codes.
struct Dot4ToPmadd final : MultiplyAddPattern<Dot4Op> {
  using MultiplyAddPattern::MultiplyAddPattern;

  mlir::Value addend(const MultiplyAdd &emit, Dot4Op op) const override {
    if (2 * op.getMaxLhs() * op.getMaxRhs() <= INT16_MAX)
      return emit.addPairs(emit.pmaddubsw(op.getLhs(), op.getRhs()));
    mlir::OpBuilder &b = emit.builder;
    mlir::Location loc = emit.loc;
    mlir::Value lhs = emit.cast(op.getLhs(), 16),
                rhs = emit.cast(op.getRhs(), 16);
    mlir::Value eight = emit.constant(16, 8);
    mlir::Value lhsEven =
        mlir::arith::AndIOp::create(b, loc, lhs, emit.constant(16, 0xff));
    mlir::Value lhsOdd = mlir::arith::ShRUIOp::create(b, loc, lhs, eight);
    mlir::Value rhsEven = mlir::arith::ShLIOp::create(b, loc, rhs, eight);
    rhsEven = mlir::arith::ShRSIOp::create(b, loc, rhsEven, eight);
    mlir::Value rhsOdd = mlir::arith::ShRSIOp::create(b, loc, rhs, eight);
    return emit.add(emit.pmaddwd(lhsEven, rhsEven),
                    emit.pmaddwd(lhsOdd, rhsOdd));
  }
};

/// dot4 to vpdpbusd, which sums four exact products without saturation.
struct Dot4ToVpdpbusd : mlir::OpRewritePattern<Dot4Op> {
  Dot4ToVpdpbusd(mlir::MLIRContext *context, int64_t maxBytes)
      : OpRewritePattern(context), maxBytes(maxBytes) {}

  mlir::LogicalResult
  matchAndRewrite(Dot4Op op, mlir::PatternRewriter &rewriter) const override {
    const IntrinsicRow vpdpbusd = {"llvm.x86.avx512.vpdpbusd.128",
                                   "llvm.x86.avx512.vpdpbusd.256",
                                   "llvm.x86.avx512.vpdpbusd.512"};
    int64_t bytes = vectorBytes(op.getLhs());
    llvm::StringRef name = vpdpbusd.select(bytes);
    if (bytes > maxBytes || name.empty())
      return rewriter.notifyMatchFailure(op, "no vpdpbusd of that length");
    rewriter.replaceOp(op,
                       callIntrinsic(rewriter, op.getLoc(), op.getType(), name,
                                     {op.getAcc(), op.getLhs(), op.getRhs()}));
    return mlir::success();
  }

private:
  int64_t maxBytes;
};

/// dot2 to pmaddubsw: its bounds say that nothing saturates.
struct Dot2ToPmaddubsw final : MultiplyAddPattern<Dot2Op> {
  using MultiplyAddPattern::MultiplyAddPattern;

  mlir::Value addend(const MultiplyAdd &emit, Dot2Op op) const override {
    return emit.pmaddubsw(op.getLhs(), op.getRhs());
  }
};

/// widen_add to pmaddwd by ones.
struct WidenAddToPmaddwd final : MultiplyAddPattern<WidenAddOp> {
  using MultiplyAddPattern::MultiplyAddPattern;

  mlir::Value addend(const MultiplyAdd &emit, WidenAddOp op) const override {
    return emit.addPairs(op.getHalves());
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_ISA_X86_H
