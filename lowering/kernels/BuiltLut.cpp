//===- BuiltLut.cpp - tables of sums of activations, indexed by weights ---===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Layers of few rows. Codes of a row are taken in groups of four, each with a
// table that is built once per row, before all panels,
//
//   T[i] = sum over j < 4 of x_j * bit j of i,
//
// and weights in bit planes: four bits of one plane are the index. Activation
// codes of more than 4 bits are taken apart into low and high bits with a table
// each, so that an entry is at most 60 and sums of several stay in bytes. The
// result is the sum of planes and parts, shifted to their places.
//
// A body of the loop sums as many lookups in bytes as they hold, then adds them
// to 16-bit lanes as LookupSums.h does: pairs of bytes, and their odd bytes
// apart. These stay in registers until 16 bits are full.
//
// Panel: [depth / 8][planes][vectors][vectorBytes], nibbles and outputs in the
// order of LookupSums.h. Tables of a row: [depth / 4][parts][16].
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/LookupSums.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kGroup = 4;    // codes of one lookup
constexpr int64_t kStep = 8;     // codes of one weight byte
constexpr int64_t kMaxSteps = 8; // of a body, most that is unrolled

/// For more rows it pays to share what is read.
constexpr int64_t kMostRows = 4;

/// How codes up to a maximum are taken apart, and what follows for the sums.
struct Parts {
  int64_t bits; // of a code

  explicit Parts(int64_t maxCode)
      : bits(llvm::Log2_64(std::max<int64_t>(maxCode, 1)) + 1) {}

  int64_t count() const { return bits > 4 ? 2 : 1; }
  int64_t partBits() const { return llvm::divideCeil(bits, count()); }
  int64_t maxPart() const { return (int64_t(1) << partBits()) - 1; }
  int64_t groupBytes() const { return count() * kTableBytes; }
  /// Steps of a body, and the codes that their byte sums hold.
  int64_t steps() const {
    return std::min(255 / (maxPart() * kStep), kMaxSteps);
  }
  int64_t bodyCodes() const { return steps() * kStep; }
  /// Bodies whose sums 16 bits hold.
  int64_t bodies() const { return 65535 / (maxPart() * bodyCodes()); }
};

class BuiltLutTile {
public:
  BuiltLutTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), vectorBytes(isa.vectorBytes),
        bytes(emit.integers(vectorBytes, 8)),
        halves(emit.integers(vectorBytes / 2, 16)), parts(op.getMaxCode()),
        planes(op.getWeightBits()) {}

  void expand() {
    int64_t bodies = int64_t(op.getDepth()) / parts.bodyCodes();
    int64_t most = parts.bodies();
    for (int64_t row = 0; row < rows; ++row) {
      if (bodies <= most) {
        widen(row, sumHalves(row, emit.index(0), emit.index(bodies)), false);
        continue;
      }
      for (int64_t i = 0; i < 4 * vectors(); ++i)
        emit.store(emit.zero(words()),
                   emit.advance(place(row, 0), i * vectorBytes));
      Value end = emit.index(bodies);
      emit.loop(emit.index(0), end, most, [&](Value first) {
        Value last = arith::MinUIOp::create(emit.builder, emit.loc, end,
                                            emit.add(first, most));
        widen(row, sumHalves(row, first, last), true);
      });
    }
    op.erase();
  }

