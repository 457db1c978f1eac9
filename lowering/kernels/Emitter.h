//===- Emitter.h - short forms of what kernels emit -----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Kernels address memory as bytes: a memref<?xi8> and an index. No alignment
// is assumed.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_EMITTER_H
#define ULQ_LOWERING_KERNELS_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace ulq {

/// A place in memory.
struct Pointer {
  mlir::Value buffer; // memref<?xi8>
  mlir::Value offset; // index, in bytes
};

struct Emitter {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::VectorType vectorType(int64_t lanes, mlir::Type element) {
    return mlir::VectorType::get({lanes}, element);
  }
  mlir::VectorType integers(int64_t lanes, unsigned bits) {
    return vectorType(lanes, builder.getIntegerType(bits));
  }
  mlir::VectorType floats(int64_t lanes) {
    return vectorType(lanes, builder.getF32Type());
  }

  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, loc, value);
  }
  /// A constant of an integer, an index or an integer vector type.
  mlir::Value constant(mlir::Type type, int64_t value) {
    mlir::Type element = mlir::getElementTypeOrSelf(type);
    mlir::TypedAttr scalar = builder.getIntegerAttr(element, value);
    if (auto vector = llvm::dyn_cast<mlir::VectorType>(type))
      scalar = mlir::DenseElementsAttr::get(vector, mlir::Attribute(scalar));
    return mlir::arith::ConstantOp::create(builder, loc, scalar);
  }
  mlir::Value zero(mlir::Type type) {
    return mlir::arith::ConstantOp::create(builder, loc,
                                           builder.getZeroAttr(type));
  }

  mlir::Value add(mlir::Value lhs, mlir::Value rhs) {
    return builder.createOrFold<mlir::arith::AddIOp>(loc, lhs, rhs);
  }
  mlir::Value add(mlir::Value lhs, int64_t rhs) {
    return rhs == 0 ? lhs : add(lhs, constant(lhs.getType(), rhs));
  }
  mlir::Value subtract(mlir::Value lhs, mlir::Value rhs) {
    return builder.createOrFold<mlir::arith::SubIOp>(loc, lhs, rhs);
  }
  mlir::Value mul(mlir::Value lhs, int64_t rhs) {
    if (rhs == 1)
      return lhs;
    return builder.createOrFold<mlir::arith::MulIOp>(
        loc, lhs, constant(lhs.getType(), rhs));
  }
  mlir::Value shiftLeft(mlir::Value lhs, int64_t bits) {
    if (bits == 0)
      return lhs;
    return builder.createOrFold<mlir::arith::ShLIOp>(
        loc, lhs, constant(lhs.getType(), bits));
  }
  mlir::Value shiftRight(mlir::Value lhs, int64_t bits) {
    if (bits == 0)
      return lhs;
    return builder.createOrFold<mlir::arith::ShRUIOp>(
        loc, lhs, constant(lhs.getType(), bits));
  }
  mlir::Value bitAnd(mlir::Value lhs, mlir::Value rhs) {
    return builder.createOrFold<mlir::arith::AndIOp>(loc, lhs, rhs);
  }
  mlir::Value bitOr(mlir::Value lhs, mlir::Value rhs) {
    return builder.createOrFold<mlir::arith::OrIOp>(loc, lhs, rhs);
  }
  /// Bits [shift, shift + bits) of every element.
  mlir::Value field(mlir::Value value, int64_t shift, int64_t bits) {
    mlir::Value shifted = shiftRight(value, shift);
    return bitAnd(shifted, constant(value.getType(), (int64_t(1) << bits) - 1));
  }

  Pointer advance(Pointer base, int64_t bytes) {
    return {base.buffer, add(base.offset, bytes)};
  }
  Pointer advance(Pointer base, mlir::Value steps, int64_t bytesPerStep) {
    return {base.buffer, add(base.offset, mul(steps, bytesPerStep))};
  }

  mlir::Value bitcast(mlir::Value value, mlir::VectorType type) {
    if (value.getType() == type)
      return value;
    return mlir::vector::BitCastOp::create(builder, loc, type, value);
  }
  mlir::Value load(mlir::VectorType type, Pointer from) {
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    mlir::Value loaded = mlir::vector::LoadOp::create(
        builder, loc, integers(bytes, 8), from.buffer, from.offset);
    return bitcast(loaded, type);
  }
  void store(mlir::Value value, Pointer to) {
    auto type = llvm::cast<mlir::VectorType>(value.getType());
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    mlir::vector::StoreOp::create(
        builder, loc, bitcast(value, integers(bytes, 8)), to.buffer, to.offset);
  }
  /// One element of `type` from memory, repeated in every lane.
  mlir::Value loadSplat(mlir::VectorType type, Pointer from) {
    mlir::Value one = load(vectorType(1, type.getElementType()), from);
    mlir::Value scalar = mlir::vector::ExtractOp::create(builder, loc, one, 0);
    return mlir::vector::BroadcastOp::create(builder, loc, type, scalar);
  }

  /// 16 bytes from memory, in every 16-byte lane: a table of table_lookup.
  mlir::Value loadTable(mlir::VectorType type, Pointer from) {
    mlir::Value lane = load(integers(16, 8), from);
    llvm::SmallVector<int64_t> repeat;
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      repeat.push_back(i % 16);
    return mlir::vector::ShuffleOp::create(builder, loc, lane, lane, repeat);
  }

  /// A loop that carries values; `body` returns their next values.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange inits,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body) {
    auto loop =
        mlir::scf::ForOp::create(builder, loc, from, to, index(step), inits);
    // Without carried values the loop comes with its terminator.
    mlir::OpBuilder::InsertionGuard guard(builder);
    if (inits.empty())
      builder.setInsertionPoint(loop.getBody()->getTerminator());
    else
      builder.setInsertionPointToEnd(loop.getBody());
    llvm::SmallVector<mlir::Value> next =
        body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!inits.empty())
      mlir::scf::YieldOp::create(builder, loc, next);
    return llvm::to_vector_of<mlir::Value>(loop.getResults());
  }
  /// LLVM shall not unroll the loop that yielded `results`, whose sums it would
  /// add up in another order, in more registers than there are.
  void keepRolled(mlir::ValueRange results) {
    mlir::MLIRContext *context = builder.getContext();
    auto disable = mlir::LLVM::LoopUnrollAttr::get(
        context, builder.getBoolAttr(true), {}, {}, {}, {}, {}, {});
    auto annotation = mlir::LLVM::LoopAnnotationAttr::get(
        context, {}, {}, {}, disable, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {});
    results.front().getDefiningOp()->setAttr("llvm.loop_annotation",
                                             annotation);
  }
  /// A loop without results.
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body) {
    loop(from, to, step, {}, [&](mlir::Value iv, mlir::ValueRange) {
      body(iv);
      return llvm::SmallVector<mlir::Value>();
    });
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_EMITTER_H
