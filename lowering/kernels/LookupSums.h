//===- LookupSums.h - what kernels of table lookups have in common --------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A group is g weight codes that fill 4 bits (g = 4 for 1-bit weights, 2 for
// 2-bit weights); its bits are the index of a 16-byte table that activation
// codes select, repeated over a vector: a load of whole cache lines never waits
// for another one, loads of 16 bytes often do. One table_lookup yields g
// products for each byte of a vector of outputs, or twice as many where an
// entry holds two sums.
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
#ifndef ULQ_LOWERING_KERNELS_LOOKUPSUMS_H
#define ULQ_LOWERING_KERNELS_LOOKUPSUMS_H

#include "lowering/kernels/Emitter.h"
#include "lowering/kernels/TileChoice.h"

namespace ulq {

constexpr int64_t kTableBytes = 16;

/// The expansion of one multiply_tile by lookups. A kernel derives from it and
/// says how it sums a few steps in bytes.
class LookupSums {
public:
  /// The whole tile, in steps of `stepCodes` reduction elements, of which 16
  /// bits hold the sums of `halfCodes`.
  void expand(int64_t stepCodes, int64_t halfCodes) {
    int64_t steps = int64_t(op.getDepth()) / stepCodes;
    int64_t interval = int64_t(op.getFlushInterval()) / stepCodes;
    int64_t chunk = halfCodes / stepCodes;
    if (steps <= chunk) {
      widen(sumHalves(emit.index(0), emit.index(steps), interval),
            /*more=*/false);
      op.erase();
      return;
    }
    // The depth exceeds 16-bit sums: the target keeps 32-bit ones between
    // chunks.
    mlir::VectorType words = emit.integers(vectorBytes / 4, 32);
    for (int64_t i = 0; i < 4 * accumulators(); ++i)
      emit.store(emit.zero(words), place(0, i * vectorBytes));
    mlir::Value end = emit.index(steps);
    auto body = [&](mlir::Value first) {
      mlir::Value last = mlir::arith::MinUIOp::create(
          emit.builder, emit.loc, end, emit.add(first, chunk));
      widen(sumHalves(first, last, interval), /*more=*/true);
    };
    emit.loop(emit.index(0), end, chunk, body);
    op.erase();
  }

protected:
  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, vectorBytes;
  mlir::VectorType bytes, halves;

  LookupSums(mlir::OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), vectorBytes(isa.vectorBytes),
        bytes(emit.integers(vectorBytes, 8)),
        halves(emit.integers(vectorBytes / 2, 16)) {}
  ~LookupSums() = default;

  /// Byte sums [rows][vectors] over steps [from, to), no more than they hold.
  virtual llvm::SmallVector<mlir::Value> sumBytes(mlir::Value from,
                                                  mlir::Value to) = 0;

  int64_t vectors() const { return outputs / vectorBytes; }
  int64_t accumulators() const { return rows * vectors(); }

  /// The table at a byte offset.
  mlir::Value loadTable(mlir::Value offset) {
    return emit.load(
        bytes, emit.advance({op.getTables(), op.getTablesOffset()}, offset, 1));
  }

  mlir::Value lookUp(mlir::Value table, mlir::Value index) {
    return TableLookupOp::create(emit.builder, emit.loc, bytes, table, index);
  }

private:
  /// `bytes` behind the place of the i32 results of accumulator i.
  Pointer place(int64_t i, int64_t bytes) {
    return emit.advance({op.getTarget(), op.getTargetOffset()},
                        i * vectorBytes * 4 + bytes);
  }

  /// 16-bit sums over steps [from, to): of all accumulators the sums of byte
  /// pairs, then those of their odd bytes. Pair sums may wrap: what is read out
  /// is their difference from the odd ones.
  llvm::SmallVector<mlir::Value> sumHalves(mlir::Value from, mlir::Value to,
                                           int64_t interval) {
    llvm::SmallVector<mlir::Value> zeros(2 * accumulators(), emit.zero(halves));
    auto body = [&](mlir::Value first, mlir::ValueRange carried) {
      llvm::SmallVector<mlir::Value> sums(carried);
      mlir::Value last = mlir::arith::MinUIOp::create(
          emit.builder, emit.loc, to, emit.add(first, interval));
      for (auto [i, sum] : llvm::enumerate(sumBytes(first, last))) {
        mlir::Value lanes = emit.bitcast(sum, halves);
        mlir::Value &pairs = sums[i], &odd = sums[accumulators() + i];
        pairs = emit.add(pairs, lanes);
        odd = emit.add(odd, emit.shiftRight(lanes, 8));
      }
      return sums;
    };
    return emit.loop(from, to, interval, zeros, body);
  }

  /// i32 results from the 16-bit sums, added to what is there if `more`.
  void widen(llvm::ArrayRef<mlir::Value> sums, bool more) {
    mlir::VectorType words = emit.integers(vectorBytes / 2, 32);
    for (int64_t i = 0; i < accumulators(); ++i) {
      mlir::Value odd = sums[accumulators() + i];
      mlir::Value even = emit.subtract(sums[i], emit.shiftLeft(odd, 8));
      Pointer to = place(i, 0);
      for (mlir::Value half : {even, odd}) {
        mlir::Value sum =
            mlir::arith::ExtUIOp::create(emit.builder, emit.loc, words, half);
        if (more)
          sum = emit.add(sum, emit.load(words, to));
        emit.store(sum, to);
        to = emit.advance(to, 2 * vectorBytes);
      }
    }
  }
};

/// The byte of a panel step at which an output of that number stands.
inline int64_t lookupPlace(int64_t lane, int64_t vectorBytes) {
  int64_t within = lane % vectorBytes, half = vectorBytes / 2;
  return lane - within + within % half * 2 + within / half;
}

/// All panels of a layer. Each tap of a row starts at a byte; the codes that
/// fill its last byte meet weight code 0.
inline llvm::SmallVector<uint8_t>
packLookupPanels(const LayerShape &shape, const Candidate &tile,
                 const IsaTraits &isa, int64_t panelBytes,
                 llvm::ArrayRef<int32_t> weights) {
  int64_t tapCodes = shape.tapBytes() * shape.codesPerByte();
  int64_t codesPerByte = 8 / shape.weightBits;
  auto pack = [&](llvm::MutableArrayRef<uint8_t> panel, int64_t lane,
                  llvm::ArrayRef<int32_t> weights) {
    int64_t place = lookupPlace(lane, isa.vectorBytes);
    for (int64_t i = 0, e = weights.size(); i < e; ++i) {
      int64_t k = i / shape.channels * tapCodes + i % shape.channels;
      int32_t code = (weights[i] - shape.weightBase) / shape.weightStep;
      panel[k / codesPerByte * tile.outputs + place] |=
          code << (k % codesPerByte * shape.weightBits);
    }
  };
  return packPanels(shape, tile, panelBytes, weights, pack);
}

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_LOOKUPSUMS_H