private:
  int64_t vectors() const { return outputs / vectorBytes; }
  VectorType words() { return emit.integers(vectorBytes / 4, 32); }
  /// Sums of bytes: [planes][parts][vectors].
  int64_t sums() const { return planes * parts.count() * vectors(); }

  /// The 16-bit sums of bodies [from, to): those of all byte pairs, then those
  /// of their odd bytes.
  SmallVector<Value> sumHalves(int64_t row, Value from, Value to) {
    SmallVector<Value> zeros(2 * sums(), emit.zero(halves));
    return emit.loop(from, to, 1, zeros, [&](Value body, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (auto [i, sum] : llvm::enumerate(sumBody(row, body))) {
        Value lanes = emit.bitcast(sum, halves);
        next[i] = emit.add(next[i], lanes);
        next[sums() + i] =
            emit.add(next[sums() + i], emit.shiftRight(lanes, 8));
      }
      return next;
    });
  }

  /// The byte sums of one body.
  SmallVector<Value> sumBody(int64_t row, Value body) {
    int64_t stepBytes = planes * outputs;
    Pointer rhs = emit.advance({op.getRhs(), op.getRhsOffset()}, body,
                               parts.steps() * stepBytes);
    Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, body,
                               parts.bodyCodes() / kGroup * parts.groupBytes());
    lhs = emit.advance(lhs, row * op.getRowBytes());
    SmallVector<Value> result(sums());
    for (int64_t step = 0; step < parts.steps(); ++step)
      addStep(emit.advance(lhs, 2 * step * parts.groupBytes()),
              emit.advance(rhs, step * stepBytes), result);
    return result;
  }

  void addStep(Pointer lhs, Pointer rhs, MutableArrayRef<Value> result) {
    SmallVector<Value> tables; // [halves][parts]
    for (int64_t i = 0; i < 2 * parts.count(); ++i)
      tables.push_back(
          emit.loadTable(bytes, emit.advance(lhs, i * kTableBytes)));
    for (int64_t plane = 0; plane < planes; ++plane)
      for (int64_t v = 0; v < vectors(); ++v) {
        int64_t at = plane * outputs + v * vectorBytes;
        Value pair = emit.load(bytes, emit.advance(rhs, at));
        for (int64_t half = 0; half < 2; ++half) {
          Value index = emit.field(pair, 4 * half, 4);
          for (int64_t part = 0; part < parts.count(); ++part) {
            Value found = TableLookupOp::create(
                emit.builder, emit.loc, bytes,
                tables[half * parts.count() + part], index);
            Value &sum = result[(plane * parts.count() + part) * vectors() + v];
            sum = sum ? emit.add(sum, found) : found;
          }
        }
      }
  }

  Pointer place(int64_t row, int64_t vector) {
    return emit.advance({op.getTarget(), op.getTargetOffset()},
                        (row * vectors() + vector) * vectorBytes * 4);
  }

  /// i32 results from 16-bit sums, added to what is there if `more`.
  void widen(int64_t row, ArrayRef<Value> narrow, bool more) {
    VectorType wide = emit.integers(vectorBytes / 2, 32);
    for (int64_t v = 0; v < vectors(); ++v)
      for (int64_t half = 0; half < 2; ++half) {
        Pointer to = emit.advance(place(row, v), half * 2 * vectorBytes);
        Value total = more ? emit.load(wide, to) : Value();
        for (int64_t plane = 0; plane < planes; ++plane)
          for (int64_t part = 0; part < parts.count(); ++part) {
            int64_t i = (plane * parts.count() + part) * vectors() + v;
            Value sum = narrow[sums() + i];
            if (half == 0)
              sum = emit.subtract(narrow[i], emit.shiftLeft(sum, 8));
            sum = arith::ExtUIOp::create(emit.builder, emit.loc, wide, sum);
            sum = emit.shiftLeft(sum, plane + part * parts.partBits());
            total = total ? emit.add(total, sum) : sum;
          }
        emit.store(total, to);
      }
  }

  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, vectorBytes;
  VectorType bytes, halves;
  Parts parts;
  int64_t planes;
};

/// The expansion of one build_tables: as many groups at a time as a vector has
/// tables.
struct TableBuilder {
  Emitter emit;
  BuildTablesOp op;
  int64_t vectorBytes;
  VectorType bytes;
  Parts parts;

  TableBuilder(OpBuilder &builder, BuildTablesOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), vectorBytes(isa.vectorBytes),
        bytes(emit.integers(vectorBytes, 8)), parts(op.getMaxCode()) {}

  int64_t lanes() const { return vectorBytes / kTableBytes; }

  void expand() {
    int64_t codes = kGroup * lanes(); // of a vector
    Value vectors = emit.index(llvm::divideCeil(int64_t(op.getDepth()), codes));
    emit.loop(emit.index(0), op.getRows(), 1, [&](Value row) {
      Pointer source =
          emit.advance({op.getMemory(), op.getSource()}, row, op.getRowBytes());
      Pointer target = emit.advance({op.getMemory(), op.getTarget()}, row,
                                    op.getTableBytes());
      emit.loop(emit.index(0), vectors, 1, [&](Value i) {
        buildVector(emit.advance(source, i, codes),
                    emit.advance(target, i, lanes() * parts.groupBytes()));
      });
    });
    op.erase();
  }

  void buildVector(Pointer source, Pointer target) {
    Value codes = emit.load(emit.integers(kGroup * lanes(), 8), source);
    SmallVector<int64_t> repeat;
    for (int64_t i = 0; i < vectorBytes; ++i)
      repeat.push_back(i % (kGroup * lanes()));
    codes =
        vector::ShuffleOp::create(emit.builder, emit.loc, codes, codes, repeat);
    for (int64_t part = 0; part < parts.count(); ++part) {
      Value tables = tablesOf(
          emit.field(codes, part * parts.partBits(), parts.partBits()));
      // Tables of one group follow each other.
      for (int64_t lane = 0; lane < lanes(); ++lane) {
        Value table = vector::ExtractStridedSliceOp::create(
            emit.builder, emit.loc, tables, lane * kTableBytes, kTableBytes, 1);
        emit.store(table, emit.advance(target, lane * parts.groupBytes() +
                                                   part * kTableBytes));
      }
    }
  }

