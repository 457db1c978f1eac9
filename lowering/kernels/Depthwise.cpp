//===- Depthwise.cpp - one channel per lane -------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A depthwise layer has no sum over channels, so channels are the lanes: every
// tap is a vector of neighbouring channels times a vector of weights. Products
// of codes are summed in 16 bits over as many taps as fit, then in 32.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/Emitter.h"
#include "lowering/kernels/Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>

using namespace mlir;

namespace ulq {

namespace {

/// Lanes of a tile, at most; rows are padded to so many channels.
constexpr int64_t kMostOutputs = 64;
/// More taps than this are a loop.
constexpr int64_t kUnrolledTaps = 64;

/// Taps whose products fit 16 bits together. One always does: 255 * 128.
int64_t narrowTaps(int64_t maxCode, int64_t minWeight, int64_t maxWeight) {
  int64_t weight = std::max(std::abs(minWeight), std::abs(maxWeight));
  int64_t product = std::max<int64_t>(1, maxCode * weight);
  return std::max<int64_t>(1, INT16_MAX / product);
}

int64_t elementBytes(int64_t storageBits) { return storageBits / 8; }

class DepthwiseExpander {
public:
  DepthwiseExpander(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), isFloat(op.getStorageBits() == 32),
        fma(isa.fma), outputs(op.getKernel().getOutputs()),
        element(elementBytes(op.getStorageBits())) {
    lanes = std::min(outputs, isa.vectorBytes / (isFloat ? 4 : 2));
    sums = isFloat ? emit.floats(lanes) : emit.integers(lanes, 32);
  }

  void expand() {
    int64_t taps = op.getDepth();
    SmallVector<Value> totals(tileRows() * vectors(), emit.zero(sums));
    if (taps <= kUnrolledTaps) {
      int64_t step = isFloat ? taps : codeTaps();
      for (int64_t tap = 0; tap < taps; tap += step)
        totals = addTaps(emit.index(tap), std::min(step, taps - tap), totals);
    } else {
      totals = emit.loop(emit.index(0), emit.index(taps), 1, totals,
                         [&](Value tap, ValueRange carried) {
                           return addTaps(tap, 1, llvm::to_vector(carried));
                         });
    }
    Pointer target{op.getTarget(), op.getTargetOffset()};
    for (auto [i, total] : llvm::enumerate(totals))
      emit.store(total, emit.advance(target, i * lanes * 4));
    op.erase();
  }

private:
  int64_t tileRows() { return op.getKernel().getRows(); }
  int64_t vectors() const { return outputs / lanes; }

  int64_t codeTaps() { return op.getFlushInterval(); }

  /// `count` taps from `first` on added to the sums of the tile.
  SmallVector<Value> addTaps(Value first, int64_t count,
                             SmallVector<Value> totals) {
    for (int64_t v = 0; v < vectors(); ++v) {
      SmallVector<Value> weights;
      for (int64_t t = 0; t < count; ++t)
        weights.push_back(loadWeights(first, t, v));
      for (int64_t row = 0; row < tileRows(); ++row) {
        Value &total = totals[row * vectors() + v];
        total = isFloat ? addFloats(first, row, v, weights, total)
                        : addCodes(first, row, v, weights, total);
      }
    }
    return totals;
  }

  Value loadWeights(Value first, int64_t tap, int64_t vector) {
    Pointer panel{op.getRhs(), op.getRhsOffset()};
    Pointer from = emit.advance(panel, first, outputs * element);
    from = emit.advance(from, (tap * outputs + vector * lanes) * element);
    if (isFloat)
      return emit.load(sums, from);
    return arith::ExtSIOp::create(emit.builder, emit.loc,
                                  emit.integers(lanes, 16),
                                  emit.load(emit.integers(lanes, 8), from));
  }

  Pointer rowPointer(Value first, int64_t tap, int64_t row, int64_t vector) {
    Pointer lhs{op.getLhs(), op.getLhsOffset()};
    int64_t tapBytes = op.getTapBytes();
    Pointer from = emit.advance(lhs, first, tapBytes);
    return emit.advance(from, row * int64_t(op.getRowBytes()) + tap * tapBytes +
                                  vector * lanes * element);
  }

