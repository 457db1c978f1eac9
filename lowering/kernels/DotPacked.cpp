//===- DotPacked.cpp - products of bytes with weights as they are packed --===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Layers of few rows, weights of up to 4 bits: every weight is read once, so
// speed is that of the memory. Panels are those of "dot" at their packed width,
// and codes are taken apart in registers.
//
// A code need not come down to the lowest bits of its byte: dot4 multiplies the
// masked field, code << shift, and because every accumulator always meets the
// same field, one shift at the end takes the factor away. That leaves one mask
// for each dot4. The field with the sign bit is -128 * code for 1-bit codes and
// is shifted down for wider ones. Sums have 24 bits this way; deeper layers,
// and an ISA whose dot4 has narrow products of its own, shift all fields.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kDot = 4; // bytes of one product

/// For more rows panels are better unpacked once.
constexpr int64_t kMostRows = 32;

/// Bits of sums of codes that stand up to 7 bits above the lowest one.
constexpr int64_t kFieldSumBits = 24;

CodePanel panelOf(int64_t weightBits, int64_t depth, int64_t outputs) {
  return CodePanel(weightBits, depth * outputs);
}

/// The expansion of one multiply_tile. The loop goes over units of whole chunks
/// and whole steps of four reduction elements; the last unit may go beyond the
/// depth, where rows are zero.
class DotPackedTile {
public:
  DotPackedTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), vectorBytes(isa.vectorBytes),
        bytes(emit.integers(vectorBytes, 8)),
        words(emit.integers(vectorBytes / kDot, 32)),
        panel(panelOf(op.getWeightBits(), op.getDepth(), outputs)),
        inPlace(op.getNarrowBits() == kFieldSumBits &&
                op.getFlushInterval() >= op.getDepth()) {}

  void expand() {
    // In place, each vector of a unit has sums of its own; the steps of a unit
    // share them otherwise.
    SmallVector<Value> sums(rows * sumsPerRow(), emit.zero(words));
    Value units = emit.index(llvm::divideCeil(panel.codes, unit()));
    sums = emit.loop(emit.index(0), units, 1, sums,
                     [&](Value number, ValueRange carried) {
                       SmallVector<Value> next(carried);
                       addUnit(number, next);
                       return next;
                     });
    Pointer target{op.getTarget(), op.getTargetOffset()};
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors(); ++v) {
        Value sum;
        for (int64_t i = v; i < sumsPerRow(); i += vectors()) {
          Value part = codeSums(sums[row * sumsPerRow() + i], i * vectorBytes);
          sum = sum ? emit.add(sum, part) : part;
        }
        emit.store(sum,
                   emit.advance(target, (row * vectors() + v) * vectorBytes));
      }
    op.erase();
  }

