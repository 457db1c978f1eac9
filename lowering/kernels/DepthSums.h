//===- DepthSums.h - what kernels with lanes along the depth have ---------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Vectors hold neighbours in the reduction, of rows and of weights, so that
// neither is broadcast, and every pair of a row and an output has an
// accumulator vector of its own. A tile is computed in blocks of few outputs.
//
// Sums are kept in bytes, `flushInterval` products in each, then in 32 bits;
// the lanes of the accumulators are added across at the end. A panel holds one
// output after another.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_DEPTHSUMS_H
#define ULQ_LOWERING_KERNELS_DEPTHSUMS_H

#include "lowering/kernels/Emitter.h"
#include "lowering/kernels/TileChoice.h"
#include "llvm/ADT/bit.h"

namespace ulq {

/// The largest block of a tile, which leaves registers for codes, tables and
/// intermediate values.
struct DepthBlock {
  int64_t rows, outputs; // outputs a power of two

  explicit DepthBlock(const IsaTraits &isa)
      : rows(isa.vectorRegisters >= 32 ? 4
             : isa.vectorBytes >= 32   ? 3
                                       : 2),
        outputs(isa.vectorRegisters >= 32 ? 4 : 2) {}

  /// Outputs of a block of `tileRows` rows.
  int64_t outputsFor(int64_t tileRows) const {
    uint64_t fitting = rows * outputs / tileRows;
    return std::clamp<int64_t>(llvm::bit_floor(fitting), 1, kMinOutputs);
  }
};

/// Limits of tiles: the rows of a block, several blocks of outputs.
inline TileLimits depthLimits(const IsaTraits &isa) {
  TileLimits limits;
  limits.lanes = kMinOutputs;
  limits.vectors = 4;
  limits.maxRows = DepthBlock(isa).rows;
  limits.accumulators = limits.vectors * limits.maxRows;
  limits.narrowCost = 1.05;
  limits.smallRows = 0;
  return limits;
}

/// The expansion of one multiply_tile. A kernel derives from it and says how
/// it sums a few steps in bytes.
class DepthSums {
public:
  /// The whole tile: `steps` steps, in each of which a byte gains
  /// `stepProducts` products.
  void expand(int64_t steps, int64_t stepProducts) {
    int64_t interval = int64_t(op.getFlushInterval()) / stepProducts;
    int64_t largest =
        std::min(steps, interval) * stepProducts * op.getLargestProduct();
    emit.loop(emit.index(0), emit.index(outputs / block), 1,
              [&](mlir::Value number) {
                store(sumSteps(number, steps, interval), largest, number);
              });
    op.erase();
  }

protected:
  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, vectorBytes;
  int64_t block; // outputs computed at a time
  mlir::VectorType bytes, words;

  DepthSums(mlir::OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), vectorBytes(isa.vectorBytes),
        block(DepthBlock(isa).outputsFor(rows)),
        bytes(emit.integers(vectorBytes, 8)),
        words(emit.integers(vectorBytes / 4, 32)) {}
  ~DepthSums() = default;

  /// Byte sums [rows][block] of block `number` over steps [from, to), no more
  /// than they hold.
  virtual llvm::SmallVector<mlir::Value>
  sumBytes(mlir::Value number, mlir::Value from, mlir::Value to) = 0;

  int64_t accumulators() const { return rows * block; }

  /// Where output `output` of block `number` starts in the panel.
  Pointer panel(mlir::Value number, int64_t output, int64_t outputBytes) {
    Pointer first = emit.advance({op.getRhs(), op.getRhsOffset()}, number,
                                 block * outputBytes);
    return emit.advance(first, output * outputBytes);
  }

  Pointer row(int64_t number) {
    return emit.advance({op.getLhs(), op.getLhsOffset()},
                        number * int64_t(op.getRowBytes()));
  }

private:
  /// Sums [rows][block] over all steps: bytes where they hold them, otherwise
  /// words.
  llvm::SmallVector<mlir::Value> sumSteps(mlir::Value number, int64_t steps,
                                          int64_t interval) {
    mlir::Value end = emit.index(steps);
    if (steps <= interval)
      return sumBytes(number, emit.index(0), end);
    llvm::SmallVector<mlir::Value> zeros(accumulators(), emit.zero(words));
    return emit.loop(emit.index(0), end, interval, zeros,
                     [&](mlir::Value first, mlir::ValueRange carried) {
                       mlir::Value last = mlir::arith::MinUIOp::create(
                           emit.builder, emit.loc, end,
                           emit.add(first, interval));
                       return widen(carried, sumBytes(number, first, last));
                     });
  }

