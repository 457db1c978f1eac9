//===- Kernel.h - what a microkernel tells about itself -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A kernel is one algorithm, written once over register-level operations, in
// one file of this folder. The folder is the registry: CMake lists the files
// and every file defines `llvm::ArrayRef<const Kernel *>
// get<FileName>Kernels()`.
//
// The shared data flow around a kernel (lowering/Tile.cpp):
//
//   unpack the weight panels of this workgroup, if the kernel wants panels, or
//     pack them, if the weights are computed
//   for each block of output pixels: gather their input rows, build their
//     tables, if the kernel wants tables
//     for each panel of `outputs` channels, for each `rows` rows:
//       multiply_tile, then epilogue_tile
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_KERNEL_H
#define ULQ_LOWERING_KERNELS_KERNEL_H

#include "dialect/Ulq.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/ErrorHandling.h"
#include <optional>

namespace ulq {

/// Register-level operations that not every ISA has.
enum class RegisterOp { TableLookup, Dot4, Dot2, PopcountAdd };

/// What a kernel may know of an ISA: extents and costs, no names.
struct IsaTraits {
  int64_t vectorBytes;     // widest vector register used
  int64_t vectorRegisters; // how many of them
  double lookupCycles;     // reciprocal throughput of one table_lookup, 0: none
  double dot4Cycles;       // the same of one dot4 (full vector), 0: none
  double dot2Cycles;       // of one dot2, 0: neither dot2 nor widen_add
  bool wideDot4;           // dot4 is exact for all u8 x s8 at dot4Cycles
  bool fma;                // math.fma is an instruction, not a libm call
  double popcountCycles = 0.0; // the same of one popcount_add, 0: none

  bool has(RegisterOp op) const { return cycles(op) > 0; }
  double cycles(RegisterOp op) const {
    switch (op) {
    case RegisterOp::TableLookup:
      return lookupCycles;
    case RegisterOp::Dot4:
      return dot4Cycles;
    case RegisterOp::Dot2:
      return dot2Cycles;
    case RegisterOp::PopcountAdd:
      return popcountCycles;
    }
    llvm_unreachable("no such register operation");
  }
};

/// One layer as kernels see it: a matrix product of `rows` gathered input
/// patches by weights [groups][outputs][taps][channels].
struct LayerShape {
  GeometryAttr geometry;
  int64_t rows;        // output pixels over the whole batch
  int64_t groups;      // independent products
  int64_t outputs;     // output channels of one group
  int64_t taps;        // kernel height x width
  int64_t channels;    // input channels of one group
  int64_t codeBits;    // width of an input code, 32 for f32 inputs
  int64_t storageBits; // width at which the input stores it: 1, 2, 4, 8 (32)
  int64_t maxCode;     // largest input code, 0 for f32
  int64_t weightBits;  // width of a weight code: 1..8, 32 for f32 weights
  int64_t weightBase;  // w = weightBase + weightStep * code,
  int64_t weightStep;  // code in 0 .. weightLevels - 1
  int64_t weightLevels;
  bool computed = false; // weights come at run time, panels are packed then

  /// Multiply-accumulates of the direct algorithm.
  int64_t macs() const { return rows * groups * outputs * taps * channels; }
  int64_t codesPerByte() const { return 8 / storageBits; }
  /// Bytes of one tap's channels in the input: each tap starts at a byte.
  int64_t tapBytes() const { return (channels * storageBits + 7) / 8; }
  int64_t minWeight() const { return weightBase; }
  int64_t maxWeight() const {
    return weightBase + weightStep * (weightLevels - 1);
  }
  int64_t largestWeight() const {
    return std::max(std::abs(minWeight()), std::abs(maxWeight()));
  }
};

/// A kernel's offer for a layer.
struct Candidate {
  int64_t rows;              // output pixels of a tile
  int64_t outputs;           // output channels of a tile = of a weight panel
  double cyclesPerMac;       // predicted, for large shapes
  int64_t narrowBits = 0;    // width of the narrow sums, 0: no such sums
  int64_t flushInterval = 0; // products in a narrow sum
  int64_t narrowProduct = 0; // largest of them, 0: the largest of the layer
};

/// How the rows that multiply_tile reads are laid out. Taps follow each other
/// without gaps, in (ky, kx) order; gather_rows fills the rest of the row, up
/// to `rowBytes`, with zeros, and padding codes inside a tap's last byte are 0.
/// So a kernel may give padding any weight and may read a row to its end.
struct RowFormat {
  bool expand;      // one byte per code, in `expandedOrder`; else packed bytes
  int64_t rowBytes; // bytes from one row to the next, a multiple of 64
  int64_t depth;    // reduction elements of a panel, padding included
  bool pairs = false; // 1-bit codes of two rows at a time, see gather_rows
  bool channelOrder = false; // expanded codes stand in the order of channels
  bool planes = false; // packed codes are split into bits, see gather_rows
};

class Kernel {
public:
  virtual ~Kernel() = default;

