//===- BitSerial.cpp - products of single bits, counted -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Codes are numbers of few bits: with x_i bit i of all codes of a row and w_j
// bit j of all weight codes of an output,
//
//   sum x * code = sum over i, j of 2^(i + j) * popcount(x_i & w_j),
//
// summed as DepthSums.h says. Sums of the same i + j are counted together, and
// those of the largest are doubled first.
//
// `RowFormat::planes` leaves bit planes of 64 bytes each; those of the weights
// stand in the same order. Panel: [outputs][chunks of 64 bytes][weight bits].
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DepthSums.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kPlaneBytes = 64;
constexpr int64_t kPlaneCodes = 8 * kPlaneBytes;
constexpr int64_t kByteCodes = 8; // codes whose sum a byte gains in a step

int64_t largestProduct(int64_t maxCode, int64_t weightLevels) {
  return std::max<int64_t>(maxCode * (weightLevels - 1), 1);
}

/// Planes of codes up to `maxCode`.
int64_t planesOf(int64_t maxCode) {
  return std::max<int64_t>(llvm::bit_width(uint64_t(maxCode)), 1);
}

/// The expansion of one multiply_tile.
class BitSerialTile final : public DepthSums {
public:
  BitSerialTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : DepthSums(builder, op, isa), weightPlanes(op.getWeightBits()),
        rowPlanes(op.getStorageBits()), depth(op.getDepth()) {}

  void expand() {
    DepthSums::expand(llvm::divideCeil(depth, 8 * vectorBytes), kByteCodes);
  }

private:
  SmallVector<Value> sumBytes(Value number, Value from, Value to) override {
    int64_t outputBytes =
        llvm::divideCeil(depth, kPlaneCodes) * kPlaneBytes * weightPlanes;
    auto body = [&](Value step, ValueRange carried) {
      SmallVector<Value> sums(carried);
      SmallVector<SmallVector<Value>> weights;
      for (int64_t output = 0; output < block; ++output)
        weights.push_back(loadPlanes(panel(number, output, outputBytes), step,
                                     weightPlanes, weightPlanes));
      for (int64_t i = 0; i < rows; ++i) {
        SmallVector<Value> codes = loadPlanes(
            row(i), step, rowPlanes, planesOf(int64_t(op.getMaxCode())));
        for (int64_t output = 0; output < block; ++output) {
          Value &sum = sums[i * block + output];
          sum = addProducts(sum, codes, weights[output]);
        }
      }
      return sums;
    };
    SmallVector<Value> zeros(accumulators(), emit.zero(bytes));
    return emit.loop(from, to, 1, zeros, body);
  }

  /// The first `count` of `planes` planes at a step.
  SmallVector<Value> loadPlanes(Pointer from, Value step, int64_t planes,
                                int64_t count) {
    // Steps are parts of a plane, planes of a chunk follow each other.
    int64_t parts = kPlaneBytes / vectorBytes;
    auto part = [&](Value value) {
      return emit.builder.createOrFold<arith::RemUIOp>(emit.loc, value,
                                                       emit.index(parts));
    };
    auto chunk = [&](Value value) {
      return emit.builder.createOrFold<arith::DivUIOp>(emit.loc, value,
                                                       emit.index(parts));
    };
    if (planes == 1 || parts == 1)
      from = emit.advance(from, step, planes * vectorBytes);
    else
      from = emit.advance(emit.advance(from, chunk(step), planes * kPlaneBytes),
                          part(step), vectorBytes);
    SmallVector<Value> loaded;
    for (int64_t plane = 0; plane < count; ++plane)
      loaded.push_back(
          emit.load(bytes, emit.advance(from, plane * kPlaneBytes)));
    return loaded;
  }