  /// sums[i] += four neighbouring bytes of parts[i].
  llvm::SmallVector<mlir::Value> widen(mlir::ValueRange sums,
                                       mlir::ValueRange parts) {
    mlir::Value ones = emit.constant(bytes, 1);
    llvm::SmallVector<mlir::Value> result;
    for (auto [sum, part] : llvm::zip_equal(sums, parts))
      result.push_back(Dot4Op::create(emit.builder, emit.loc, words, sum, part,
                                      ones, /*maxLhs=*/255, /*maxRhs=*/1));
    return result;
  }

  /// 32-bit sums: those of the lanes i, i + n, i + 2n, .. of the result are the
  /// sum of vectors[i], of n vectors of bytes or words; n is a power of two, no
  /// more than there are lanes. Each step joins two vectors: the lanes of one
  /// bit of their numbers come from the first or the second. Bytes, at first at
  /// most `largest`, are widened when they would not hold the next sums.
  mlir::Value addAcross(llvm::SmallVector<mlir::Value> vectors,
                        int64_t largest) {
    auto widenAll = [&] {
      llvm::SmallVector<mlir::Value> zeros(vectors.size(), emit.zero(words));
      vectors = widen(zeros, vectors);
    };
    for (int64_t bit = 1; vectors.size() > 1; bit *= 2, largest *= 2) {
      if (vectors.front().getType() == bytes && 2 * largest > UINT8_MAX)
        widenAll();
      llvm::SmallVector<mlir::Value> joined;
      for (size_t i = 0; i < vectors.size(); i += 2)
        joined.push_back(join(vectors[i], vectors[i + 1], bit));
      vectors = std::move(joined);
    }
    if (vectors.front().getType() == bytes)
      widenAll();
    return vectors.front();
  }

  /// Sums of neighbouring 32-bit lanes, whose numbers differ in `bit`: those of
  /// `a` where the bit is 0, those of `b` where it is 1.
  mlir::Value join(mlir::Value a, mlir::Value b, int64_t bit) {
    auto type = llvm::cast<mlir::VectorType>(a.getType());
    int64_t lanes = words.getNumElements();
    llvm::SmallVector<int64_t> kept, moved;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t source = lane & bit ? lanes : 0;
      kept.push_back(source + lane);
      moved.push_back(source + (lane ^ bit));
    }
    auto shuffle = [&](llvm::ArrayRef<int64_t> order) {
      mlir::Value shuffled = mlir::vector::ShuffleOp::create(
          emit.builder, emit.loc, emit.bitcast(a, words),
          emit.bitcast(b, words), order);
      return emit.bitcast(shuffled, type);
    };
    return emit.add(shuffle(kept), shuffle(moved));
  }

  /// The first `lanes` lanes, with those that are as far from them as a
  /// multiple of `lanes` added.
  mlir::Value fold(mlir::Value vector, int64_t lanes) {
    for (int64_t width = words.getNumElements(); width > lanes; width /= 2) {
      auto half = [&](int64_t from) {
        return mlir::vector::ExtractStridedSliceOp::create(
            emit.builder, emit.loc, vector, from, width / 2, 1);
      };
      vector = emit.add(half(0), half(width / 2));
    }
    return vector;
  }

  /// The sums of the lanes of [rows][block] vectors to the tile.
  void store(llvm::ArrayRef<mlir::Value> sums, int64_t largest,
             mlir::Value number) {
    int64_t group = std::min<int64_t>(words.getNumElements(),
                                      llvm::PowerOf2Ceil(accumulators()));
    int64_t piece = std::min(group, block);
    Pointer target =
        emit.advance({op.getTarget(), op.getTargetOffset()}, number, block * 4);
    for (int64_t first = 0; first < accumulators(); first += group) {
      llvm::SmallVector<mlir::Value> vectors(
          sums.slice(first, std::min(group, accumulators() - first)));
      vectors.resize(group, vectors.back());
      mlir::Value totals = fold(addAcross(vectors, largest), group);
      for (int64_t i = first; i < std::min(first + group, accumulators());
           i += piece) {
        mlir::Value part = mlir::vector::ExtractStridedSliceOp::create(
            emit.builder, emit.loc, totals, i - first, piece, 1);
        emit.store(part,
                   emit.advance(target, (i / block * outputs + i % block) * 4));
      }
    }
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_DEPTHSUMS_H
