//===- Depthwise.cpp - one channel per lane -------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Products of codes are summed in 16 bits over as many taps as fit, then in 32.
// f32 values are multiplied as they are. Panels are [taps][runs][channels];
// they are unpacked once per workgroup, 8-bit weights stand in the program as
// panels.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DepthwiseLanes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cstdlib>

using namespace mlir;

namespace ulq {

namespace {

/// More taps than this are a loop.
constexpr int64_t kUnrolledTaps = 64;
constexpr int64_t kFloatBytes = 4;

/// Taps whose products fit 16 bits together. One always does: 255 * 128.
int64_t narrowTaps(int64_t maxCode, int64_t minWeight, int64_t maxWeight) {
  int64_t weight = std::max(std::abs(minWeight), std::abs(maxWeight));
  int64_t product = std::max<int64_t>(1, maxCode * weight);
  return std::max<int64_t>(1, INT16_MAX / product);
}

int64_t elementBytes(bool isFloat) { return isFloat ? kFloatBytes : 1; }
/// Products of one vector: f32, or 16 bits.
int64_t lanesOf(bool isFloat, const IsaTraits &isa) {
  return isa.vectorBytes / (isFloat ? kFloatBytes : 2);
}

/// The expansion of one multiply_tile.
class DepthwiseTile {
public:
  DepthwiseTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), isFloat(op.getStorageBits() == 32),
        fma(isa.fma), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), multiplier(op.getMultiplier()),
        channels(outputs / multiplier),
        lineTaps(int64_t(op.getDepth()) / int64_t(op.getTapLines())),
        element(elementBytes(isFloat)),
        lanes(std::min(channels, lanesOf(isFloat, isa))),
        sums(isFloat ? emit.floats(lanes) : emit.integers(lanes, 32)) {}

  void expand() {
    emit.loop(emit.index(0), emit.index(channels / lanes), 1,
              [&](Value vector) { expandVector(vector); });
    op.erase();
  }

private:
  /// All outputs of `lanes` channels.
  void expandVector(Value vector) {
    Pointer lhs =
        emit.advance({op.getLhs(), op.getLhsOffset()}, vector, lanes * element);
    Pointer rhs =
        emit.advance({op.getRhs(), op.getRhsOffset()}, vector, lanes * element);
    SmallVector<Value> totals(rows * multiplier, emit.zero(sums));
    if (int64_t(op.getDepth()) <= kUnrolledTaps)
      addTaps(lhs, rhs, op.getDepth(), totals);
    else
      totals = addLines(lhs, rhs, totals);
    Pointer target = emit.advance({op.getTarget(), op.getTargetOffset()},
                                  vector, lanes * multiplier * 4);
    for (int64_t row = 0; row < rows; ++row)
      emit.store(interleaveRuns(emit, ArrayRef(totals).slice(row * multiplier,
                                                             multiplier)),
                 emit.advance(target, row * outputs * 4));
  }

  /// The products of all taps, one after the other, added to the sums.
  SmallVector<Value> addLines(Pointer lhs, Pointer rhs, ValueRange totals) {
    auto addTap = [&](Pointer lhs, Pointer rhs, Value tap, ValueRange carried) {
      SmallVector<Value> next(carried);
      addTaps(emit.advance(lhs, tap, op.getTapBytes()),
              emit.advance(rhs, tap, outputs * element), 1, next);
      return next;
    };
    auto addLine = [&](Value line, ValueRange carried) {
      Pointer from = emit.advance(lhs, line, op.getLineBytes());
      Pointer weights = emit.advance(rhs, line, lineTaps * outputs * element);
      return emit.loop(emit.index(0), emit.index(lineTaps), 1, carried,
                       [&](Value tap, ValueRange carried) {
                         return addTap(from, weights, tap, carried);
                       });
    };
    return emit.loop(emit.index(0), emit.index(op.getTapLines()), 1, totals,
                     addLine);
  }

  /// Byte offset of a tap from the first one.
  int64_t tapOffset(int64_t tap) {
    return tap / lineTaps * int64_t(op.getLineBytes()) +
           tap % lineTaps * int64_t(op.getTapBytes());
  }

  /// The products of the first `taps` taps added to the sums of the tile.
  void addTaps(Pointer lhs, Pointer rhs, int64_t taps,
               MutableArrayRef<Value> totals) {
    int64_t step = isFloat ? taps : int64_t(op.getFlushInterval());
    for (int64_t first = 0; first < taps; first += step) {
      int64_t last = std::min(first + step, taps);
      for (int64_t run = 0; run < multiplier; ++run) {
        SmallVector<Value> weights;
        for (int64_t tap = first; tap < last; ++tap)
          weights.push_back(loadWeights(
              emit.advance(rhs, (tap * outputs + run * channels) * element)));
        for (int64_t row = 0; row < rows; ++row) {
          Value &total = totals[row * multiplier + run];
          Pointer from = emit.advance(lhs, row * int64_t(op.getRowBytes()));
          total = isFloat ? addFloats(from, first, weights, total)
                          : addCodes(from, first, weights, total);
        }
      }
    }
  }

  Value loadWeights(Pointer from) {
    if (isFloat)
      return emit.load(sums, from);
    return arith::ExtSIOp::create(emit.builder, emit.loc,
                                  emit.integers(lanes, 16),
                                  emit.load(emit.integers(lanes, 8), from));
  }

