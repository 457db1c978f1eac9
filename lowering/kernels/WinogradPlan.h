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

/// Outputs of a panel, at most: so few that the sums of a block stay in the
/// first-level cache.
constexpr int64_t kMostPanelOutputs = 32;

/// The tiles of an image and how they are grouped to blocks, all of one size:
/// tiles beyond the image are computed and dropped.
struct WinogradPlan {
  int64_t tileRows, tileColumns;   // tiles of a block
  int64_t blockRows, blockColumns; // blocks of an image
  int64_t images;

  int64_t tiles() const { return tileRows * tileColumns; }
  int64_t blocks() const { return images * blockRows * blockColumns; }

  WinogradPlan(const LayerShape &shape, const Scheme &scheme) {
    llvm::ArrayRef<int64_t> output = shape.geometry.getOutput();
    images = output[0];
    int64_t down = llvm::divideCeil(output[1], scheme.rows.outputs());
    int64_t across = llvm::divideCeil(output[2], scheme.columns.outputs());
    double best = 0.0;
    for (int64_t lines = 1; lines <= std::min(down, kMostTiles); ++lines)
      for (int64_t parts = 1; parts <= across; ++parts) {
        WinogradPlan plan(images, down, across, lines, parts);
        double cost = plan.cost(shape, scheme);
        if (plan.tiles() > kMostTiles || (best > 0.0 && cost >= best))
          continue;
        best = cost;
        *this = plan;
      }
  }

private:
  static constexpr int64_t kMostTiles = 64; // of a block
  /// What reading the weights again costs a block, in tiles.
  static constexpr double kReadAgain = 0.3;
  /// Sums that take as much time again, from the second-level cache.
  static constexpr double kSumBytes = 2.5e6;

  WinogradPlan(int64_t images, int64_t down, int64_t across, int64_t lines,
               int64_t parts)
      : tileRows(lines), tileColumns(llvm::divideCeil(across, parts)),
        blockRows(llvm::divideCeil(down, lines)),
        blockColumns(llvm::divideCeil(across, tileColumns)), images(images) {}

  double cost(const LayerShape &shape, const Scheme &scheme) const {
    // Two threads share the blocks of the only panel.
    int64_t shared = blocks();
    if (shape.outputs <= kMostPanelOutputs && shared > 1)
      shared = llvm::alignTo(shared, 2);
    double sums = double(scheme.products() * tiles() * kMostPanelOutputs * 4);
    return double(shared * tiles()) *
           (1.0 + kReadAgain / double(tiles()) + sums / kSumBytes);
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
