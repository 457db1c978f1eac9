//===- Nibble.cpp - lookups of 1-bit codes for two rows at once -----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Codes and weight codes of 1 bit, summed as LookupSums.h says. Sums of a group
// are at most 4, so a table entry holds those of two rows: the index byte A is
// four activation codes of row r in its low nibble and the same four of row
// r + 1 in its high one,
//
//   E[A][i] = popcount(i & A % 16) + 16 * popcount(i & A / 16),
//
// 256 constant tables, 4 KB. Three lookups are added before a nibble, at most
// 12, would pass 15; then the nibbles are split:
//
//   low   += c & 15     in bytes
//   mixed += c >> 4     in 16-bit lanes, no mask
//
// A lane of `mixed` is that of the sums of high nibbles, 256 * odd + even, plus
// 16 times the odd sum of low nibbles, which `low` holds: it is taken away once
// per flush. All sums of a byte are at most kBytesCapacity = 240, so a lane is
// at most 240 * (256 + 16 + 1) < 2^16.
//
// Rows come in pairs (`RowFormat::pairs`): 16 times the index byte, the offset
// of its table, for each group of four codes. A tile has an even number of
// rows; a surplus one is whatever stands in memory, as in every kernel.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/LookupSums.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kGroup = 4;        // codes of one row in a lookup
constexpr int64_t kStepBytes = 3;    // row and weight bytes of a step
constexpr int64_t kStepCodes = 24;   // reduction elements of a step
constexpr int64_t kSplitLookups = 3; // before a nibble overflows
constexpr int64_t kStepSplits = kStepCodes / kGroup / kSplitLookups;
/// Codes whose sum a byte holds, in whole steps.
constexpr int64_t kBytesCapacity = 255 / kStepCodes * kStepCodes;
constexpr int64_t kOffsetBytes = 2;

/// The expansion of one multiply_tile.
class NibbleTile final : public LookupSums {
public:
  NibbleTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : LookupSums(builder, op, isa) {}

  void expand() {
    LookupSums::expand(kStepCodes, UINT16_MAX / kStepCodes * kStepCodes);
  }

private:
  int64_t pairs() const { return rows / 2; }

  SmallVector<Value> sumBytes(Value from, Value to) override {
    int64_t count = pairs() * vectors();
    SmallVector<Value> zeros(count, emit.zero(bytes));
    zeros.append(count, emit.zero(halves));
    SmallVector<Value> sums =
        emit.loop(from, to, 1, zeros, [&](Value step, ValueRange carried) {
          SmallVector<Value> sums(carried);
          for (int64_t split = 0; split < kStepSplits; ++split)
            addSplit(sums, step, split);
          return sums;
        });
    return separate(sums);
  }