  Value addCodes(Pointer from, int64_t first, ArrayRef<Value> weights,
                 Value total) {
    VectorType halves = emit.integers(lanes, 16);
    Value narrow;
    for (auto [tap, weight] : llvm::enumerate(weights)) {
      Value packed = emit.load(emit.integers(lanes, 8),
                               emit.advance(from, tapOffset(first + tap)));
      Value codes =
          arith::ExtUIOp::create(emit.builder, emit.loc, halves, packed);
      Value product =
          arith::MulIOp::create(emit.builder, emit.loc, codes, weight);
      narrow = narrow ? emit.add(narrow, product) : product;
    }
    Value wide = arith::ExtSIOp::create(emit.builder, emit.loc, sums, narrow);
    return emit.add(total, wide);
  }

  Value addFloats(Pointer from, int64_t first, ArrayRef<Value> weights,
                  Value total) {
    for (auto [tap, weight] : llvm::enumerate(weights)) {
      Value x = emit.load(sums, emit.advance(from, tapOffset(first + tap)));
      if (fma) {
        total = math::FmaOp::create(emit.builder, emit.loc, x, weight, total);
        continue;
      }
      Value product = arith::MulFOp::create(emit.builder, emit.loc, x, weight);
      total = arith::AddFOp::create(emit.builder, emit.loc, total, product);
    }
    return total;
  }

  Emitter emit;
  MultiplyTileOp op;
  bool isFloat, fma;
  int64_t rows, outputs, multiplier, channels, lineTaps, element, lanes;
  VectorType sums;
};

/// Weights stand in the program as codes, or as f32 values, or as bytes that
/// are multiplied as they are.
bool holdsCodes(const LayerShape &shape) {
  return shape.codeBits == 32 ? shape.weightBits <= 8
                              : storageBits(shape.weightBits) < 8;
}

CodePanel panelOf(const LayerShape &shape, const Candidate &tile) {
  return CodePanel(holdsCodes(shape) ? shape.weightBits : 8,
                   shape.taps * tile.outputs);
}

struct DepthwiseKernel final : Kernel {
  StringRef name() const override { return "depthwise"; }
  ArrayRef<RegisterOp> needs() const override { return {}; }
  bool accumulatesCodes() const override { return false; }
  bool groupsAreLanes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    bool isFloat = shape.codeBits == 32;
    int64_t multiplier = shape.outputs;
    if (!isDepthwise(shape) || (!isFloat && !weightsFitBytes(shape)))
      return std::nullopt;
    int64_t channels = panelChannels(shape, kMinOutputs, lanesOf(isFloat, isa));
    // Sums take half of the registers, those of codes two for each vector.
    int64_t vectors = isa.vectorRegisters / (isFloat ? 2 : 4);
    Candidate tile;
    tile.rows = std::min(shape.geometry.getOutput()[2],
                         std::clamp<int64_t>(vectors / multiplier, 1, 4));
    tile.outputs = channels * multiplier;
    if (!isFloat) {
      tile.narrowBits = 16;
      tile.flushInterval =
          narrowTaps(shape.maxCode, shape.minWeight(), shape.maxWeight());
    }
    double taps = static_cast<double>(tile.flushInterval);
    double padding =
        double(llvm::alignTo(shape.groups, channels)) / double(shape.groups);
    // Loads, extensions and products of a vector, as instructions at 2 a cycle.
    double instructions = isFloat ? 2.0 : 3.0 + 4.0 / taps;
    tile.cyclesPerMac =
        padding * instructions / 2.0 / double(lanesOf(isFloat, isa));
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    return pixelFormat(shape, /*depth=*/shape.taps);
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    CodePanel panel = panelOf(shape, tile);
    int64_t channels = tile.outputs / shape.outputs;
    auto insert = [&](MutableArrayRef<uint8_t> bytes, int64_t run,
                      int64_t channel, ArrayRef<int32_t> taps) {
      for (auto [tap, weight] : llvm::enumerate(taps)) {
        int64_t place = tap * tile.outputs + run * channels + channel;
        if (shape.weightBits > 8)
          memcpy(&bytes[place * kFloatBytes], &weight, kFloatBytes);
        else
          panel.insert(bytes, place,
                       holdsCodes(shape)
                           ? (weight - shape.weightBase) / shape.weightStep
                           : weight);
      }
    };
    return packChannels(shape, tile, packedPanelBytes(shape, tile), weights,
                        insert);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    if (shape.weightBits > 8)
      return shape.taps * tile.outputs * kFloatBytes;
    return panelOf(shape, tile).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const override {
    if (!holdsCodes(shape))
      return 0;
    return panelOf(shape, tile).paddedCodes() *
           elementBytes(shape.codeBits == 32);
  }

  void expandUnpack(OpBuilder &builder, UnpackWeightsOp op,
                    const IsaTraits &isa) const override {
    Emitter emit{builder, op.getLoc()};
    CodePanel panel(op.getWeightBits(),
                    int64_t(op.getDepth()) * op.getKernel().getOutputs());
    if (op.getFloats())
      unpackFloats(emit, op, panel, isa.vectorBytes);
    else
      unpackBytes(emit, op, panel, isa.vectorBytes);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    DepthwiseTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getDepthwiseKernels() {
  static const DepthwiseKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