  /// sum + the products of eight codes in each byte.
  Value addProducts(Value sum, ArrayRef<Value> codes, ArrayRef<Value> weights) {
    int64_t last = codes.size() + weights.size() - 2;
    if (last == 0)
      return countAnd(sum, codes[0], weights[0]);
    Value products = emit.zero(bytes);
    for (int64_t exponent = last; exponent >= 0; --exponent) {
      if (exponent < last)
        products = emit.add(products, products);
      for (auto [i, code] : llvm::enumerate(codes)) {
        int64_t j = exponent - int64_t(i);
        if (j >= 0 && j < int64_t(weights.size()))
          products = countAnd(products, code, weights[j]);
      }
    }
    return emit.add(sum, products);
  }

  Value countAnd(Value sum, Value code, Value weight) {
    return PopcountAddOp::create(emit.builder, emit.loc, bytes, sum,
                                 emit.bitAnd(code, weight));
  }

  int64_t weightPlanes, rowPlanes, depth;
};

struct BitSerialKernel final : Kernel {
  StringRef name() const override { return "bit_serial"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::PopcountAdd, RegisterOp::Dot4};
    return ops;
  }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.storageBits > 4 || shape.weightBits > 4)
      return std::nullopt;
    // A byte holds the products of a step.
    int64_t product = largestProduct(shape.maxCode, shape.weightLevels);
    if (product > UINT8_MAX / kByteCodes)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    if (product > INT32_MAX / depth)
      return std::nullopt;
    Candidate tile = chooseTile(shape, depthLimits(isa));
    tile.narrowBits = 8;
    tile.flushInterval = UINT8_MAX / product / kByteCodes * kByteCodes;

    double pairs = double(planesOf(shape.maxCode) * shape.weightBits);
    double steps = llvm::divideCeil(depth, 8 * isa.vectorBytes);
    double cycles =
        pairs * kPairCycles * isa.popcountCycles * steps + kAcrossCycles;
    tile.cyclesPerMac *= cycles / double(shape.taps * shape.channels);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t bytes = shape.taps * shape.tapBytes();
    RowFormat format;
    format.expand = false;
    format.rowBytes = llvm::alignTo(bytes, kPlaneBytes * shape.storageBits);
    format.depth = format.rowBytes * shape.codesPerByte();
    format.planes = shape.storageBits > 1;
    return format;
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    int64_t width = shape.storageBits, perByte = shape.codesPerByte();
    int64_t tapCodes = shape.tapBytes() * perByte;
    int64_t outputBytes = packedPanelBytes(shape, tile) / tile.outputs;
    auto pack = [&](MutableArrayRef<uint8_t> panel, int64_t lane,
                    ArrayRef<int32_t> weights) {
      for (int64_t i = 0, e = weights.size(); i < e; ++i) {
        int64_t k = i / shape.channels * tapCodes + i % shape.channels;
        // The place of the code in a row, as gather_rows moves it.
        int64_t vector = k / perByte / kPlaneBytes;
        int64_t bit = k % perByte * width + vector % width;
        int64_t byte = k / perByte % kPlaneBytes;
        int64_t chunk = lane * outputBytes +
                        vector / width * shape.weightBits * kPlaneBytes;
        int32_t code = (weights[i] - shape.weightBase) / shape.weightStep;
        for (int64_t plane = 0; plane < shape.weightBits; ++plane)
          panel[chunk + plane * kPlaneBytes + byte] |= (code >> plane & 1)
                                                       << bit;
      }
    };
    return packPanels(shape, tile, packedPanelBytes(shape, tile), weights,
                      pack);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return rowFormat(shape).depth / 8 * shape.weightBits * tile.outputs;
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    BitSerialTile(builder, op, isa).expand();
  }

private:
  /// Measured cycles of a pair of planes, as multiples of a popcount_add, and
  /// of the additions across lanes for each output.
  static constexpr double kPairCycles = 1.8;
  static constexpr double kAcrossCycles = 0.8;
};

} // namespace

ArrayRef<const Kernel *> getBitSerialKernels() {
  static const BitSerialKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
