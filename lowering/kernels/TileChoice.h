//===- TileChoice.h - how many rows and outputs a tile has ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_TILECHOICE_H
#define ULQ_LOWERING_KERNELS_TILECHOICE_H

#include "lowering/kernels/Kernel.h"
#include "llvm/Support/MathExtras.h"

namespace ulq {

/// What bounds a tile of rows x vectors accumulators.
struct TileLimits {
  int64_t lanes;        // outputs of one vector
  int64_t vectors;      // most vectors of a panel, a power of two
  int64_t accumulators; // most accumulator registers
  int64_t maxRows;      // most rows
  double narrowCost;    // cost of each halving of the vectors: fewer products
                        // for each value brought in from a row
  int64_t smallRows;    // a layer of so few rows takes panels twice as wide
};

/// Whether dot4 is exact for products of up to `product` without a detour.
inline bool isFastDot4(const IsaTraits &isa, int64_t product) {
  return isa.wideDot4 || 2 * product <= INT16_MAX;
}

/// Measured share of the peak, with the lower clock of multiplies.
constexpr double kDotShare = 1.27;

/// Cycles of one dot4 of a full vector, with its detour.
inline double dot4Peak(const IsaTraits &isa, int64_t product) {
  return isa.dot4Cycles * (isFastDot4(isa, product) ? 1.0 : 1.7);
}
/// The same in a tile.
inline double dot4Cycles(const IsaTraits &isa, int64_t product) {
  return kDotShare * dot4Peak(isa, product);
}

/// Steps of dot2 whose sums of two products of up to `product` fit 16 bits
/// together, so few that they can be unrolled; 0 without dot2.
inline int64_t dot2Steps(const IsaTraits &isa, int64_t product) {
  constexpr int64_t kMostSteps = 64;
  if (isa.dot2Cycles == 0)
    return 0;
  return std::min(kMostSteps, INT16_MAX / (2 * std::max<int64_t>(product, 1)));
}

/// The same as `dot4Cycles` with dot2, which pays for the wider sums once for
/// all steps.
inline double dot2Cycles(const IsaTraits &isa, int64_t product) {
  double wider = isa.dot4Cycles - isa.dot2Cycles;
  return kDotShare * (isa.dot2Cycles + wider / double(dot2Steps(isa, product)));
}

/// Layers of up to so many rows have panels of bytes twice as wide.
constexpr int64_t kSmallRows = 2;

/// Whether dot4 is one instruction, which needs no registers of its own but
/// many independent sums.
inline bool isSingleDot4(const IsaTraits &isa) {
  return isa.wideDot4 && isa.dot4Cycles < 1.0;
}

/// Limits of tiles of dot4, `fast` where it needs no sums of its own. They
/// leave registers for a panel step, a row's codes and intermediate sums.
inline TileLimits dotLimits(const IsaTraits &isa, bool fast) {
  TileLimits limits;
  limits.lanes = isa.vectorBytes / 4;
  limits.vectors = isa.vectorRegisters >= 32 ? 4 : 2;
  limits.accumulators = isa.vectorRegisters < 32 ? (isSingleDot4(isa) ? 12 : 8)
                        : isa.vectorBytes < 64   ? 12
                        : fast                   ? 24
                                                 : 16;
  limits.maxRows = 12;
  limits.narrowCost = 1.1;
  limits.smallRows = 0;
  return limits;
}

/// The epilogue turns 8 channels into whole bytes of codes, whatever their
/// width.
constexpr int64_t kMinOutputs = 8;

/// The tile whose padded outputs cost least; wider panels win ties. Its
/// `cyclesPerMac` is relative: 1 for a full panel without padding.
inline Candidate chooseTile(const LayerShape &shape, const TileLimits &limits) {
  int64_t vectors = limits.vectors * (shape.rows <= limits.smallRows ? 2 : 1);
  Candidate best{0, 0, 0.0};
  for (double factor = 1.0; vectors * limits.lanes >= kMinOutputs;
       vectors /= 2) {
    int64_t outputs = vectors * limits.lanes;
    int64_t padded = llvm::alignTo(shape.outputs, outputs);
    double cost = factor * double(padded) / double(shape.outputs);
    factor *= limits.narrowCost;
    if (best.outputs != 0 && cost >= best.cyclesPerMac)
      continue;
    int64_t most =
        std::clamp<int64_t>(limits.accumulators / vectors, 1, limits.maxRows);
    // Even tiles: 7 rows in tiles of at most 6 are 4 + 3.
    int64_t tiles = llvm::divideCeil(shape.rows, most);
    int64_t rows = llvm::divideCeil(shape.rows, tiles);
    best = {rows, outputs, cost};
  }
  return best;
}

/// All panels of a layer, panel after panel, group after group: `pack` fills
/// the lane of one output in zero-initialized panel bytes from its weights
/// [taps][channels]. Lanes beyond the outputs of a group stay zero.
inline llvm::SmallVector<uint8_t> packPanels(
    const LayerShape &shape, const Candidate &tile, int64_t panelBytes,
    llvm::ArrayRef<int32_t> weights,
    llvm::function_ref<void(llvm::MutableArrayRef<uint8_t> panel, int64_t lane,
                            llvm::ArrayRef<int32_t> weights)>
        pack) {
  int64_t panels = llvm::divideCeil(shape.outputs, tile.outputs);
  int64_t depth = shape.taps * shape.channels;
  llvm::SmallVector<uint8_t> bytes(shape.groups * panels * panelBytes, 0);
  for (int64_t group = 0; group < shape.groups; ++group)
    for (int64_t output = 0; output < shape.outputs; ++output) {
      int64_t panel = group * panels + output / tile.outputs;
      int64_t row = group * shape.outputs + output;
      pack(llvm::MutableArrayRef<uint8_t>(bytes).slice(panel * panelBytes,
                                                       panelBytes),
           output % tile.outputs, weights.slice(row * depth, depth));
    }
  return bytes;
}

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_TILECHOICE_H
