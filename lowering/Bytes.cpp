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

/// The codes of each byte: halves move apart within a lane of as many bytes as
/// a byte has codes, then quarters, then eighths.
Value ByteBuilder::spreadCodes(Value packed, int64_t bits) {
  int64_t perByte = 8 / bits, laneBits = 8 * perByte;
  int64_t size = cast<VectorType>(packed.getType()).getNumElements();
  if (perByte == 1)
    return packed;
  auto type = VectorType::get(size, getIntegerType(laneBits));
  Value lanes = arith::ExtUIOp::create(*this, type, packed);
  for (int64_t joined = perByte / 2; joined >= 1; joined /= 2) {
    APInt field = APInt::getLowBitsSet(8 * joined, joined * bits);
    APInt mask = APInt::getSplat(laneBits, field);
    Value shift = splat(type, joined * (8 - bits));
    Value moved = arith::ShLIOp::create(*this, lanes, shift);
    lanes = arith::OrIOp::create(*this, lanes, moved);
    lanes =
        arith::AndIOp::create(*this, lanes, splat(type, mask.getSExtValue()));
  }
  return bitcast(bytes(size * perByte), lanes);
}

/// Neighbours move together within wider lanes, pairs, then pairs of pairs.
Value ByteBuilder::packCodes(Value codes, int64_t bits) {
  int64_t perByte = 8 / bits;
  int64_t size = cast<VectorType>(codes.getType()).getNumElements() / perByte;
  if (perByte == 1)
    return codes;
  auto type = VectorType::get(size, getIntegerType(8 * perByte));
  Value lanes = bitcast(type, codes);
  for (int64_t joined = 1; joined < perByte; joined *= 2) {
    Value shift = splat(type, joined * (8 - bits));
    Value moved = arith::ShRUIOp::create(*this, lanes, shift);
    lanes = arith::OrIOp::create(*this, lanes, moved);
  }
  return arith::TruncIOp::create(*this, bytes(size), lanes);
}

void ByteBuilder::loop(Value low, Value high, int64_t step, Body body) {
  auto loop = scf::ForOp::create(*this, low, high, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void ByteBuilder::loopOverlapping(Value low, Value high, int64_t step,
                                  Body body) {
  Value last = createOrFold<arith::SubIOp>(high, index(step));
  loop(low, high, step, [&](Value at) { body(min(at, last)); });
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
