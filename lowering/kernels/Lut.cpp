//===- Lut.cpp - constant tables of products, indexed by weights ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Codes of 1 and 2 bits, summed as LookupSums.h says. The g activation codes of
// one row select the table,
//
//   E[A][i] = sum over j < g of A_j * i_j,
//
// so a packed activation byte is the address of a table. All tables are
// constants: 64 bytes to 4 KB.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/LookupSums.h"

using namespace mlir;

namespace ulq {

namespace {

/// How codes of two widths meet in groups.
struct Grouping {
  int64_t weightBits;  // 1 or 2
  int64_t storageBits; // 1 or 2
  int64_t levels;      // weight codes are below it

  int64_t group() const { return 4 / weightBits; } // codes of one lookup
  int64_t tableBits() const { return group() * storageBits; }
  int64_t tables() const { return int64_t(1) << tableBits(); }
  /// Reduction elements of a step: whole weight bytes by whole row bytes.
  int64_t stepCodes() const { return std::max(2 * group(), 8 / storageBits); }
  int64_t stepWeightBytes() const { return stepCodes() / (2 * group()); }
  int64_t stepRowBytes() const { return stepCodes() * storageBits / 8; }

  /// Most reduction elements whose products one accumulator of `bits` bits
  /// holds, in whole steps.
  int64_t capacity(int64_t bits, int64_t maxCode) const {
    int64_t product = std::max<int64_t>(maxCode * (levels - 1), 1);
    int64_t codes = ((int64_t(1) << bits) - 1) / product;
    return codes / stepCodes() * stepCodes();
  }
};

class LutTile final : public LookupSums {
public:
  LutTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : LookupSums(builder, op, isa),
        grouping{int64_t(op.getWeightBits()), int64_t(op.getStorageBits()),
                 int64_t(op.getWeightLevels())} {}

  void expand() {
    LookupSums::expand(grouping.stepCodes(),
                       grouping.capacity(16, op.getMaxCode()));
  }

private:
  SmallVector<Value> sumBytes(Value from, Value to) override {
    SmallVector<Value> zeros(accumulators(), emit.zero(bytes));
    auto body = [&](Value step, ValueRange carried) {
      int64_t panelBytes = grouping.stepWeightBytes() * outputs;
      Pointer rhs =
          emit.advance({op.getRhs(), op.getRhsOffset()}, step, panelBytes);
      Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, step,
                                 grouping.stepRowBytes());
      SmallVector<Value> sums(carried);
      for (int64_t byte = 0; byte < grouping.stepWeightBytes(); ++byte) {
        SmallVector<Value> pairs;
        for (int64_t v = 0; v < vectors(); ++v)
          pairs.push_back(emit.load(
              bytes, emit.advance(rhs, byte * outputs + v * vectorBytes)));
        lookUpByte(sums, lhs, byte, pairs);
      }
      return sums;
    };
    return emit.loop(from, to, 1, zeros, body);
  }

  /// sums[row][v] += the lookups of weight byte number `byte` of a step.
  /// A row's two groups follow each other: LLVM may then add them in either
  /// order without keeping the products of other rows alive.
  void lookUpByte(MutableArrayRef<Value> sums, Pointer lhs, int64_t byte,
                  ArrayRef<Value> pairs) {
    SmallVector<Value> indices[2];
    for (Value pair : pairs)
      for (int64_t half = 0; half < 2; ++half)
        indices[half].push_back(emit.field(pair, 4 * half, 4));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t half = 0; half < 2; ++half) {
        int64_t bit = (2 * byte + half) * grouping.tableBits();
        Pointer from = emit.advance(lhs, row * op.getRowBytes() + bit / 8);
        Value table = loadTable(tableOffset(from, bit % 8));
        for (auto [v, index] : llvm::enumerate(indices[half])) {
          Value &sum = sums[row * vectors() + v];
          sum = emit.add(sum, lookUp(table, index));
        }
      }
  }

  /// The offset of the table that the codes at `shift` of a row byte select.
  Value tableOffset(Pointer from, int64_t shift) {
    Value byte = memref::LoadOp::create(emit.builder, emit.loc, from.buffer,
                                        from.offset);
    Value codes = arith::IndexCastUIOp::create(
        emit.builder, emit.loc, emit.builder.getIndexType(), byte);
    return emit.mul(emit.field(codes, shift, grouping.tableBits()),
                    vectorBytes);
  }

  Grouping grouping;
};

struct LutKernel final : Kernel {
  StringRef name() const override { return "lut"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::TableLookup};
    return ops;
  }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.storageBits > 2 || shape.weightBits > 2 || isa.lookupCycles == 0)
      return std::nullopt;
    Grouping grouping = groupingOf(shape);
    int64_t depth = rowFormat(shape).depth;
    if (shape.maxCode * (shape.weightLevels - 1) > INT32_MAX / depth)
      return std::nullopt;

    bool many = isa.vectorRegisters >= 32;
    bool widest = isa.vectorBytes == 64;
    TileLimits limits;
    limits.lanes = isa.vectorBytes;
    limits.vectors = 2;
    limits.accumulators = !many ? 8 : widest ? 14 : 12;
    limits.maxRows = widest ? 12 : 6;
    limits.narrowCost = 1.4;
    limits.smallRows = 2;
    Candidate tile = chooseTile(shape, limits);
    tile.narrowBits = 8;
    tile.flushInterval = grouping.capacity(8, shape.maxCode);

    // 1.4: measured cycles for a lookup with its addition, its share of the
    // table fetch and of the flushes.
    double padding = double(depth) / double(shape.taps * shape.channels);
    tile.cyclesPerMac *= 1.4 * padding * isa.lookupCycles /
                         double(isa.vectorBytes * grouping.group());
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t bytes = shape.taps * shape.tapBytes();
    int64_t depth = llvm::alignTo(bytes * shape.codesPerByte(),
                                  groupingOf(shape).stepCodes());
    return {/*expand=*/false, /*rowBytes=*/int64_t(llvm::alignTo(bytes, 64)),
            depth};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &isa,
                                   ArrayRef<int32_t> weights) const override {
    return packLookupPanels(shape, tile, isa, packedPanelBytes(shape, tile),
                            weights);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    int64_t weightBytes =
        rowFormat(shape).depth / (2 * groupingOf(shape).group());
    return weightBytes * tile.outputs;
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  SmallVector<uint8_t> tables(const LayerShape &shape,
                              const IsaTraits &isa) const override {
    Grouping grouping = groupingOf(shape);
    auto codeAt = [](int64_t tuple, int64_t j, int64_t bits) {
      return tuple >> (j * bits) & ((int64_t(1) << bits) - 1);
    };
    SmallVector<uint8_t> bytes;
    for (int64_t tuple = 0; tuple < grouping.tables(); ++tuple)
      for (int64_t index = 0; index < isa.vectorBytes; ++index) {
        int64_t sum = 0;
        for (int64_t j = 0; j < grouping.group(); ++j)
          sum += codeAt(tuple, j, grouping.storageBits) *
                 codeAt(index, j, grouping.weightBits);
        bytes.push_back(sum);
      }
    return bytes;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    LutTile(builder, op, isa).expand();
  }

private:
  static Grouping groupingOf(const LayerShape &shape) {
    return {shape.weightBits, shape.storageBits, shape.weightLevels};
  }
};

} // namespace

ArrayRef<const Kernel *> getLutKernels() {
  static const LutKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
