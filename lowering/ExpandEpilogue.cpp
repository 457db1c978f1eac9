//===- ExpandEpilogue.cpp - expansion of epilogue_tile --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Per row of the tile and per chunk of up to 64 channels, whose codes make
// whole bytes: thresholds on vectors of i32, lane steps on vectors of 8 f64, or
// of f32. A row that these leave in doubt is done again, 8 channels at a time.
//
//===----------------------------------------------------------------------===//

#include "lowering/Bytes.h"
#include "lowering/Curve.h"
#include "lowering/Epilogue.h"
#include "lowering/LaneArithmetic.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace ulq;

namespace {

constexpr int64_t kDoubles = 8;
/// More `count` arrays than this are a loop.
constexpr int64_t kUnrolledCounts = 16;

int64_t powerOfTwoDivisor(int64_t value, int64_t limit) {
  int64_t power = 1;
  while (power < limit && value % (2 * power) == 0)
    power *= 2;
  return power;
}

class EpilogueExpander {
public:
  EpilogueExpander(OpBuilder &builder, EpilogueTileOp op, const IsaTraits &isa)
      : b(op.getLoc(), builder), op(op), outputs(op.getKernel().getOutputs()),
        width(op.getWidth()), codeBits(op.getCodeBits()),
        chunk(powerOfTwoDivisor(outputs, 64)),
        words(powerOfTwoDivisor(chunk, isa.vectorBytes)),
        channel(op.getChannel()), offsets(op.getOffsets()) {
    setSteps(op.getSteps(), op.getSingles());
    for (Attribute step : op.getSteps())
      doubt = std::max(doubt, cast<LaneStepAttr>(step).getDoubt());
  }

  void run() {
    firstLane = b.mul(op.getPanel(), outputs);
    b.loop(b.index(0), op.getRows(), 1, [&](Value row) {
      pixel = b.add(op.getFirstRow(), row);
      accumulators = b.add(op.getAccumulators(), b.mul(row, outputs * 4));
      rowSum = needsRowSum() ? loadRowSum(row) : Value();
      if (doubt > 0)
        furthest = real(0);
      for (int64_t start = 0; start < width; start += chunk)
        expandChunk(start);
      if (doubt > 0)
        b.branch(isInDoubt(), [&] { expandExactly(); });
    });
  }

private:
  void setSteps(ArrayAttr list, bool inSingles) {
    steps = list;
    singles = inSingles;
    stepLanes = singles ? words : kDoubles;
    auto sized = [&](Type element) {
      return VectorType::get(stepLanes, element);
    };
    realType = sized(singles ? Type(b.getF32Type()) : b.getF64Type());
    floats = sized(b.getF32Type());
    ints = sized(b.getI32Type());
  }

  //===--- doubt --------------------------------------------------------===//

  /// Notes how far v is from `rounded`, the integer it became, less what the
  /// largest doubt exceeds its own by.
  void noteDistance(Value v, Value rounded, double own) {
    Value distance =
        math::AbsFOp::create(b, arith::SubFOp::create(b, v, rounded));
    // The difference is rounded.
    double less = std::min(own + 0x1p-23, doubt) - doubt;
    if (less != 0)
      distance = arith::AddFOp::create(b, distance, real(less));
    furthest = arithmetic().choose(arith::CmpFPredicate::OGT, furthest,
                                   distance, furthest, distance);
  }

  Value isInDoubt() {
    auto limit = std::nextafter(static_cast<float>(0.5 - doubt), 0.0f);
    Value reached = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE,
                                          furthest, real(limit));
    return vector::ReductionOp::create(b, vector::CombiningKind::OR, reached);
  }

  /// Those eighths of the row that are in doubt once more, by thresholds or by
  /// the exact steps.
  void expandExactly() {
    auto again = [&](Value lane, int64_t valid) {
      EpilogueExpander quick = piece(lane, valid);
      quick.onlyMeasures = true;
      quick.furthest = quick.real(0);
      quick.expandChunk(0);
      b.branch(quick.isInDoubt(), [&] {
        EpilogueExpander exact = piece(lane, valid);
        exact.doubt = 0;
        exact.setSteps(op.getExactSteps(), false);
        exact.expandChunk(0);
      });
    };
    int64_t whole = width / kDoubles * kDoubles;
    b.loop(b.index(0), b.index(whole), kDoubles,
           [&](Value lane) { again(lane, kDoubles); });
    if (whole < width)
      again(b.index(whole), width - whole);
  }