  /// The table of the lane's group in every lane; `codes` repeats the codes of
  /// all groups, which are at most 16.
  Value tablesOf(Value codes) {
    Value sum;
    for (int64_t j = 0; j < kGroup; ++j) {
      SmallVector<int8_t> places, masks;
      for (int64_t i = 0; i < vectorBytes; ++i) {
        places.push_back(i / kTableBytes * kGroup + j);
        masks.push_back(i >> j & 1 ? -1 : 0);
      }
      Value code = TableLookupOp::create(emit.builder, emit.loc, bytes, codes,
                                         constant(places));
      Value term =
          arith::AndIOp::create(emit.builder, emit.loc, code, constant(masks));
      sum = sum ? emit.add(sum, term) : term;
    }
    return sum;
  }

  Value constant(ArrayRef<int8_t> values) {
    return arith::ConstantOp::create(emit.builder, emit.loc,
                                     DenseElementsAttr::get(bytes, values));
  }
};

struct BuiltLutKernel final : Kernel {
  StringRef name() const override { return "built_lut"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::TableLookup};
    return ops;
  }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.codeBits > 8 || shape.weightBits > 4 || shape.rows > kMostRows ||
        shape.computed || isa.lookupCycles == 0)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    int64_t product = shape.maxCode * (shape.weightLevels - 1);
    if (product > INT32_MAX / depth)
      return std::nullopt;

    Parts parts(shape.maxCode);
    int64_t tables = parts.count() * shape.weightBits;
    TileLimits limits;
    limits.lanes = isa.vectorBytes;
    // Three registers for each sum: of bytes, and two of 16-bit lanes.
    limits.vectors = std::max<int64_t>(
        isa.vectorRegisters / 4 / int64_t(llvm::PowerOf2Ceil(tables)), 1);
    limits.accumulators = 1;
    limits.maxRows = 1;
    limits.narrowCost = 1.1;
    limits.smallRows = 0;
    Candidate tile = chooseTile(shape, limits);
    tile.narrowBits = 8;
    tile.flushInterval = parts.bodyCodes();
    tile.narrowProduct = parts.maxPart();

    // Per weight byte of a plane: its nibbles, then for each part two lookups
    // with their additions and a share of adding up the bytes.
    double part = 2.0 * isa.lookupCycles + 1.0 + 1.5 / double(parts.steps());
    double cycles = 1.5 + double(parts.count()) * part;
    double padding = double(depth) / double(shape.taps * shape.channels);
    tile.cyclesPerMac *=
        padding * shape.weightBits * cycles / double(kStep * isa.vectorBytes);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t codes = shape.taps * shape.tapBytes() * shape.codesPerByte();
    int64_t depth = llvm::alignTo(codes, Parts(shape.maxCode).bodyCodes());
    return {/*expand=*/true, /*rowBytes=*/int64_t(llvm::alignTo(depth, 64)),
            depth};
  }

  int64_t tableBytes(const LayerShape &shape) const override {
    // Whole vectors of 16 codes are built.
    int64_t codes = llvm::alignTo(rowFormat(shape).depth, 16);
    return codes / kGroup * Parts(shape.maxCode).groupBytes();
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &isa,
                                   ArrayRef<int32_t> weights) const override {
    SmallVector<int64_t> order =
        expandedOrder(shape.channels, shape.storageBits);
    auto pack = [&](MutableArrayRef<uint8_t> panel, int64_t lane,
                    ArrayRef<int32_t> weights) {
      int64_t place = lookupPlace(lane, isa.vectorBytes), k = 0;
      for (int64_t tap = 0; tap < shape.taps; ++tap)
        for (int64_t channel : order) {
          int64_t at = k++;
          if (channel < 0)
            continue;
          int32_t weight = weights[tap * shape.channels + channel];
          int32_t code = (weight - shape.weightBase) / shape.weightStep;
          for (int64_t plane = 0; plane < shape.weightBits; ++plane)
            panel[(at / kStep * shape.weightBits + plane) * tile.outputs +
                  place] |= (code >> plane & 1) << at % kStep;
        }
    };
    return packPanels(shape, tile, packedPanelBytes(shape, tile), weights,
                      pack);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return rowFormat(shape).depth / kStep * shape.weightBits * tile.outputs;
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  void expandTables(OpBuilder &builder, BuildTablesOp op,
                    const IsaTraits &isa) const override {
    TableBuilder(builder, op, isa).expand();
  }
  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    BuiltLutTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getBuiltLutKernels() {
  static const BuiltLutKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
