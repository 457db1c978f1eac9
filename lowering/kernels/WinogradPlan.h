//===- WinogradPlan.h - tiles and blocks of a Winograd layer --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_WINOGRADPLAN_H
#define ULQ_LOWERING_KERNELS_WINOGRADPLAN_H

#include "dialect/Winograd.h"
#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

namespace ulq {

/// The tiles of an image and how they are grouped to blocks, all of one size:
/// tiles beyond the image are computed and dropped.
struct WinogradPlan {
  int64_t tileRows, tileColumns;   // tiles of a block
  int64_t blockRows, blockColumns; // blocks of an image
  int64_t images;

  static constexpr int64_t kMostTiles = 64; // of a block

  int64_t tiles() const { return tileRows * tileColumns; }
  int64_t blocks() const { return images * blockRows * blockColumns; }

  WinogradPlan(const LayerShape &shape, const Scheme &scheme) {
    // Enough tiles to use each transformed weight often; more for many
    // channels, whose weights leave the first-level cache.
    double readAgain = shape.channels > 128 ? 8.0 : 4.0;
    llvm::ArrayRef<int64_t> output = shape.geometry.getOutput();
    images = output[0];
    int64_t down = llvm::divideCeil(output[1], scheme.rows.outputs());
    int64_t across = llvm::divideCeil(output[2], scheme.columns.outputs());
    blockColumns = llvm::divideCeil(across, kMostTiles);
    tileColumns = llvm::divideCeil(across, blockColumns);
    int64_t most = std::min(down, kMostTiles / tileColumns);
    // Two threads share the blocks.
    auto cost = [&](int64_t lines) {
      int64_t blocks = images * llvm::divideCeil(down, lines) * blockColumns;
      int64_t shared = blocks > 1 ? llvm::alignTo(blocks, 2) : blocks;
      return double(shared * lines) *
             (1.0 + readAgain / double(lines * tileColumns));
    };
    tileRows = 1;
    for (int64_t lines = 2; lines <= most; ++lines)
      if (cost(lines) < cost(tileRows))
        tileRows = lines;
    blockRows = llvm::divideCeil(down, tileRows);
  }
};

/// Bytes between the transformed weights, or the sums, of two products:
/// 64 more than they take, so that they do not fall on the same cache sets.
inline int64_t apart(int64_t bytes) { return llvm::alignTo(bytes, 64) + 64; }

constexpr int64_t kDot = 4; // bytes of one product
constexpr int64_t kTaps = kFilterTaps * kFilterTaps;
constexpr int64_t kSumBytes = 2; // of the sum of a tap's weights

/// A panel of weights as it stands in the program.
struct PackedTaps {
  int64_t depth, outputs;
  CodePanel panel;

  PackedTaps(int64_t weightBits, int64_t depth, int64_t outputs)
      : depth(depth), outputs(outputs), panel(weightBits, 0) {
    panel.codes = units() * unitSteps() * kTaps * stepBytes();
  }

  /// Bytes of one transformed product of four reduction elements.
  int64_t stepBytes() const { return kDot * outputs; }
  int64_t position(int64_t k, int64_t tap, int64_t lane) const {
    return (k / kDot * kTaps + tap) * stepBytes() + lane * kDot + k % kDot;
  }
  /// Steps whose codes are whole chunks.
  int64_t unitSteps() const {
    int64_t codes = kTaps * stepBytes();
    return panel.codesPerChunk() / std::gcd(panel.codesPerChunk(), codes);
  }
  int64_t units() const { return llvm::divideCeil(depth / kDot, unitSteps()); }
  /// What the loop over units writes for one product.
  int64_t productBytes() const { return units() * unitSteps() * stepBytes(); }
  /// The codes, and behind them the i16 sums [tap][outputs].
  int64_t sumsOffset() const { return panel.packedBytes(); }
  int64_t sumAt(int64_t tap) const {
    return sumsOffset() + tap * outputs * kSumBytes;
  }
  int64_t packedBytes() const { return llvm::alignTo(sumAt(kTaps), 64); }
};

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_WINOGRADPLAN_H