  /// The same for `valid` lanes, up to 8, from `lane` of this row on.
  EpilogueExpander piece(Value lane, int64_t valid) {
    EpilogueExpander part(*this);
    part.width = valid;
    part.chunk = part.words = kDoubles;
    part.setSteps(steps, singles);
    part.firstLane = b.add(firstLane, lane);
    part.channel = b.add(channel, lane);
    part.accumulators = b.add(accumulators, b.mul(lane, 4));
    if (offsets)
      part.offsets = b.add(offsets, b.mul(lane, 4));
    return part;
  }
  EpilogueExpander(const EpilogueExpander &) = default;

  //===--- accumulators -------------------------------------------------===//

  bool needsRowSum() {
    return scaleSum() != 0 || slotOf(op.getZeroSlot()) >= 0;
  }
  int64_t scaleSum() { return op.getScaleSum(); }
  static int64_t slotOf(uint64_t slot) { return static_cast<int64_t>(slot); }

  Value loadRowSum(Value row) {
    Value at = b.add(op.getSums(), b.mul(row, 4));
    Value word =
        b.load(VectorType::get(1, b.getI32Type()), op.getScratch(), at);
    return vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0});
  }

  /// The array element of `lane` of this panel, and its followers.
  Value loadArray(VectorType type, int64_t slot, int64_t lane) {
    int64_t size = type.getElementTypeBitWidth() / 8;
    Value at = b.add(op.getParamsOffset(), b.mul(firstLane, size));
    return b.load(type, op.getParams(), b.add(at, slot + lane * size));
  }

  Value integers(VectorType type, int64_t lane) {
    Value sum = b.load(type, op.getScratch(), b.add(accumulators, lane * 4));
    int64_t scale = op.getScaleCodes();
    if (scale != 1)
      sum = arith::MulIOp::create(b, sum, b.splat(type, scale));
    if (scaleSum() != 0) {
      Value factor =
          arith::ConstantIntOp::create(b, b.getI32Type(), scaleSum());
      Value term = arith::MulIOp::create(b, rowSum, factor);
      sum = arith::AddIOp::create(b, sum, broadcast(type, term));
    }
    int64_t zeroSlot = slotOf(op.getZeroSlot());
    if (zeroSlot >= 0) {
      Value zero = loadArray(type, zeroSlot, lane);
      Value term = arith::MulIOp::create(b, zero, broadcast(type, rowSum));
      sum = arith::AddIOp::create(b, sum, term);
    }
    if (!offsets)
      return sum;
    Value offset = b.load(type, op.getScratch(), b.add(offsets, lane * 4));
    return arith::AddIOp::create(b, sum, offset);
  }

  Value broadcast(VectorType type, Value scalar) {
    return vector::BroadcastOp::create(b, type, scalar);
  }

  Value realAccumulators(int64_t lane) {
    if (!op.getFloatAccumulators())
      return arith::SIToFPOp::create(b, realType, integers(ints, lane));
    Value sum = b.load(floats, op.getScratch(), b.add(accumulators, lane * 4));
    return arith::ExtFOp::create(b, realType, sum);
  }

  //===--- codes --------------------------------------------------------===//

  void expandChunk(int64_t start) {
    int64_t valid = std::min(chunk, width - start);
    codes = codeBits > 0 ? b.splat(b.bytes(chunk), 0) : Value();
    if (op.getLevels() > 0 && doubt == 0)
      for (int64_t lane = 0; lane < valid; lane += words)
        insertCodes(countThresholds(start + lane), lane);
    if (!steps.empty())
      for (int64_t lane = 0; lane < valid; lane += stepLanes)
        runSteps(start, lane, std::min(stepLanes, valid - lane));
    if (codeBits > 0 && !onlyMeasures)
      storeCodes(start, valid);
  }

  Value countThresholds(int64_t lane) {
    auto type = VectorType::get(words, b.getI32Type());
    Value value = integers(type, lane);
    if (op.getThresholdBits() == 16)
      value = saturated(value, type = VectorType::get(words, b.getI16Type()));
    int64_t bytes = type.getElementTypeBitWidth() / 8;
    int64_t flipSlot = slotOf(op.getFlipSlot());
    if (flipSlot >= 0)
      value = arith::XOrIOp::create(b, value, loadArray(type, flipSlot, lane));
    Value count = b.splat(type, op.getStart());
    int64_t rising = slotOf(op.getLevels()) - slotOf(op.getFalling());
    for (int64_t t = 0; t < slotOf(op.getLevels()); ++t) {
      int64_t slot = slotOf(op.getThresholdSlot()) + t * laneCount() * bytes;
      Value one = isReached(value, loadArray(type, slot, lane));
      count = t < rising ? arith::AddIOp::create(b, count, one).getResult()
                         : arith::SubIOp::create(b, count, one).getResult();
    }
    return count;
  }

  /// 1 where v exceeds the threshold, else 0. The sign of a difference is cheap
  /// everywhere; comparisons of 64 bytes go through mask registers.
  Value isReached(Value v, Value threshold) {
    auto type = cast<VectorType>(v.getType());
    if (op.getThresholdBits() == 32) {
      Value reached =
          arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, v, threshold);
      return arith::ExtUIOp::create(b, type, reached);
    }
    Value rest = op.getThresholdBits() == 16
                     ? LLVM::SSubSat::create(b, type, threshold, v).getResult()
                     : arith::SubIOp::create(b, threshold, v).getResult();
    unsigned sign = type.getElementTypeBitWidth() - 1;
    return arith::ShRUIOp::create(b, rest, b.splat(type, sign));
  }

  Value saturated(Value v, VectorType narrow) {
    auto type = cast<VectorType>(v.getType());
    v = arith::MaxSIOp::create(b, v, b.splat(type, INT16_MIN));
    v = arith::MinSIOp::create(b, v, b.splat(type, INT16_MAX));
    return arith::TruncIOp::create(b, narrow, v);
  }

  /// Lanes of all panels: the length of a parameter array.
  int64_t laneCount() { return op.getLanes(); }

  void insertCodes(Value words, int64_t lane) {
    auto type = cast<VectorType>(words.getType());
    Value narrow =
        arith::TruncIOp::create(b, b.bytes(type.getNumElements()), words);
    codes = vector::InsertStridedSliceOp::create(
        b, narrow, codes, ArrayRef<int64_t>{lane}, ArrayRef<int64_t>{1});
  }

  void storeCodes(int64_t start, int64_t valid) {
    if (valid * codeBits % 8) {
      SmallVector<uint8_t> mask(chunk, 0);
      std::fill_n(mask.begin(), valid, 0xFF);
      codes = arith::AndIOp::create(b, codes, b.constant(mask));
    }
    int64_t pixelBytes = (slotOf(op.getOutputs()) * codeBits + 7) / 8;
    Value first =
        b.createOrFold<arith::DivUIOp>(b.mul(channel, codeBits), b.index(8));
    Value at = b.add(op.getTargetOffsets()[0], b.mul(pixel, pixelBytes));
    at = b.add(b.add(at, first), start * codeBits / 8);
    b.storeFirst(b.packCodes(codes, codeBits), op.getTargets()[0], at,
                 (valid * codeBits + 7) / 8);
  }

  //===--- lane steps ---------------------------------------------------===//

  void runSteps(int64_t start, int64_t lane, int64_t valid) {
    Value v = realAccumulators(start + lane), saved;
    for (auto [number, attr] : llvm::enumerate(steps)) {
      auto step = cast<LaneStepAttr>(attr);
      switch (step.getKind()) {
      case LaneKind::Load:
        saved = v;
        v = loadAddend(step.getIndex(), start + lane, valid);
        break;
      case LaneKind::AddLoaded:
        v = arith::AddFOp::create(b, saved, v);
        break;
      case LaneKind::Round:
        if (doubt > 0 && step.getDoubt() > 0)
          noteDistance(v, arithmetic().nearest(v), step.getDoubt());
        if (singles && storesCode(number + 1))
          return insertCodes(b.bitcast(ints, arithmetic().addMagic(v)), lane);
        v = arithmetic().round(v, static_cast<Rounding>(step.getIndex()));
        break;
      case LaneKind::Count:
        v = count(v, step, start + lane);
        break;
      case LaneKind::Curve:
        v = curve(v, step.getSlot());
        break;
      case LaneKind::StoreFloat:
        storeFloats(v, start + lane, valid);
        break;
      case LaneKind::StoreCode:
        insertCodes(arith::FPToSIOp::create(b, ints, v), lane);
        break;
      default:
        v = arithmetic().combine(v, step, operandOf(step, start + lane));
      }
    }
  }

  LaneArithmetic arithmetic() { return {b, realType}; }
  Value real(double value) { return arithmetic().real(value); }

  Value operandOf(LaneStepAttr step, int64_t lane) {
    if (step.getSlot() < 0)
      return real(step.getValue().getValueAsDouble());
    return loadArray(realType, step.getSlot(), lane);
  }

  /// The polynomial of the nearest integer, whose low bits are those of v +
  /// magic.
  Value curve(Value v, int64_t slot) {
    Value nearest = arithmetic().addMagic(v);
    Value segment = b.bitcast(ints, nearest);
    Value z = arith::SubFOp::create(
        b, v, arith::SubFOp::create(b, nearest, real(arithmetic().magic())));
    Value sum;
    for (int64_t power = Curve::kPowers; power-- > 0;) {
      Value at =
          b.add(op.getParamsOffset(), slot + power * Curve::kSegments * 4);
      Value factor =
          WordLookupOp::create(b, realType, op.getParams(), at, segment);
      sum = sum ? arith::AddFOp::create(b, arith::MulFOp::create(b, sum, z),
                                        factor)
                      .getResult()
                : factor;
    }
    return sum;
  }

  Value count(Value v, LaneStepAttr step, int64_t lane) {
    int64_t count = step.getIndex(), rising = count - step.getFalling();
    Value sum = real(double(step.getStart()));
    sum = countArrays(sum, v, step, {0, rising}, 1, lane);
    return countArrays(sum, v, step, {rising, count}, -1, lane);
  }

  /// `sum` and `each` for those of the arrays that v reaches.
  Value countArrays(Value sum, Value v, LaneStepAttr step,
                    std::pair<int64_t, int64_t> arrays, double each,
                    int64_t lane) {
    int64_t stride = step.getShared() ? 8 : laneCount() * 8;
    auto [from, to] = arrays;
    Value first = b.add(op.getParamsOffset(), step.getSlot());
    if (!step.getShared())
      first = b.add(first, b.add(b.mul(firstLane, 8), lane * 8));
    auto load = [&](Value at) -> Value {
      at = b.add(first, at);
      if (!step.getShared())
        return b.load(realType, op.getParams(), at);
      auto one = VectorType::get(1, realType.getElementType());
      return broadcast(realType, vector::ExtractOp::create(
                                     b, b.load(one, op.getParams(), at),
                                     ArrayRef<int64_t>{0}));
    };
    auto reach = [&](Value sum, Value threshold) -> Value {
      Value one = arithmetic().choose(arith::CmpFPredicate::OGE, v, threshold,
                                      real(each), real(0));
      return arith::AddFOp::create(b, sum, one);
    };
    if (to - from <= kUnrolledCounts) {
      for (int64_t t = from; t < to; ++t)
        sum = reach(sum, load(b.index(t * stride)));
      return sum;
    }
    return b.fold(b.index(from * stride), b.index(to * stride), stride, sum,
                  [&](Value at, Value sum) { return reach(sum, load(at)); });
  }

  bool storesCode(size_t number) {
    return cast<LaneStepAttr>(steps[number]).getKind() == LaneKind::StoreCode;
  }

  //===--- addends, float results ---------------------------------------===//

  Value loadAddend(int64_t index, int64_t lane, int64_t valid) {
    Value buffer = op.getAddends()[index];
    int64_t bits = op.getAddendBits()[index];
    int64_t pixelBytes = (slotOf(op.getOutputs()) * bits + 7) / 8;
    Value at = b.add(op.getAddendOffsets()[index], b.mul(pixel, pixelBytes));
    Value first =
        b.createOrFold<arith::DivUIOp>(b.mul(channel, bits), b.index(8));
    at = b.add(b.add(at, first), lane * bits / 8);
    int64_t bytes = (valid * bits + 7) / 8;
    if (bits == 32) {
      Value loaded = b.loadFirst(floats, buffer, at, bytes);
      return arith::ExtFOp::create(b, realType, loaded);
    }
    Value packed =
        b.loadFirst(b.bytes(stepLanes * bits / 8), buffer, at, bytes);
    Value codes = arith::ExtUIOp::create(b, ints, b.spreadCodes(packed, bits));
    return arith::UIToFPOp::create(b, realType, codes);
  }

  void storeFloats(Value v, int64_t lane, int64_t valid) {
    int64_t target = codeBits > 0 ? 1 : 0;
    Value element = b.add(b.mul(pixel, slotOf(op.getOutputs())), channel);
    Value at = b.add(op.getTargetOffsets()[target], b.mul(element, 4));
    Value narrow = arith::TruncFOp::create(b, floats, v);
    b.storeFirst(narrow, op.getTargets()[target], b.add(at, lane * 4),
                 valid * 4);
  }

  ByteBuilder b;
  EpilogueTileOp op;
  int64_t outputs, width, codeBits, chunk, words;
  double doubt = 0;          // the largest of the steps
  bool onlyMeasures = false; // `furthest`, stores nothing
  ArrayAttr steps;
  bool singles;
  int64_t stepLanes;
  VectorType realType, floats, ints;
  Value firstLane, channel, offsets, pixel, accumulators, rowSum, codes;
  Value furthest; // of a lane of this row from the integer it became
};

} // namespace

void ulq::expandEpilogue(OpBuilder &builder, EpilogueTileOp op,
                         const IsaTraits &isa) {
  EpilogueExpander(builder, op, isa).run();
  op.erase();
}
