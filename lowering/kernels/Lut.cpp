//===- Lut.cpp - constant tables of products, indexed by weights ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Codes of 1 and 2 bits. A group is g weight codes that fill 4 bits (g = 4 for
// 1-bit weights, 2 for 2-bit weights); its bits are the index of a 16-byte
// table. The g activation codes of one row select the table,
//
//   E[A][i] = sum over j < g of A_j * i_j,
//
// so a packed activation byte is the address of a table and one table_lookup
// yields g products for each byte of a vector of outputs. All tables are
// constants: 64 bytes to 4 KB.
//
// Sums are kept in bytes for `flushInterval` reduction elements, then in 16
// bits, and, where the depth needs it, in 32 bits. Nothing is multiplied: a
// vector multiply would lower the clock of the whole kernel.
//
// Panel: [depth / 2g][vectors][vectorBytes]; the low nibble of a byte is group
// 2j, the high one group 2j + 1. Even bytes of a vector are its first half of
// outputs, odd bytes its second half: splitting 16-bit lanes by shifts then
// gives each half in order.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/Emitter.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kTableBytes = 16;

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

/// The expansion of one multiply_tile.
struct LutTile {
  Emitter emit;
  MultiplyTileOp op;
  Grouping grouping;
  int64_t rows, outputs, vectorBytes;
  VectorType bytes, halves;

  LutTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op),
        grouping{int64_t(op.getWeightBits()), int64_t(op.getStorageBits()),
                 int64_t(op.getWeightLevels())},
        rows(op.getKernel().getRows()), outputs(op.getKernel().getOutputs()),
        vectorBytes(isa.vectorBytes), bytes(emit.integers(vectorBytes, 8)),
        halves(emit.integers(vectorBytes / 2, 16)) {}

  int64_t vectors() const { return outputs / vectorBytes; }
  int64_t accumulators() const { return rows * vectors(); }

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
        Value table = loadTable(from, bit % 8);
        for (auto [v, index] : llvm::enumerate(indices[half])) {
          Value &sum = sums[row * vectors() + v];
          sum = emit.add(sum, TableLookupOp::create(emit.builder, emit.loc,
                                                    bytes, table, index));
        }
      }
  }

  /// The table that the codes at `shift` of an activation byte select, in
  /// every 16-byte lane.
  Value loadTable(Pointer from, int64_t shift) {
    Value byte = memref::LoadOp::create(emit.builder, emit.loc, from.buffer,
                                        from.offset);
    Value codes = arith::IndexCastUIOp::create(
        emit.builder, emit.loc, emit.builder.getIndexType(), byte);
    Value number = emit.field(codes, shift, grouping.tableBits());
    Pointer place = emit.advance({op.getTables(), op.getTablesOffset()}, number,
                                 kTableBytes);
    Value lane = emit.load(emit.integers(kTableBytes, 8), place);
    SmallVector<int64_t> repeat;
    for (int64_t i = 0; i < vectorBytes; ++i)
      repeat.push_back(i % kTableBytes);
    return vector::ShuffleOp::create(emit.builder, emit.loc, lane, lane,
                                     repeat);
  }

  /// Byte sums over reduction elements [from, to).
  SmallVector<Value> sumBytes(Value from, Value to) {
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

  /// Where the 16-bit sums of one accumulator stand: the sums of byte pairs,
  /// then those of their odd bytes. They take half of the room of its i32
  /// results.
  Pointer place(Pointer tile, int64_t i) {
    return emit.advance(tile, i * vectorBytes * 4);
  }

  /// pairs += sums as 16-bit lanes, odd += their high bytes. Pair sums may
  /// wrap: what is read out is their difference from the odd ones.
  void flush(ArrayRef<Value> sums, Pointer narrow) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Pointer pairs = place(narrow, i);
      Pointer odd = emit.advance(pairs, vectorBytes);
      Value lanes = emit.bitcast(sum, halves);
      emit.store(emit.add(emit.load(halves, pairs), lanes), pairs);
      emit.store(emit.add(emit.load(halves, odd), emit.shiftRight(lanes, 8)),
                 odd);
    }
  }

  /// 16-bit sums over steps [from, to), left in `narrow`.
  void sumHalves(Value from, Value to, Pointer narrow) {
    for (int64_t i = 0; i < accumulators(); ++i)
      for (int64_t part = 0; part < 2; ++part)
        emit.store(emit.zero(halves),
                   emit.advance(place(narrow, i), part * vectorBytes));
    int64_t interval = int64_t(op.getFlushInterval()) / grouping.stepCodes();
    auto body = [&](Value first) {
      Value last = arith::MinUIOp::create(emit.builder, emit.loc, to,
                                          emit.add(first, interval));
      flush(sumBytes(first, last), narrow);
    };
    emit.loop(from, to, interval, body);
  }

  /// i32 results from the 16-bit sums, added to what is there if `more`.
  void widen(Pointer narrow, Pointer target, bool more) {
    VectorType words = emit.integers(vectorBytes / 2, 32);
    for (int64_t i = 0; i < accumulators(); ++i) {
      Value pairs = emit.load(halves, place(narrow, i));
      Value odd =
          emit.load(halves, emit.advance(place(narrow, i), vectorBytes));
      Value even = arith::SubIOp::create(emit.builder, emit.loc, pairs,
                                         emit.shiftLeft(odd, 8));
      Pointer to = place(target, i);
      for (Value half : {even, odd}) {
        Value sum = arith::ExtUIOp::create(emit.builder, emit.loc, words, half);
        if (more)
          sum = emit.add(sum, emit.load(words, to));
        emit.store(sum, to);
        to = emit.advance(to, 2 * vectorBytes);
      }
    }
  }

  /// Scratch on the stack, allocated once at the function's entry.
  Pointer allocate(int64_t size) {
    OpBuilder::InsertionGuard guard(emit.builder);
    Operation *function =
        op->getParentWithTrait<OpTrait::AutomaticAllocationScope>();
    emit.builder.setInsertionPointToStart(&function->getRegion(0).front());
    Type byte = emit.builder.getI8Type();
    Value buffer = memref::AllocaOp::create(emit.builder, emit.loc,
                                            MemRefType::get({size}, byte));
    auto dynamic = MemRefType::get({ShapedType::kDynamic}, byte);
    buffer = memref::CastOp::create(emit.builder, emit.loc, dynamic, buffer);
    return {buffer, emit.index(0)};
  }

  void expand() {
    int64_t steps = int64_t(op.getDepth()) / grouping.stepCodes();
    int64_t chunk =
        grouping.capacity(16, op.getMaxCode()) / grouping.stepCodes();
    Pointer target{op.getTarget(), op.getTargetOffset()};
    if (steps <= chunk) {
      sumHalves(emit.index(0), emit.index(steps), target);
      widen(target, target, /*more=*/false);
      op.erase();
      return;
    }
    // The depth exceeds 16-bit sums: the target keeps 32-bit ones between
    // chunks, so the 16-bit ones need a place of their own.
    Pointer narrow = allocate(accumulators() * vectorBytes * 4);
    VectorType words = emit.integers(vectorBytes / 4, 32);
    for (int64_t i = 0; i < 4 * accumulators(); ++i)
      emit.store(emit.zero(words), emit.advance(target, i * vectorBytes));
    auto body = [&](Value first) {
      Value last = arith::MinUIOp::create(
          emit.builder, emit.loc, emit.index(steps), emit.add(first, chunk));
      sumHalves(first, last, narrow);
      widen(narrow, target, /*more=*/true);
    };
    emit.loop(emit.index(0), emit.index(steps), chunk, body);
    op.erase();
  }
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
    Grouping grouping = groupingOf(shape);
    int64_t tapCodes = shape.tapBytes() * shape.codesPerByte();
    auto pack = [&](MutableArrayRef<uint8_t> panel, int64_t lane,
                    ArrayRef<int32_t> weights) {
      int64_t place = bytePlace(lane, isa.vectorBytes);
      for (int64_t i = 0, e = weights.size(); i < e; ++i) {
        int64_t k = i / shape.channels * tapCodes + i % shape.channels;
        int64_t group = k / grouping.group();
        int64_t shift =
            group % 2 * 4 + k % grouping.group() * grouping.weightBits;
        int32_t code = (weights[i] - shape.weightBase) / shape.weightStep;
        panel[group / 2 * tile.outputs + place] |= code << shift;
      }
    };
    return packPanels(shape, tile, packedPanelBytes(shape, tile), weights,
                      pack);
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

  SmallVector<uint8_t> tables(const LayerShape &shape) const override {
    Grouping grouping = groupingOf(shape);
    auto codeAt = [](int64_t tuple, int64_t j, int64_t bits) {
      return tuple >> (j * bits) & ((int64_t(1) << bits) - 1);
    };
    SmallVector<uint8_t> bytes;
    for (int64_t tuple = 0; tuple < grouping.tables(); ++tuple)
      for (int64_t index = 0; index < kTableBytes; ++index) {
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

  /// The byte of a panel step that belongs to output `lane`.
  static int64_t bytePlace(int64_t lane, int64_t vectorBytes) {
    int64_t within = lane % vectorBytes, half = vectorBytes / 2;
    return lane - within + within % half * 2 + within / half;
  }
};

} // namespace

const Kernel &getLutKernel() {
  static const LutKernel kernel;
  return kernel;
}

} // namespace ulq