private:
  int64_t stepBytes() const { return outputs * kDot; }
  int64_t vectors() const { return stepBytes() / vectorBytes; }
  int64_t unit() const { return std::max(panel.codesPerChunk(), stepBytes()); }
  int64_t sumsPerRow() const {
    return inPlace ? unit() / vectorBytes : vectors();
  }

  /// Sums += the products of unit `number`.
  void addUnit(Value number, MutableArrayRef<Value> sums) {
    int64_t unitBytes = unit() / panel.codesPerChunk() * CodePanel::kChunkBytes;
    Pointer rhs =
        emit.advance({op.getRhs(), op.getRhsOffset()}, number, unitBytes);
    Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, number,
                               unit() / outputs);
    DenseMap<int64_t, Value> loaded;
    SmallVector<Value> codes(rows);
    int64_t maxLhs = std::clamp<int64_t>(op.getMaxCode(), 1, 255);
    int64_t maxRhs = inPlace ? 128 : int64_t(op.getWeightLevels()) - 1;
    for (int64_t at = 0; at < unit(); at += vectorBytes) {
      if (at % stepBytes() == 0)
        for (int64_t row = 0; row < rows; ++row)
          codes[row] = rowCodes(lhs, row, at / outputs);
      Value weights = weightsAt(rhs, at, loaded);
      for (int64_t row = 0; row < rows; ++row) {
        int64_t i = at / vectorBytes % sumsPerRow();
        Value &sum = sums[row * sumsPerRow() + i];
        sum = Dot4Op::create(emit.builder, emit.loc, words, sum, codes[row],
                             weights, maxLhs, std::max<int64_t>(maxRhs, 1));
      }
    }
  }

  /// Four codes of a row, in every lane.
  Value rowCodes(Pointer lhs, int64_t row, int64_t step) {
    Pointer from = emit.advance(lhs, row * op.getRowBytes() + step);
    return emit.bitcast(emit.loadSplat(words, from), bytes);
  }

  /// The weight codes that stand `position` bytes into the unpacked unit, as
  /// they are multiplied.
  Value weightsAt(Pointer unit, int64_t position,
                  DenseMap<int64_t, Value> &loaded) {
    int64_t chunk = position / panel.codesPerChunk();
    int64_t within = position % panel.codesPerChunk();
    int64_t byte = chunk * CodePanel::kChunkBytes + panel.chunkByte(within);
    Value &packed = loaded[byte];
    if (!packed)
      packed = emit.load(bytes, emit.advance(unit, byte));
    int64_t shift = fieldShift(position);
    if (shift == 0)
      return panel.decode(emit, packed, within);
    int64_t mask = ((int64_t(1) << panel.width) - 1) << shift;
    return arith::AndIOp::create(
        emit.builder, emit.loc, packed,
        emit.constant(bytes, static_cast<int8_t>(mask)));
  }

  /// How far above the lowest bit the codes at `position` are multiplied.
  int64_t fieldShift(int64_t position) const {
    int64_t shift = panel.bit(position % panel.codesPerChunk());
    bool hasSign = shift + panel.width == 8;
    return inPlace && (!hasSign || panel.width == 1) ? shift : 0;
  }

  /// Sums of codes from those of the fields at `position`.
  Value codeSums(Value sums, int64_t position) {
    int64_t shift = fieldShift(position);
    if (shift == 0)
      return sums;
    Value codes = arith::ShRSIOp::create(emit.builder, emit.loc, sums,
                                         emit.constant(words, shift));
    bool negative = shift + panel.width == 8;
    return negative ? emit.subtract(emit.zero(words), codes) : codes;
  }

  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, vectorBytes;
  VectorType bytes, words;
  CodePanel panel;
  bool inPlace; // fields are multiplied where they stand
};

struct DotPackedKernel final : Kernel {
  StringRef name() const override { return "dot_packed"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }
  bool accumulatesCodes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.codeBits > 8 || shape.weightBits > 4 || shape.rows > kMostRows ||
        shape.computed || isa.dot4Cycles == 0)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    int64_t product =
        std::max<int64_t>(shape.maxCode * (shape.weightLevels - 1), 1);
    if (product > INT32_MAX / depth)
      return std::nullopt;

    CodePanel panel = panelOf(shape.weightBits, depth, 1);
    int64_t chunkVectors = panel.codesPerChunk() / isa.vectorBytes;
    int64_t capacity = llvm::maxUIntN(kFieldSumBits) / product;
    bool inPlace = isa.wideDot4 && capacity >= depth &&
                   2 * chunkVectors <= isa.vectorRegisters;
    TileLimits limits = dotLimits(isa, /*fast=*/true);
    limits.vectors *= shape.rows <= kSmallRows ? 2 : 1;
    // Narrow panels have the sums of a whole chunk in place.
    int64_t perRow =
        inPlace ? std::max(chunkVectors, limits.vectors) : limits.vectors;
    limits.maxRows = std::max<int64_t>(limits.accumulators / perRow, 1);
    Candidate tile = chooseTile(shape, limits);
    if (inPlace) {
      tile.narrowBits = kFieldSumBits;
      tile.flushInterval = capacity;
    }

    // Masks, and shifts where fields are not multiplied in place.
    double unpackCycles = (inPlace ? 0.6 : 1.2) / double(tile.rows);
    double padding = double(depth) / double(shape.taps * shape.channels);
    tile.cyclesPerMac *= padding *
                         (1.1 * dot4Peak(isa, product) + unpackCycles) /
                         isa.vectorBytes;
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t codes = shape.taps * shape.tapBytes() * shape.codesPerByte();
    int64_t depth = llvm::alignTo(codes, kDot);
    // Rows are read up to a whole unit, at most 64 reduction elements: 512
    // 1-bit codes of 8 outputs.
    return {/*expand=*/true, /*rowBytes=*/int64_t(llvm::alignTo(depth, 64)),
            depth};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    CodePanel panel =
        panelOf(shape.weightBits, rowFormat(shape).depth, tile.outputs);
    return packDotPanels(shape, tile, panel, weights);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    int64_t depth = rowFormat(shape).depth;
    return panelOf(shape.weightBits, depth, tile.outputs).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &,
                             const Candidate &) const override {
    return 0;
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    DotPackedTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getDotPackedKernels() {
  static const DotPackedKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
