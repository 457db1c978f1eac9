//===- LaneArithmetic.h - lane steps on vectors of numbers ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// What the steps of an epilogue do to a vector of f32 or f64, without a libm
// call on any target.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_LANEARITHMETIC_H
#define ULQ_LOWERING_LANEARITHMETIC_H

#include "lowering/Bytes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

namespace ulq {

class LaneArithmetic {
public:
  using Value = mlir::Value;

  LaneArithmetic(ByteBuilder &builder, mlir::VectorType type)
      : b(builder), type(type) {}

  Value real(double value) {
    auto attr = mlir::DenseElementsAttr::get(
        type, mlir::Attribute(b.getFloatAttr(type.getElementType(), value)));
    return mlir::arith::ConstantOp::create(b, type, attr);
  }

  /// A select by a comparison.
  Value choose(mlir::arith::CmpFPredicate predicate, Value lhs, Value rhs,
               Value then, Value otherwise) {
    Value condition = mlir::arith::CmpFOp::create(b, predicate, lhs, rhs);
    return mlir::arith::SelectOp::create(b, condition, then, otherwise);
  }

  /// A step of v with the constant c.
  Value combine(Value v, LaneStepAttr step, Value c) {
    using P = mlir::arith::CmpFPredicate;
    switch (step.getKind()) {
    case LaneKind::Mul:
      return mlir::arith::MulFOp::create(b, v, c);
    case LaneKind::Div:
      return mlir::arith::DivFOp::create(b, v, c);
    case LaneKind::Add:
      return mlir::arith::AddFOp::create(b, v, c);
    case LaneKind::Max:
      // The order of operands says what becomes of NaN.
      return step.getIndex() ? choose(P::OGT, v, c, v, c)
                             : choose(P::OGT, c, v, c, v);
    case LaneKind::Min:
      return choose(P::OLT, c, v, c, v);
    default: // Leaky
      return choose(P::OLT, v, real(0), mlir::arith::MulFOp::create(b, v, c),
                    v);
    }
  }

  /// Nearest integer, ties to even: adding 1.5 * 2^52, or 2^23 in f32, leaves
  /// no fraction bits. Steps before a rounding bound |v|.
  Value nearest(Value v) {
    return mlir::arith::SubFOp::create(b, addMagic(v), real(magic()));
  }
  Value addMagic(Value v) {
    return mlir::arith::AddFOp::create(b, v, real(magic()));
  }
  /// Its last 8 bits are 0, so that the sum ends in those of a rounded code.
  double magic() {
    return std::ldexp(1.5, type.getElementType().isF32() ? 23 : 52);
  }

  Value round(Value v, Rounding mode) {
    if (mode == Rounding::HalfEven)
      return nearest(v);
    if (mode == Rounding::Ceil)
      return ceil(v);
    if (mode == Rounding::Floor)
      return floor(v);
    // The others are symmetric about 0.
    Value size = mlir::math::AbsFOp::create(b, v), rounded;
    if (mode == Rounding::HalfUp)
      rounded = moveTies(size, 0.5, 1);
    else if (mode == Rounding::HalfDown)
      rounded = moveTies(size, -0.5, -1);
    else
      rounded = mode == Rounding::Up ? ceil(size) : floor(size);
    return mlir::math::CopySignOp::create(b, rounded, v);
  }

private:
  Value floor(Value v) {
    Value r = nearest(v);
    Value below = mlir::arith::SubFOp::create(b, r, real(1));
    return choose(mlir::arith::CmpFPredicate::OGT, r, v, below, r);
  }

  Value ceil(Value v) {
    Value r = nearest(v);
    Value above = mlir::arith::AddFOp::create(b, r, real(1));
    return choose(mlir::arith::CmpFPredicate::OLT, r, v, above, r);
  }

  /// Moves exact ties of a non-negative v to `r + shift`.
  Value moveTies(Value v, double tie, double shift) {
    Value r = nearest(v);
    Value rest = mlir::arith::SubFOp::create(b, v, r);
    Value moved = mlir::arith::AddFOp::create(b, r, real(shift));
    return choose(mlir::arith::CmpFPredicate::OEQ, rest, real(tie), moved, r);
  }

  ByteBuilder &b;
  mlir::VectorType type;
};

} // namespace ulq

#endif // ULQ_LOWERING_LANEARITHMETIC_H
