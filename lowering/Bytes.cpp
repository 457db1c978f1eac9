//===- Bytes.cpp - emit code on byte buffers ------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Bytes.h"

using namespace mlir;

namespace ulq {

Value ByteBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value ByteBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value ByteBuilder::add(Value lhs, Value rhs) {
  return createOrFold<arith::AddIOp>(lhs, rhs);
}

Value ByteBuilder::add(Value lhs, int64_t rhs) {
  return rhs == 0 ? lhs : add(lhs, index(rhs));
}

Value ByteBuilder::mul(Value lhs, int64_t rhs) {
  return rhs == 1 ? lhs : createOrFold<arith::MulIOp>(lhs, index(rhs));
}

Value ByteBuilder::min(Value lhs, Value rhs) {
  return createOrFold<arith::MinSIOp>(lhs, rhs);
}

Value ByteBuilder::max(Value lhs, Value rhs) {
  return createOrFold<arith::MaxSIOp>(lhs, rhs);
}

VectorType ByteBuilder::bytes(int64_t count) {
  return VectorType::get(count, getI8Type());
}

Value ByteBuilder::splat(VectorType type, int64_t value) {
  auto element = cast<IntegerType>(type.getElementType());
  APInt bits(element.getWidth(), static_cast<uint64_t>(value),
             /*isSigned=*/true, /*implicitTrunc=*/true);
  return arith::ConstantOp::create(*this, type,
                                   DenseElementsAttr::get(type, bits));
}

Value ByteBuilder::constant(ArrayRef<uint8_t> values) {
  VectorType type = bytes(static_cast<int64_t>(values.size()));
  return arith::ConstantOp::create(*this, type,
                                   DenseElementsAttr::get(type, values));
}

Value ByteBuilder::bitcast(VectorType type, Value vector) {
  if (vector.getType() == type)
    return vector;
  return vector::BitCastOp::create(*this, type, vector);
}

static int64_t sizeInBytes(VectorType type) {
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

Value ByteBuilder::load(VectorType type, Value buffer, Value offset) {
  Value raw =
      vector::LoadOp::create(*this, bytes(sizeInBytes(type)), buffer, offset);
  return bitcast(type, raw);
}

Value ByteBuilder::loadFirst(VectorType type, Value buffer, Value offset,
                             int64_t count) {
  int64_t size = sizeInBytes(type);
  if (count == size)
    return load(type, buffer, offset);
  Value whole = splat(bytes(size), 0);
  forEachPiece(count, [&](int64_t start, int64_t length) {
    Value piece = load(bytes(length), buffer, add(offset, start));
    whole = vector::InsertStridedSliceOp::create(
        *this, piece, whole, ArrayRef<int64_t>{start}, ArrayRef<int64_t>{1});
  });
  return bitcast(type, whole);
}

void ByteBuilder::store(Value vector, Value buffer, Value offset) {
  int64_t size = sizeInBytes(cast<VectorType>(vector.getType()));
  vector::StoreOp::create(*this, bitcast(bytes(size), vector), buffer, offset);
}

void ByteBuilder::storeFirst(Value vector, Value buffer, Value offset,
                             int64_t count) {
  int64_t size = sizeInBytes(cast<VectorType>(vector.getType()));
  if (count == size)
    return store(vector, buffer, offset);
  Value whole = bitcast(bytes(size), vector);
  forEachPiece(count, [&](int64_t start, int64_t length) {
    Value piece = vector::ExtractStridedSliceOp::create(
        *this, whole, ArrayRef<int64_t>{start}, ArrayRef<int64_t>{length},
        ArrayRef<int64_t>{1});
    store(piece, buffer, add(offset, start));
  });
}

void ByteBuilder::loop(Value low, Value high, int64_t step, Body body) {
  auto loop = scf::ForOp::create(*this, low, high, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value ByteBuilder::fold(Value low, Value high, int64_t step, Value init,
                        Fold body) {
  auto loop = scf::ForOp::create(*this, low, high, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(*this, next);
  return loop.getResult(0);
}

void ByteBuilder::branch(Value condition, function_ref<void()> then,
                         function_ref<void()> otherwise) {
  bool withElse = static_cast<bool>(otherwise);
  auto branch = scf::IfOp::create(*this, condition, withElse);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  if (!withElse)
    return;
  setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

void forEachPiece(int64_t bytes, function_ref<void(int64_t, int64_t)> visit) {
  for (int64_t start = 0, piece = 64; start < bytes;) {
    if (piece > bytes - start) {
      piece /= 2;
      continue;
    }
    visit(start, piece);
    start += piece;
  }
}

} // namespace ulq
