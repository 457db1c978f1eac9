//===- BestFirst.cpp - elements in the order of their scores --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/BestFirst.h"
#include "lowering/isa/Isa.h"
#include <numeric>

using namespace mlir;
using namespace ulq;

/// Key of what is taken: less than that of every score.
static constexpr int64_t kTaken = std::numeric_limits<int32_t>::min();
static constexpr int64_t kPositive = std::numeric_limits<int32_t>::max();

Value ulq::loadNumber(ByteBuilder &b, Type type, Value buffer, Value offset) {
  Value vector = b.load(VectorType::get(1, type), buffer, offset);
  return vector::ExtractOp::create(b, vector, 0);
}

void ulq::storeNumber(ByteBuilder &b, Value number, Value buffer,
                      Value offset) {
  auto type = VectorType::get(1, number.getType());
  b.store(vector::BroadcastOp::create(b, type, number), buffer, offset);
}

FailureOr<int64_t> BestFirst::lanesOf(Operation *op, KernelAttr kernel) {
  const Isa *isa = lookupIsa(kernel.getIsa());
  if (!isa)
    return op->emitOpError("expected a known ISA, got ") << kernel.getIsa();
  return isa->traits.vectorBytes / 4;
}

/// Bits of a negative float descend: all but the sign are turned.
Value BestFirst::keyOf(ByteBuilder &b, Value score) {
  auto vector = dyn_cast<VectorType>(score.getType());
  Type type = vector ? Type(vector.clone(b.getI32Type())) : b.getI32Type();
  auto constant = [&](int64_t value) {
    return vector ? b.splat(cast<VectorType>(type), value) : b.i32(value);
  };
  Value bits = arith::BitcastOp::create(b, type, score);
  Value sign = arith::ShRSIOp::create(b, bits, constant(31));
  Value turned = arith::AndIOp::create(b, sign, constant(kPositive));
  Value key = arith::XOrIOp::create(b, bits, turned);
  key = arith::MaxSIOp::create(b, key, constant(kTaken + 1));
  Value isMinusZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bits,
                                            constant(kTaken));
  return arith::SelectOp::create(b, isMinusZero, constant(0), key);
}

Value BestFirst::run(ByteBuilder &b, Value count, Value most,
                     function_ref<void(Value, Value)> take,
                     function_ref<Others(Value)> others) const {
  // The keys end with a whole vector of taken ones.
  b.store(b.splat(words(b), kTaken), memory, place(b, count));
  auto [key, best] = next(b, count, nullptr);
  SmallVector<Type> types = {b.getIndexType(), b.getI32Type(), b.getI32Type()};
  SmallVector<Location> locations(types.size(), b.getLoc());
  auto loop = scf::WhileOp::create(b, types, ValueRange{b.index(0), key, best});
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
  Value isLeft = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                       before->getArgument(1), b.i32(kTaken));
  Value isWanted = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                         before->getArgument(0), most);
  scf::ConditionOp::create(b, arith::AndIOp::create(b, isLeft, isWanted),
                           before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locations);
  Value rank = after->getArgument(0);
  Value chosen =
      arith::IndexCastOp::create(b, b.getIndexType(), after->getArgument(2));
  take(chosen, rank);
  storeNumber(b, b.i32(kTaken), memory, place(b, chosen));
  auto [nextKey, nextBest] = next(b, count, others ? others(chosen) : nullptr);
  scf::YieldOp::create(b, ValueRange{b.add(rank, 1), nextKey, nextBest});
  return loop.getResult(0);
}

/// Takes others away; key and number of the best element that is left.
std::pair<Value, Value> BestFirst::next(ByteBuilder &b, Value count,
                                        const Others &others) const {
  Value taken = b.splat(words(b), kTaken), first = b.splat(words(b), 0);
  auto loop = scf::ForOp::create(b, b.index(0), count, b.index(lanes),
                                 ValueRange{taken, first});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value from = loop.getInductionVar();
    Value key = b.load(words(b), memory, place(b, from));
    if (others) {
      key = arith::SelectOp::create(b, others(from), taken, key);
      b.store(key, memory, place(b, from));
    }
    Value best = loop.getRegionIterArg(0), where = loop.getRegionIterArg(1);
    Value isBetter =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, key, best);
    best = arith::SelectOp::create(b, isBetter, key, best);
    where = arith::SelectOp::create(b, isBetter, numbersFrom(b, from), where);
    scf::YieldOp::create(b, ValueRange{best, where});
  }
  return bestLane(b, loop.getResult(0), loop.getResult(1));
}

Value BestFirst::numbersFrom(ByteBuilder &b, Value first) const {
  SmallVector<int32_t> lane(lanes);
  std::iota(lane.begin(), lane.end(), 0);
  Value numbers = arith::ConstantOp::create(
      b, DenseElementsAttr::get(words(b), ArrayRef<int32_t>(lane)));
  Value start = arith::IndexCastOp::create(b, b.getI32Type(), first);
  return arith::AddIOp::create(b, numbers,
                               vector::BroadcastOp::create(b, words(b), start));
}

std::pair<Value, Value> BestFirst::bestLane(ByteBuilder &b, Value best,
                                            Value numbers) const {
  Value key =
      vector::ReductionOp::create(b, vector::CombiningKind::MAXSI, best);
  Value isBest =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, best,
                            vector::BroadcastOp::create(b, words(b), key));
  Value held =
      arith::SelectOp::create(b, isBest, numbers, b.splat(words(b), kPositive));
  Value number =
      vector::ReductionOp::create(b, vector::CombiningKind::MINSI, held);
  return {key, number};
}