  Value addCodes(Value first, int64_t row, int64_t vector,
                 ArrayRef<Value> weights, Value total) {
    VectorType halves = emit.integers(lanes, 16);
    Value narrow;
    for (auto [tap, weight] : llvm::enumerate(weights)) {
      Pointer from = rowPointer(first, tap, row, vector);
      Value codes =
          arith::ExtUIOp::create(emit.builder, emit.loc, halves,
                                 emit.load(emit.integers(lanes, 8), from));
      Value product =
          arith::MulIOp::create(emit.builder, emit.loc, codes, weight);
      narrow = narrow ? emit.add(narrow, product) : product;
    }
    Value wide = arith::ExtSIOp::create(emit.builder, emit.loc, sums, narrow);
    return emit.add(total, wide);
  }

  Value addFloats(Value first, int64_t row, int64_t vector,
                  ArrayRef<Value> weights, Value total) {
    for (auto [tap, weight] : llvm::enumerate(weights)) {
      Value x = emit.load(sums, rowPointer(first, tap, row, vector));
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
  int64_t outputs, element, lanes;
  VectorType sums;
};

struct DepthwiseKernel final : Kernel {
  StringRef name() const override { return "depthwise"; }
  ArrayRef<RegisterOp> needs() const override { return {}; }
  bool accumulatesCodes() const override { return false; }
  bool groupsAreLanes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    bool isFloat = shape.codeBits == 32;
    if (shape.groups == 1 || shape.outputs != 1 || shape.channels != 1)
      return std::nullopt;
    if (!isFloat &&
        (shape.storageBits != 8 || shape.weightBits > 8 ||
         shape.minWeight() < INT8_MIN || shape.maxWeight() > INT8_MAX))
      return std::nullopt;
    Candidate tile;
    tile.rows =
        std::min<int64_t>(shape.rows, isa.vectorRegisters >= 32 ? 4 : 2);
    tile.outputs = std::clamp<int64_t>(llvm::PowerOf2Ceil(shape.groups), 8,
                                       std::min(isa.vectorBytes, kMostOutputs));
    if (!isFloat) {
      tile.narrowBits = 16;
      tile.flushInterval =
          narrowTaps(shape.maxCode, shape.minWeight(), shape.maxWeight());
    }
    double taps = static_cast<double>(tile.flushInterval);
    double padding = double(llvm::alignTo(shape.groups, tile.outputs)) /
                     double(shape.groups);
    // Loads, extensions and products of a vector, as instructions at 2 a cycle.
    double instructions = isFloat ? 2.0 : 3.0 + 4.0 / taps;
    tile.cyclesPerMac = padding * instructions / 2.0 /
                        double(isa.vectorBytes / (isFloat ? 4 : 2));
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    // The last panel reads to its end, beyond the channels of the last tap.
    int64_t channels = (shape.taps - 1) * shape.groups +
                       int64_t(llvm::alignTo(shape.groups, kMostOutputs));
    int64_t bytes = channels * elementBytes(shape.storageBits);
    return {/*expand=*/false, int64_t(llvm::alignTo(bytes, 64)), shape.taps};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    bool isFloat = shape.codeBits == 32;
    int64_t element = elementBytes(shape.storageBits);
    int64_t panelBytes = packedPanelBytes(shape, tile);
    int64_t panels = llvm::divideCeil(shape.groups, tile.outputs);
    SmallVector<uint8_t> bytes(panels * panelBytes, 0);
    for (int64_t n = 0; n < shape.groups; ++n)
      for (int64_t tap = 0; tap < shape.taps; ++tap) {
        int32_t weight = weights[n * shape.taps + tap];
        if (isFloat && shape.weightBits <= 8)
          weight = llvm::bit_cast<int32_t>(static_cast<float>(weight));
        int64_t place = tap * tile.outputs + n % tile.outputs;
        memcpy(&bytes[n / tile.outputs * panelBytes + place * element], &weight,
               element);
      }
    return bytes;
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return shape.taps * tile.outputs * elementBytes(shape.storageBits);
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    DepthwiseExpander(builder, op, isa).expand();
  }
};

} // namespace

const Kernel &getDepthwiseKernel() {
  static const DepthwiseKernel kernel;
  return kernel;
}

} // namespace ulq
