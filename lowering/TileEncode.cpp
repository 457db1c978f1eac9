//===- TileEncode.cpp - floats to codes, as dispatches --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A unit is the shortest sequence of codes that are whole bytes of the result:
// some neighbours in place, or a pixel whose channels come from planes of the
// input. Vectors of units are encoded, one register of floats after the other;
// the last vector of a part overlaps the one before it.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileEncode.h"
#include "lowering/isa/Isa.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ulq;

namespace {

/// Bytes of a float.
constexpr int64_t kFloat = 4;
/// Added to a number below 2^22, its sum ends in the nearest integer, of
/// equally near ones the even one.
constexpr float kRounder = 0x1.8p23f;

/// The code of a float, in 32-bit lanes whose upper bits are undefined.
///
/// The input is clamped first, to the products of the scale s and the ends of
/// the range: these differ from the exact ones by 2^-24 of their size, so their
/// quotients are rounded to the ends, and a quotient never falls.
///
/// Where the ISA has fma, RN(x / s), the quotient rounded to f32, is found by
/// products, after Markstein. With y = RN(1 / s), e = RN(1 / s - y):
///
///   q = RN(x y + RN(x e)), r = RN(x - q s), RN(x / s) = RN(q + r y)
///
/// y + e is 1 / s but for 2^-47 of it, so q is x / s but for 2^-46 of it before
/// it is rounded: d = (x / s - q) / ulp(q) is at most 1/2 + 2^-22. r is exact,
/// as a multiple of ulp(q) ulp(s) below s ulp(q). With s = M ulp(s), 2^23 < M <
/// 2^24 (M = 2^23: y is exact), y is 1 / s but for M 2^-48 of it, so q + r y
/// misses x / s by d M 2^-48 ulp(q), which is no more than
/// (1/2 + 2^-22) M 2^-48. A middle m between two numbers of f32 has 25 bits, so
/// x - m s is a multiple of ulp(q) ulp(s) / 2 (a quarter, where d is, below a
/// power of two), and not 0, as m s has more bits than x: x / s is at least
/// 1 / (2 M) ulp(q) from m. If m lay between x / s and q + r y, then, m being
/// 1/2 ulp(q) from q, (1/2 + 1 / (2 M)) M 2^-48 >= 1 / (2 M), or M^2 + M >=
/// 2^48: but M < 2^24, M^2 + M < 2^48.
///
/// Nothing of it underflows where |x / s| >= 1/4, as s >= 2^-100: r is a
/// multiple of 2^-25 2^-123. Quotients below it only must stay below 1/2.
class CodeEmitter {
public:
  CodeEmitter(ByteBuilder &builder, EncodeOp op, const IsaTraits &isa)
      : b(builder), scale(static_cast<float>(op.getScale().convertToDouble())),
        zeroPoint(op.getZeroPoint()), zeroPointFirst(op.getZeroPointFirst()),
        low(float(int64_t(op.getMin()) - zeroPoint) * scale),
        high(float(int64_t(op.getMax()) - zeroPoint) * scale), fma(isa.fma) {}

  /// `x` is a vector of f32.
  Value emit(Value x) {
    type = cast<VectorType>(x.getType());
    // A NaN becomes the lower end.
    x = select(arith::CmpFPredicate::OGT, x, real(low));
    x = select(arith::CmpFPredicate::OLT, x, real(high));
    Value quotient = fma ? divideByProducts(x)
                         : arith::DivFOp::create(b, x, real(scale)).getResult();
    if (zeroPointFirst)
      quotient = sum(quotient, real(static_cast<float>(zeroPoint)));
    auto integers = VectorType::get(type.getShape(), b.getI32Type());
    Value code = b.bitcast(integers, sum(quotient, real(kRounder)));
    if (zeroPointFirst || zeroPoint == 0)
      return code;
    return arith::AddIOp::create(b, code, b.splat(integers, zeroPoint));
  }

private:
  Value real(float value) {
    return arith::ConstantOp::create(b, type,
                                     DenseElementsAttr::get(type, value));
  }
  Value sum(Value lhs, Value rhs) { return arith::AddFOp::create(b, lhs, rhs); }
  Value fused(Value lhs, Value rhs, Value addend) {
    return math::FmaOp::create(b, lhs, rhs, addend);
  }
  Value select(arith::CmpFPredicate predicate, Value lhs, Value rhs) {
    Value holds = arith::CmpFOp::create(b, predicate, lhs, rhs);
    return arith::SelectOp::create(b, holds, lhs, rhs);
  }

  Value divideByProducts(Value x) {
    auto y = static_cast<float>(1.0 / scale);
    auto e = static_cast<float>(1.0 / scale - y);
    Value near = fused(x, real(y), arith::MulFOp::create(b, x, real(e)));
    Value rest = fused(near, real(-scale), x);
    return fused(rest, real(y), near);
  }

  ByteBuilder &b;
  float scale;
  int64_t zeroPoint;
  bool zeroPointFirst;
  float low, high;
  bool fma;
  VectorType type;
};

/// Which floats and bytes a unit has.
struct Units {
  int64_t images = 1, planes = 1; // of the input; units are those of an image
  int64_t count, codes, bytes;    // units of an image, and of each its extent
  int64_t bits;

  explicit Units(EncodeOp op) {
    auto type = cast<PackedType>(op.getType());
    ArrayRef<int64_t> shape = type.getShape();
    bits = type.getLayout().getBits();
    if (!op.getChannelsFirst()) {
      codes = 8 / bits;
      bytes = 1;
      count = type.getByteSize();
      return;
    }
    images = shape[0];
    planes = shape[3];
    codes = 1;
    bytes = llvm::divideCeil(planes * bits, 8);
    count = shape[1] * shape[2];
  }
};

/// The work of a part.
class EncodeEmitter {
public:
  EncodeEmitter(KernelFunction &function, EncodeOp op, const IsaTraits &isa)
      : b(function.b), source(function.buffers[0]), target(function.buffers[1]),
        units(op), code(b, op, isa), registerFloats(isa.vectorBytes / kFloat) {}