  virtual llvm::StringRef name() const = 0;
  virtual llvm::ArrayRef<RegisterOp> needs() const = 0;

  /// True: a published algorithm to measure the others by. It makes offers like
  /// any kernel, and is taken only where the option `family` names it.
  virtual bool baseline() const { return false; }

  /// The tile for this layer, or none where the kernel cannot be exact: bit
  /// widths, accumulator bounds, missing register operations.
  virtual std::optional<Candidate> match(const LayerShape &shape,
                                         const IsaTraits &isa) const = 0;

  virtual RowFormat rowFormat(const LayerShape &shape) const = 0;

  /// True: the accumulator is over weight codes, S = sum x * code, and the
  /// caller owes `weightStep * S + weightBase * R` with R the row sum.
  /// False: it is over weights, sum x * w.
  virtual bool accumulatesCodes() const = 0;

  /// True: padded lines of the input are gathered with all their channels, in
  /// their order, and multiply_tile reads windows where they stand
  /// (TileLines.cpp). A row of the format is what an output pixel adds to the
  /// lines.
  virtual bool readsLines() const { return groupsAreLanes(); }

  /// True: the groups of a layer of one channel each are the lanes of its
  /// tiles. Panels follow each other through all groups, and the taps of a
  /// panel start at its first channel.
  /// Groups need not start at a byte of the input or of the results.
  virtual bool groupsAreLanes() const { return false; }

  /// True: the packed panel of 8-bit or f32 weights is [words][outputs], words
  /// of 4 bytes being those of a row, so that `pack_panel` makes the same panel
  /// from gathered rows. The kernel then takes computed weights.
  virtual bool panelsAreWords() const { return false; }

  /// The filters along rows and columns of a kernel that multiplies transformed
  /// tiles of the image (lowering/TileWinograd.cpp) instead of gathered rows.
  using Filters = std::pair<Filter, Filter>;
  virtual std::optional<Filters> filters() const { return std::nullopt; }

  /// The bytes of all weights as they stand in the program, at their packed
  /// width, panel after panel (group after group): `weights` is
  /// [groups][outputs][taps][channels], f32 bit patterns for f32 weights.
  virtual llvm::SmallVector<uint8_t>
  packWeights(const LayerShape &shape, const Candidate &tile,
              const IsaTraits &isa, llvm::ArrayRef<int32_t> weights) const = 0;

  /// Bytes of one packed panel in the program, and of one unpacked panel in
  /// scratch memory (0: multiply_tile reads the packed panel itself).
  virtual int64_t packedPanelBytes(const LayerShape &shape,
                                   const Candidate &tile) const = 0;
  virtual int64_t unpackedPanelBytes(const LayerShape &shape,
                                     const Candidate &tile) const = 0;

  /// Constant lookup tables (64-byte aligned in the program), may be empty.
  /// Layers with the same tables share them.
  virtual llvm::SmallVector<uint8_t> tables(const LayerShape &shape,
                                            const IsaTraits &isa) const {
    return {};
  }

  /// Bytes of the tables that multiply_tile reads in place of a gathered row, a
  /// multiple of 64, 0: it reads the row.
  virtual int64_t tableBytes(const LayerShape &shape) const { return 0; }

  /// Replace the tile ops by loops over register-level operations.
  virtual void expandUnpack(mlir::OpBuilder &builder, UnpackWeightsOp op,
                            const IsaTraits &isa) const {}
  virtual void expandTables(mlir::OpBuilder &builder, BuildTablesOp op,
                            const IsaTraits &isa) const {}
  virtual void expandMultiply(mlir::OpBuilder &builder, MultiplyTileOp op,
                              const IsaTraits &isa) const = 0;
};

/// All kernels, in the order of their file names.
llvm::ArrayRef<const Kernel *> allKernels();
/// The kernel of that name, or null.
const Kernel *lookupKernel(llvm::StringRef name);

/// The order in which `gather_rows` with `expand` writes the codes of one tap:
/// element i of the result is the channel at byte i, or -1 for padding. The
/// packed bytes of a tap are cut into chunks of 64, 32, 16, 8, 4, 2, 1 bytes,
/// largest first; a chunk of B bytes yields codesPerByte() runs of B bytes:
/// run s holds bits [s * storageBits, (s + 1) * storageBits) of each byte.
/// Length: tapBytes() * codesPerByte().
llvm::SmallVector<int64_t> expandedOrder(int64_t channels, int64_t storageBits);

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_KERNEL_H
