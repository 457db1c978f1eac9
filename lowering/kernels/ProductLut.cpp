//===- ProductLut.cpp - one product for each looked up byte ---------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// The algorithm of DeepGEMM (Ganji et al., 2023), kept as the published
// baseline: one constant table of 16 products,
//
//   E[w << activation bits | x] = w * x,
//
// indexed by codes of a row and of an output, both 1 or 2 bits wide. Packed
// vectors of either run along the depth; their fields are brought to the low
// bits, joined by an OR, looked up and added, as DepthSums.h says.
//
// A step is as many whole vectors of a row and of an output as hold the same
// number of codes. Product u of a byte takes field u of the row's vectors,
// counted from one vector to the next, and field u of the output's. Panel:
// [outputs][steps][vectors of weights].
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DepthSums.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kEntries = 16;

/// Codes of one width in the vectors of a step of `products` products a byte.
struct Fields {
  int64_t bits, products;

  int64_t perByte() const { return 8 / bits; }
  int64_t vectors() const { return products / perByte(); }
};

/// How codes of two widths meet.
struct Step {
  int64_t products; // of each byte
  Fields row, output;

  Step(int64_t storageBits, int64_t weightBits)
      : products(8 / std::min(storageBits, weightBits)),
        row{storageBits, products}, output{weightBits, products} {}
};

/// The expansion of one multiply_tile.
class ProductTile final : public DepthSums {
public:
  ProductTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : DepthSums(builder, op, isa),
        step(op.getStorageBits(), op.getWeightBits()) {}

  void expand() {
    table = emit.loadTable(bytes, {op.getTables(), op.getTablesOffset()});
    DepthSums::expand(steps(), step.products);
  }

private:
  int64_t steps() {
    return llvm::divideCeil(int64_t(op.getDepth()),
                            vectorBytes * step.products);
  }

  SmallVector<Value> sumBytes(Value number, Value from, Value to) override {
    int64_t stepBytes = step.output.vectors() * vectorBytes;
    int64_t outputBytes = steps() * stepBytes;
    auto body = [&](Value at, ValueRange carried) {
      SmallVector<Value> sums(carried);
      SmallVector<Pointer> weights, codes;
      for (int64_t output = 0; output < block; ++output)
        weights.push_back(
            emit.advance(panel(number, output, outputBytes), at, stepBytes));
      for (int64_t i = 0; i < rows; ++i)
        codes.push_back(
            emit.advance(row(i), at, step.row.vectors() * vectorBytes));
      for (int64_t product = 0; product < step.products; ++product)
        addProduct(sums, codes, weights, product);
      return sums;
    };
    SmallVector<Value> zeros(accumulators(), emit.zero(bytes));
    return emit.loop(from, to, 1, zeros, body);
  }

  /// sums[row][output] += product number `product` of every byte.
  void addProduct(MutableArrayRef<Value> sums, ArrayRef<Pointer> codes,
                  ArrayRef<Pointer> weights, int64_t product) {
    SmallVector<Value> high;
    for (Pointer from : weights)
      high.push_back(load(from, step.output, product, step.row.bits));
    for (int64_t i = 0; i < rows; ++i) {
      Value low = load(codes[i], step.row, product, 0);
      for (auto [output, weight] : llvm::enumerate(high)) {
        Value &sum = sums[i * block + output];
        Value entry = TableLookupOp::create(emit.builder, emit.loc, bytes,
                                            table, emit.bitOr(low, weight));
        sum = emit.add(sum, entry);
      }
    }
  }

  /// Field `product` of the vectors at `from`, moved to bit `place`.
  Value load(Pointer from, const Fields &fields, int64_t product,
             int64_t place) {
    int64_t vector = product / fields.perByte();
    int64_t bit = product % fields.perByte() * fields.bits;
    Value packed = emit.load(bytes, emit.advance(from, vector * vectorBytes));
    Value moved = bit >= place ? emit.shiftRight(packed, bit - place)
                               : emit.shiftLeft(packed, place - bit);
    int64_t mask = ((1 << fields.bits) - 1) << place;
    return emit.bitAnd(moved, emit.constant(bytes, mask));
  }

  Step step;
  Value table;
};

struct ProductLutKernel final : Kernel {
  StringRef name() const override { return "product_lut"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::TableLookup, RegisterOp::Dot4};
    return ops;
  }
  bool baseline() const override { return true; }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.storageBits > 2 || shape.weightBits > 2)
      return std::nullopt;
    int64_t product =
        std::max<int64_t>(shape.maxCode * (shape.weightLevels - 1), 1);
    int64_t depth = rowFormat(shape).depth;
    if (product > INT32_MAX / depth)
      return std::nullopt;
    Candidate tile = chooseTile(shape, depthLimits(isa));
    tile.narrowBits = 8;
    int64_t products = stepOf(shape).products;
    tile.flushInterval = UINT8_MAX / product / products * products;

    // A product is an OR, a lookup and an addition; 1.7: with its share of the
    // unpacking and of the sums across lanes.
    double padding = double(depth) / double(shape.taps * shape.channels);
    tile.cyclesPerMac *=
        1.7 * padding * isa.lookupCycles / double(isa.vectorBytes);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    // Whole steps of vectors of any length.
    int64_t stepBytes = 64 * stepOf(shape).row.vectors();
    int64_t rowBytes = llvm::alignTo(shape.taps * shape.tapBytes(), stepBytes);
    return {/*expand=*/false, rowBytes, rowBytes * shape.codesPerByte()};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &isa,
                                   ArrayRef<int32_t> weights) const override {
    Step step = stepOf(shape);
    int64_t perByte = shape.codesPerByte();
    int64_t tapCodes = shape.tapBytes() * perByte;
    int64_t outputBytes = packedPanelBytes(shape, tile) / tile.outputs;
    int64_t stepRowBytes = step.row.vectors() * isa.vectorBytes;
    int64_t stepBytes = step.output.vectors() * isa.vectorBytes;
    auto pack = [&](MutableArrayRef<uint8_t> panel, int64_t lane,
                    ArrayRef<int32_t> weights) {
      for (int64_t i = 0, e = weights.size(); i < e; ++i) {
        int64_t k = i / shape.channels * tapCodes + i % shape.channels;
        int64_t within = k / perByte % stepRowBytes;
        int64_t product = within / isa.vectorBytes * perByte + k % perByte;
        int64_t vector = product / step.output.perByte();
        int64_t bit = product % step.output.perByte() * shape.weightBits;
        int64_t byte = k / perByte / stepRowBytes * stepBytes +
                       vector * isa.vectorBytes + within % isa.vectorBytes;
        int32_t code = (weights[i] - shape.weightBase) / shape.weightStep;
        panel[lane * outputBytes + byte] |= code << bit;
      }
    };
    return packPanels(shape, tile, packedPanelBytes(shape, tile), weights,
                      pack);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return rowFormat(shape).depth * shape.weightBits / 8 * tile.outputs;
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  SmallVector<uint8_t> tables(const LayerShape &shape,
                              const IsaTraits &) const override {
    SmallVector<uint8_t> entries(kEntries, 0);
    for (int64_t w = 0; w < 1 << shape.weightBits; ++w)
      for (int64_t x = 0; x < 1 << shape.storageBits; ++x)
        entries[w << shape.storageBits | x] = w * x;
    return entries;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    ProductTile(builder, op, isa).expand();
  }

private:
  static Step stepOf(const LayerShape &shape) {
    return {shape.storageBits, shape.weightBits};
  }
};

} // namespace

ArrayRef<const Kernel *> getProductLutKernels() {
  static const ProductLutKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
