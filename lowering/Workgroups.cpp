//===- Workgroups.cpp - how many parts a dispatch has ---------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Threads take the parts of a dispatch one after the other, so more parts
// balance them better. A thread prepares the panels that it needs once, in
// scratch memory that it keeps (LayerTiler); neighbouring parts have different
// panels. Every part gathers its rows.
//
// IREE hands out parts singly while there are fewer than 8 for each thread,
// else 8 at a time: 16 workgroups would be 2 for two threads. So there are
// fewer of them, or so many that 8 at a time are few.
//
//===----------------------------------------------------------------------===//

#include "lowering/Workgroups.h"
#include "lowering/Layers.h"
#include "lowering/kernels/WinogradPlan.h"

using namespace mlir;
using namespace ulq;

/// Work that pays for one more part: about four microseconds.
static constexpr double kPartCycles = 15e3;
static constexpr int64_t kAtATime = 8;
/// One of the workgroups that two threads take singly waits.
static constexpr int64_t kFewParts = 2 * kAtATime - 2;
static constexpr int64_t kManyParts = 64;
/// Threads that wait rather than sleep.
static constexpr int64_t kWaiting = 3;
/// Work for which kManyParts pay.
static constexpr double kManyCycles = kManyParts * 60e3;

/// Gathered rows stay in the second-level cache.
static constexpr int64_t kBlockBytes = 128 * 1024;

/// Prepared panels of all rows stay there, too, or parts do not divide rows.
static constexpr int64_t kKeptBytes = 2 * 1024 * 1024;

/// Scratch memory of a dispatch beyond that of kFewMemories parts. IREE's task
/// system keeps up to 64 MB from run to run for all that lies between inputs
/// and outputs; more would be new pages in every run.
static constexpr int64_t kScratchBytes = 16 * 1024 * 1024;
static constexpr int64_t kFewMemories = 8;

// Cycles to prepare one byte of an operand, measured on AVX-512: unpacked
// weights leave the second-level cache, gathered rows stay in it.
static constexpr double kUnpackCycles = 0.3;
static constexpr double kGatherCycles = 0.1;
// The same for a byte of transformed weights, and for one of the input before
// its transform, in kernels with filters.
static constexpr double kTransformCycles = 0.1;

int64_t ulq::usefulParts(double cycles, int64_t most) {
  auto wanted = static_cast<int64_t>(cycles / kPartCycles);
  if (most > kFewParts)
    most = cycles < kManyCycles ? kFewParts : std::min(most, kManyParts);
  return std::clamp<int64_t>(wanted, 1, std::max<int64_t>(most, 1));
}

int64_t ulq::waitingWorkgroups(int64_t parts) {
  if (parts == 1)
    return 0;
  return parts > kFewParts ? kAtATime
                           : std::min(kFewParts + 1 - parts, kWaiting);
}

int64_t ulq::scratchMemories(int64_t parts, int64_t bytes) {
  int64_t affordable = kScratchBytes / std::max<int64_t>(bytes, 1);
  return std::min(parts, std::max(affordable, kFewMemories));
}

/// Blocks of equal size, a whole number of them for each part.
static int64_t blockRows(const LayerShape &shape, const Candidate &tile,
                         int64_t rowBytes, int64_t parts) {
  int64_t cached = std::max<int64_t>(kBlockBytes / rowBytes, tile.rows);
  int64_t share = llvm::divideCeil(shape.rows, parts);
  int64_t blocks = parts * llvm::divideCeil(share, cached);
  return roundUp(llvm::divideCeil(shape.rows, blocks), tile.rows);
}

/// The units of rows that parts may take: tiles, lines where these are read, or
/// the blocks of a kernel with filters.
static int64_t rowUnits(const LayerShape &shape, const Kernel &kernel,
                        const Candidate &tile) {
  if (std::optional<Kernel::Filters> filters = kernel.filters())
    return WinogradPlan(shape, Scheme(filters->first, filters->second))
        .blocks();
  ArrayRef<int64_t> output = shape.geometry.getOutput();
  if (kernel.readsLines())
    return output[0] * output[1];
  return llvm::divideCeil(shape.rows, tile.rows);
}

Division ulq::divide(const LayerShape &shape, const Kernel &kernel,
                     const Candidate &tile, int64_t most) {
  LayerShape flow = flowShape(shape, kernel);
  int64_t panels = panelCount(flow, tile.outputs);
  int64_t units = rowUnits(shape, kernel, tile);
  int64_t rowBytes = kernel.rowFormat(shape).rowBytes;
  double cycles = double(shape.macs()) * predictedCycles(shape, kernel, tile);
  bool isPacked =
      !shape.computed && kernel.unpackedPanelBytes(shape, tile) == 0;
  int64_t panelBytes = shape.computed ? kernel.packedPanelBytes(shape, tile)
                                      : kernel.unpackedPanelBytes(shape, tile);
  int64_t weightBytes = panels * panelBytes;
  double patchBytes = double(shape.rows) * double(rowBytes);
  double weights = double(weightBytes) *
                   (kernel.filters() ? kTransformCycles : kUnpackCycles);
  double patches =
      patchBytes *
      (kernel.filters() ? kGatherCycles + kTransformCycles : kGatherCycles);

  // Cycles until `threads` are done: the largest number of parts, the panels
  // that one of them prepares, and on average a quarter of a part's time in
  // which the last one is alone.
  auto elapsed = [&](int64_t rows, int64_t columns, int64_t threads) {
    double part = cycles * double(llvm::divideCeil(units, rows)) *
                  double(llvm::divideCeil(panels, columns)) /
                  (double(units) * double(panels));
    int64_t atATime = rows * columns > kFewParts ? kAtATime : 1;
    double turns =
        double(atATime * llvm::divideCeil(rows * columns, threads * atATime));
    double prepared = weights / double(std::min(columns, threads));
    double alone = threads > 1 ? 0.25 * part : 0.0;
    return turns * (part + patches / double(rows)) + prepared + alone;
  };
  auto cost = [&](int64_t rows, int64_t columns) {
    double sum = 0.0;
    for (int64_t threads : {1, 2, 4})
      sum += double(threads) * elapsed(rows, columns, threads);
    return sum;
  };
  int64_t mostRows = isPacked || weightBytes <= kKeptBytes ? units : 1;
  int64_t limit = usefulParts(cycles, most);
  Division best{1, 1, 0};
  for (int64_t rows = 1; rows <= std::min(mostRows, limit); ++rows)
    for (int64_t columns = 1; columns <= std::min(panels, limit / rows);
         ++columns)
      if (cost(rows, columns) < cost(best.rows, best.panels))
        best = {rows, columns, 0};

  best.block = blockRows(shape, tile, rowBytes, best.rows);
  if (!kernel.filters())
    best.rows =
        std::min<int64_t>(best.rows, llvm::divideCeil(shape.rows, best.block));
  return best;
}
