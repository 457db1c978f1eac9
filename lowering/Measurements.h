//===- Measurements.h - measured times of kernels -------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Tuning files and cost tables have one form, JSON:
//
//   {"format": 1,
//    "isas": {"avx2": {"1x56x56x64 1x56x56x64 k3x3 s1x1 p1x1x1x1 d1x1 g1 w2a2":
//      [{"kernel": "lut", "tile": "4x64", "ns": 190066}, ...]}}}
//
// with a list of timed kernels for each layer. `ns` is the time of the whole
// dispatch. Other keys say where and with what it was measured; `tile` is for
// readers. Of several times of one kernel the least counts.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_MEASUREMENTS_H
#define ULQ_LOWERING_MEASUREMENTS_H

#include "lowering/Layers.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace ulq {

/// What a layer is called in files of measurements: extents of input and
/// output, kernel, strides, pads, dilations, groups, widths of weights and
/// codes, and `computed` where the weights are.
std::string layerKey(const LayerShape &shape);

/// A layer with that key, with symmetric weights and all codes; none where the
/// text is no key.
std::optional<LayerShape> layerOfKey(mlir::MLIRContext *context,
                                     llvm::StringRef key);

/// Nanoseconds of kernels by their name.
using KernelTimes = llvm::StringMap<double>;

/// The times of one ISA by the key of the layer.
using Measurements = llvm::StringMap<KernelTimes>;

/// What `path` holds for `isa`.
llvm::Expected<Measurements> readMeasurements(llvm::StringRef path,
                                              llvm::StringRef isa);

/// Corrects predictions by the measurement of the most similar layer.
class CostTable {
public:
  CostTable() = default;
  /// Fails where a key of `measurements` is none.
  static llvm::Expected<CostTable> build(mlir::MLIRContext *context,
                                         const Measurements &measurements,
                                         const IsaTraits &isa);

  /// The factor for the prediction of `kernel`: 1 where no similar layer was
  /// measured with it.
  double factor(const LayerShape &shape, const Kernel &kernel) const;

private:
  struct Row {
    LayerShape shape;
    double factor;
  };
  llvm::StringMap<llvm::SmallVector<Row>> rows; // by kernel
};

} // namespace ulq

#endif // ULQ_LOWERING_MEASUREMENTS_H