  /// Parts are images where there are enough of them.
  void emit(KernelFunction &function) {
    bool byImages = units.images >= function.parts;
    Value zero = b.index(0), images = b.index(units.images),
          count = b.index(units.count);
    auto [first, end] = function.share(byImages ? units.images : units.count);
    int64_t least = units.count / (byImages ? 1 : function.parts);
    b.loop(byImages ? first : zero, byImages ? end : images, 1,
           [&, first = first, end = end](Value image) {
             emitUnits(image, byImages ? zero : first, byImages ? count : end,
                       least);
           });
  }

private:
  /// There are `least` units at least, or none.
  void emitUnits(Value image, Value first, Value end, int64_t least) {
    int64_t step = std::max(registerFloats / units.codes, int64_t(1));
    // Whole registers of bytes, where nothing is put between them.
    if (units.planes == 1)
      step *= 4;
    while (step > 1 && step > least)
      step /= 2;
    b.loopOverlapping(first, end, step, [&](Value unit) {
      Value to = b.add(b.mul(image, units.count), unit);
      b.storeFirst(join(image, unit, step), target.memory,
                   b.add(target.offset, b.mul(to, units.bytes)),
                   step * units.bytes);
    });
  }

  /// The bytes of `step` units, in the first bytes of a vector.
  Value join(Value image, Value unit, int64_t step) {
    int64_t lanes = step * units.codes;
    if (units.planes == 1) {
      Value codes = load(image, b.mul(unit, units.codes), lanes);
      codes = arith::TruncIOp::create(b, b.bytes(lanes), codes);
      return units.codes == 1 ? codes : b.packCodes(codes, units.bits);
    }
    // A row of up to 32 bits, from the lowest on.
    auto words = VectorType::get(lanes, b.getI32Type());
    Value mask = b.splat(words, (int64_t(1) << units.bits) - 1), row;
    for (int64_t plane = 0; plane < units.planes; ++plane) {
      Value from = b.mul(image, units.planes);
      from = b.add(b.mul(b.add(from, plane), units.count), unit);
      Value codes = arith::AndIOp::create(b, loadFloats(from, lanes), mask);
      if (plane > 0)
        codes =
            arith::ShLIOp::create(b, codes, b.splat(words, plane * units.bits));
      row = plane ? arith::OrIOp::create(b, row, codes).getResult() : codes;
    }
    return narrow(row, lanes);
  }

  /// The low bytes of each word, next to each other.
  Value narrow(Value words, int64_t lanes) {
    if (units.bytes == 4)
      return words;
    if (units.bytes != 3) {
      auto type = VectorType::get(lanes, b.getIntegerType(8 * units.bytes));
      return arith::TruncIOp::create(b, type, words);
    }
    // Within 16 bytes, then words of 4 bytes: what instructions do.
    Value bytes = b.bitcast(b.bytes(4 * lanes), words);
    int64_t group = std::min<int64_t>(lanes, 4);
    SmallVector<int64_t> within, across;
    for (int64_t i = 0; i < 4 * lanes; ++i) {
      int64_t lane = i / (4 * group), at = i % (4 * group);
      within.push_back(at < 3 * group ? lane * 4 * group + at / 3 * 4 + at % 3
                                      : -1);
    }
    bytes = vector::ShuffleOp::create(b, bytes, bytes, within);
    if (lanes <= group)
      return bytes;
    for (int64_t i = 0; i < lanes; ++i)
      across.push_back(i < 3 * lanes / 4 ? i / 3 * 4 + i % 3 : -1);
    Value moved = b.bitcast(cast<VectorType>(words.getType()), bytes);
    return vector::ShuffleOp::create(b, moved, moved, across);
  }

  /// The codes of the floats from `at` on, of the only plane of an image.
  Value load(Value image, Value at, int64_t lanes) {
    int64_t floats = units.count * units.codes;
    return loadFloats(b.add(b.mul(image, floats), at), lanes);
  }

  /// Their codes, register by register: wider compares would make masks of all
  /// their lanes.
  Value loadFloats(Value at, int64_t lanes) {
    int64_t floats = std::min(lanes, registerFloats);
    auto type = VectorType::get(floats, b.getF32Type());
    auto words = VectorType::get(lanes, b.getI32Type());
    Value from = b.add(source.offset, b.mul(at, kFloat)), codes;
    for (int64_t i = 0; i < lanes; i += floats) {
      Value part =
          code.emit(b.load(type, source.memory, b.add(from, i * kFloat)));
      if (lanes == floats)
        return part;
      codes = vector::InsertStridedSliceOp::create(
          b, part, codes ? codes : b.splat(words, 0), ArrayRef<int64_t>{i},
          ArrayRef<int64_t>{1});
    }
    return codes;
  }

  ByteBuilder &b;
  const Buffer &source, &target;
  Units units;
  CodeEmitter code;
  int64_t registerFloats;
};

} // namespace

LogicalResult ulq::tileEncode(EncodeOp op, ModuleOp kernels) {
  StringRef name = op.getKernel()->getIsa();
  const Isa *isa = lookupIsa(name);
  if (!isa)
    return op.emitOpError("expected a known ISA, got ") << name;
  KernelFunction function(op, kernels,
                          {{op.getInput()},
                           {op.getResult()},
                           int64_t(op.getKernel()->getWorkgroups())});
  function.work(
      [&] { EncodeEmitter(function, op, isa->traits).emit(function); });
  function.finish();
  return success();
}