  /// Three lookups of every pair of rows.
  void addSplit(MutableArrayRef<Value> sums, Value step, int64_t split) {
    Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, step,
                               kStepBytes * kOffsetBytes);
    SmallVector<Value> groups[kSplitLookups];
    for (int64_t i = 0; i < kSplitLookups; ++i)
      groups[i] = loadGroup(step, split * kSplitLookups + i);
    for (int64_t pair = 0; pair < pairs(); ++pair) {
      SmallVector<Value> both(vectors());
      for (int64_t i = 0; i < kSplitLookups; ++i) {
        int64_t group = split * kSplitLookups + i;
        // Of a pair's two rows the first holds the first groups of all bytes.
        int64_t plane = (2 * pair + group % 2) * op.getRowBytes();
        Value table = loadTable(
            loadOffset(emit.advance(lhs, plane + group / 2 * kOffsetBytes)));
        for (auto [sum, index] : llvm::zip_equal(both, groups[i])) {
          Value entry = lookUp(table, index);
          sum = sum ? emit.add(sum, entry) : entry;
        }
      }
      for (auto [v, sum] : llvm::enumerate(both)) {
        Value &low = sums[pair * vectors() + v];
        Value &mixed = sums[(pairs() + pair) * vectors() + v];
        low = emit.add(low, emit.field(sum, 0, 4));
        mixed = emit.add(mixed, emit.shiftRight(emit.bitcast(sum, halves), 4));
      }
    }
  }

  Value loadOffset(Pointer from) {
    Value one = emit.load(emit.integers(1, 16), from);
    Value offset = vector::ExtractOp::create(emit.builder, emit.loc, one, 0);
    offset = arith::IndexCastUIOp::create(emit.builder, emit.loc,
                                          emit.builder.getIndexType(), offset);
    return emit.mul(offset, vectorBytes / kTableBytes);
  }

  /// The weight nibbles of a group of a step, for each vector of outputs.
  SmallVector<Value> loadGroup(Value step, int64_t group) {
    Pointer rhs = emit.advance({op.getRhs(), op.getRhsOffset()}, step,
                               kStepBytes * outputs);
    SmallVector<Value> nibbles;
    for (int64_t v = 0; v < vectors(); ++v) {
      Pointer from = emit.advance(rhs, group / 2 * outputs + v * vectorBytes);
      nibbles.push_back(
          emit.field(emit.load(bytes, from), group % 2 * kGroup, kGroup));
    }
    return nibbles;
  }

  /// Byte sums of every row.
  SmallVector<Value> separate(ArrayRef<Value> sums) {
    SmallVector<Value> result;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors(); ++v) {
        Value low = sums[row / 2 * vectors() + v];
        if (row % 2 == 0) {
          result.push_back(low);
          continue;
        }
        Value mixed = sums[(pairs() + row / 2) * vectors() + v];
        Value odd = arith::AndIOp::create(emit.builder, emit.loc,
                                          emit.bitcast(low, halves),
                                          emit.constant(halves, 0xFF00));
        Value high = arith::SubIOp::create(emit.builder, emit.loc, mixed,
                                           emit.shiftRight(odd, 4));
        result.push_back(emit.bitcast(high, bytes));
      }
    return result;
  }
};

struct NibbleKernel final : Kernel {
  StringRef name() const override { return "nibble"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::TableLookup};
    return ops;
  }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.storageBits != 1 || shape.maxCode > 1 || shape.weightBits != 1 ||
        isa.lookupCycles == 0)
      return std::nullopt;
    // A single row would leave half of every table entry unused.
    if (shape.rows < 2)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    if (depth > INT32_MAX)
      return std::nullopt;

    // Rows are counted in pairs, each vector of which has two accumulators.
    LayerShape inPairs = shape;
    inPairs.rows = llvm::divideCeil(shape.rows, 2);
    TileLimits limits;
    limits.lanes = isa.vectorBytes;
    limits.vectors = isa.vectorRegisters >= 32 ? 2 : 1;
    limits.accumulators = isa.vectorBytes == 64 ? 8 : 4;
    limits.maxRows = 4;
    limits.narrowCost = 1.05;
    limits.smallRows = 1;
    Candidate tile = chooseTile(inPairs, limits);
    tile.rows *= 2;
    tile.narrowBits = 8;
    tile.flushInterval = kBytesCapacity;

    // 2.1: measured cycles for a lookup with its share of the additions, of
    // the splits and of the table fetch.
    double padding = double(depth) / double(shape.taps * shape.channels) *
                     double(llvm::alignTo(shape.rows, tile.rows)) /
                     double(shape.rows);
    tile.cyclesPerMac *=
        2.1 * padding * isa.lookupCycles / double(isa.vectorBytes * 2 * kGroup);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t depth =
        llvm::alignTo(shape.taps * shape.tapBytes() * 8, kStepCodes);
    int64_t rowBytes = llvm::alignTo(depth / 8, 64) * kOffsetBytes;
    return {/*expand=*/false, rowBytes, depth, /*pairs=*/true};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &isa,
                                   ArrayRef<int32_t> weights) const override {
    return packLookupPanels(shape, tile, isa, packedPanelBytes(shape, tile),
                            weights);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return rowFormat(shape).depth / 8 * tile.outputs;
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  SmallVector<uint8_t> tables(const LayerShape &,
                              const IsaTraits &isa) const override {
    SmallVector<uint8_t> bytes;
    for (unsigned rows = 0; rows < 256; ++rows)
      for (unsigned index = 0; index < isa.vectorBytes; ++index)
        bytes.push_back(llvm::popcount(index & rows % 16) +
                        16 * llvm::popcount(index & rows / 16));
    return bytes;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    NibbleTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getNibbleKernels() {
  static const NibbleKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
