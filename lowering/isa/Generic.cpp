//===- Generic.cpp - any CPU with 16-byte vectors, no intrinsics ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Plain vector operations that LLVM lowers for every target. They rely on a
// little-endian byte order within a vector, as all ulq kernels do.
//
//===----------------------------------------------------------------------===//

#include "lowering/isa/Popcount.h"
#include "lowering/isa/Words.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace ulq {

namespace {

/// Builds lane-wise arithmetic on integer vectors.
struct Lanes {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Value cast(mlir::Value value, int64_t lanes, unsigned bits) {
    auto type = mlir::VectorType::get({lanes}, builder.getIntegerType(bits));
    return mlir::vector::BitCastOp::create(builder, loc, type, value);
  }
  mlir::Value splat(mlir::Value like, int64_t value) {
    auto type = llvm::cast<mlir::VectorType>(like.getType());
    llvm::APInt element(type.getElementTypeBitWidth(), value);
    return mlir::arith::ConstantOp::create(
        builder, loc, mlir::DenseElementsAttr::get(type, element));
  }
  mlir::Value add(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::AddIOp::create(builder, loc, lhs, rhs);
  }
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::MulIOp::create(builder, loc, lhs, rhs);
  }
  mlir::Value shiftLeft(mlir::Value value, int64_t bits) {
    return mlir::arith::ShLIOp::create(builder, loc, value, splat(value, bits));
  }
  mlir::Value shiftRight(mlir::Value value, int64_t bits) {
    return mlir::arith::ShRSIOp::create(builder, loc, value,
                                        splat(value, bits));
  }
  mlir::Value shiftRightUnsigned(mlir::Value value, int64_t bits) {
    return mlir::arith::ShRUIOp::create(builder, loc, value,
                                        splat(value, bits));
  }
};

/// Products of u8 by s8, which fit 16 bits, even and odd bytes apart: bytes are
/// widened in place by shifts, so nothing is shuffled.
std::pair<mlir::Value, mlir::Value> products(Lanes &lanes, mlir::Value lhs,
                                             mlir::Value rhs) {
  int64_t count =
      llvm::cast<mlir::VectorType>(lhs.getType()).getNumElements() / 2;
  lhs = lanes.cast(lhs, count, 16);
  rhs = lanes.cast(rhs, count, 16);
  mlir::Value lhsEven = lanes.shiftRightUnsigned(lanes.shiftLeft(lhs, 8), 8);
  mlir::Value rhsEven = lanes.shiftRight(lanes.shiftLeft(rhs, 8), 8);
  mlir::Value lhsOdd = lanes.shiftRightUnsigned(lhs, 8);
  mlir::Value rhsOdd = lanes.shiftRight(rhs, 8);
  return {lanes.mul(lhsEven, rhsEven), lanes.mul(lhsOdd, rhsOdd)};
}

/// The sums of neighbours among signed 16-bit lanes, in 32 bits.
mlir::Value addPairs(Lanes &lanes, mlir::Value halves) {
  int64_t count =
      llvm::cast<mlir::VectorType>(halves.getType()).getNumElements() / 2;
  mlir::Value pairs = lanes.cast(halves, count, 32);
  mlir::Value low = lanes.shiftRight(lanes.shiftLeft(pairs, 16), 16);
  return lanes.add(low, lanes.shiftRight(pairs, 16));
}

struct Dot4ToHalves : mlir::OpRewritePattern<Dot4Op> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(Dot4Op op, mlir::PatternRewriter &rewriter) const override {
    Lanes lanes{rewriter, op.getLoc()};
    auto [even, odd] = products(lanes, op.getLhs(), op.getRhs());
    mlir::Value sum = lanes.add(op.getAcc(), addPairs(lanes, even));
    rewriter.replaceOp(op, lanes.add(sum, addPairs(lanes, odd)));
    return mlir::success();
  }
};

struct Dot2ToHalves : mlir::OpRewritePattern<Dot2Op> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(Dot2Op op, mlir::PatternRewriter &rewriter) const override {
    Lanes lanes{rewriter, op.getLoc()};
    auto [even, odd] = products(lanes, op.getLhs(), op.getRhs());
    rewriter.replaceOp(op, lanes.add(lanes.add(op.getAcc(), even), odd));
    return mlir::success();
  }
};

struct WidenAddToShifts : mlir::OpRewritePattern<WidenAddOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(WidenAddOp op,
                  mlir::PatternRewriter &rewriter) const override {
    Lanes lanes{rewriter, op.getLoc()};
    rewriter.replaceOp(op,
                       lanes.add(op.getAcc(), addPairs(lanes, op.getHalves())));
    return mlir::success();
  }
};

/// table_lookup by one scalar element access per byte: it is there to be
/// correct, its cost keeps lookup kernels from being chosen.
struct TableLookupToElements : mlir::OpRewritePattern<TableLookupOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult
  matchAndRewrite(TableLookupOp op,
                  mlir::PatternRewriter &rewriter) const override {
    mlir::Location loc = op.getLoc();
    mlir::Value result = op.getIndex();
    for (int64_t i = 0, e = op.getType().getNumElements(); i < e; ++i) {
      mlir::Value index =
          mlir::vector::ExtractOp::create(rewriter, loc, op.getIndex(), i);
      index = mlir::arith::IndexCastUIOp::create(
          rewriter, loc, rewriter.getIndexType(), index);
      mlir::Value lane =
          mlir::arith::ConstantIndexOp::create(rewriter, loc, i / 16 * 16);
      index = mlir::arith::AddIOp::create(rewriter, loc, index, lane);
      mlir::Value byte = mlir::vector::ExtractOp::create(
          rewriter, loc, op.getTable(), mlir::OpFoldResult(index));
      result = mlir::vector::InsertOp::create(rewriter, loc, byte, result, i);
    }
    rewriter.replaceOp(op, result);
    return mlir::success();
  }
};

} // namespace

static void populate(mlir::RewritePatternSet &patterns) {
  patterns.add<Dot4ToHalves, Dot2ToHalves, WidenAddToShifts,
               TableLookupToElements, PopcountAddToCtpop, WordLookupToLoads>(
      patterns.getContext());
}

const Isa &getGenericIsa() {
  static const Isa isa = {/*name=*/"generic",
                          /*triple=*/"",
                          /*features=*/"",
                          {/*vectorBytes=*/16, /*vectorRegisters=*/16,
                           /*lookupCycles=*/40.0, /*dot4Cycles=*/5.0,
                           /*dot2Cycles=*/3.0, /*wideDot4=*/true,
                           /*fma=*/false, /*popcountCycles=*/6.0},
                          populate};
  return isa;
}

} // namespace ulq
