//===- Measurements.cpp - measured times of kernels -----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Measurements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kFormat = 1;

/// Dissimilarity, in factors of two of an extent: of other kernel extents for
/// each factor of two in taps, and of other strides.
constexpr double kTapsWeight = 2.0;
constexpr double kStridesWeight = 2.0;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

struct TimedKernel {
  std::string kernel;
  double ns = 0;
};

bool fromJSON(const llvm::json::Value &value, TimedKernel &timed,
              llvm::json::Path path) {
  llvm::json::ObjectMapper mapper(value, path);
  if (!mapper || !mapper.map("kernel", timed.kernel) ||
      !mapper.map("ns", timed.ns))
    return false;
  if (timed.ns > 0)
    return true;
  path.field("ns").report("expected a positive number");
  return false;
}

struct MeasurementsFile {
  int64_t format = 0;
  std::map<std::string, std::map<std::string, std::vector<TimedKernel>>> isas;
};

bool fromJSON(const llvm::json::Value &value, MeasurementsFile &file,
              llvm::json::Path path) {
  llvm::json::ObjectMapper mapper(value, path);
  if (!mapper || !mapper.map("format", file.format))
    return false;
  if (file.format == kFormat)
    return mapper.map("isas", file.isas);
  path.field("format").report("expected 1");
  return false;
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

std::string extents(ArrayRef<int64_t> values) {
  return llvm::join(
      llvm::map_range(values, [](int64_t v) { return std::to_string(v); }),
      "x");
}

/// `count` positive or zero numbers with an x between them, after `prefix`.
bool parseExtents(StringRef text, StringRef prefix, size_t count,
                  SmallVectorImpl<int64_t> &values) {
  if (!text.consume_front(prefix))
    return false;
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  for (StringRef part : parts) {
    int64_t value;
    if (part.getAsInteger(10, value) || value < 0)
      return false;
    values.push_back(value);
  }
  return values.size() == count;
}

/// The widths in `w2a2`.
bool parseWidths(StringRef text, int64_t &weights, int64_t &codes) {
  auto isWidth = [](int64_t bits) {
    return (bits >= 1 && bits <= 8) || bits == 32;
  };
  auto [first, second] = text.split('a');
  return first.consume_front("w") && !first.getAsInteger(10, weights) &&
         !second.getAsInteger(10, codes) && isWidth(weights) && isWidth(codes);
}

//===----------------------------------------------------------------------===//
// Similarity
//===----------------------------------------------------------------------===//

double octaves(int64_t a, int64_t b) {
  return std::abs(std::log2(double(a) / double(b)));
}

bool isDepthwise(const LayerShape &shape) {
  return shape.groups > 1 && shape.channels == 1 && !shape.computed;
}

/// Whether the time of one layer says something of the other's.
bool comparable(const LayerShape &a, const LayerShape &b) {
  return a.codeBits == b.codeBits && a.weightBits == b.weightBits &&
         a.computed == b.computed && isDepthwise(a) == isDepthwise(b);
}

double distance(const LayerShape &a, const LayerShape &b) {
  bool sameStrides = a.geometry.getStrides() == b.geometry.getStrides();
  return octaves(a.rows, b.rows) + octaves(a.outputs, b.outputs) +
         octaves(a.channels, b.channels) + octaves(a.groups, b.groups) +
         kTapsWeight * octaves(a.taps, b.taps) +
         (sameStrides ? 0 : kStridesWeight);
}

} // namespace

std::string layerKey(const LayerShape &shape) {
  GeometryAttr g = shape.geometry;
  std::string key =
      extents(g.getInput()) + " " + extents(g.getOutput()) + " k" +
      extents(g.getKernel()) + " s" + extents(g.getStrides()) + " p" +
      extents(g.getPads()) + " d" + extents(g.getDilations()) + " g" +
      std::to_string(g.getGroups()) + " w" + std::to_string(shape.weightBits) +
      "a" + std::to_string(shape.codeBits);
  return shape.computed ? key + " computed" : key;
}

std::optional<LayerShape> layerOfKey(MLIRContext *context, StringRef key) {
  LayerShape shape;
  shape.computed = key.consume_back(" computed");
  SmallVector<StringRef> words;
  key.split(words, ' ');
  SmallVector<int64_t> input, output, kernel, strides, pads, dilations, groups;
  if (words.size() != 8 || !parseExtents(words[0], "", 4, input) ||
      !parseExtents(words[1], "", 4, output) ||
      !parseExtents(words[2], "k", 2, kernel) ||
      !parseExtents(words[3], "s", 2, strides) ||
      !parseExtents(words[4], "p", 4, pads) ||
      !parseExtents(words[5], "d", 2, dilations) ||
      !parseExtents(words[6], "g", 1, groups) ||
      !parseWidths(words[7], shape.weightBits, shape.codeBits))
    return std::nullopt;
  for (ArrayRef<int64_t> values :
       {ArrayRef(input), ArrayRef(output), ArrayRef(kernel), ArrayRef(groups)})
    if (llvm::is_contained(values, 0))
      return std::nullopt;
  if (input[3] % groups[0] || output[3] % groups[0])
    return std::nullopt;
  auto array = [&](ArrayRef<int64_t> v) {
    return DenseI64ArrayAttr::get(context, v);
  };
  shape.geometry = GeometryAttr::get(context, array(input), array(output),
                                     array(kernel), array(strides), array(pads),
                                     array(dilations), groups[0]);
  fillExtents(shape);
  bool isFloat = shape.codeBits == 32;
  shape.storageBits = isFloat ? 32 : storageBits(shape.codeBits);
  shape.maxCode = isFloat ? 0 : (1 << shape.codeBits) - 1;
  int64_t largest = isFloat ? 0 : (1 << (shape.weightBits - 1)) - 1;
  bool bipolar = shape.weightBits == 1;
  shape.weightBase = bipolar ? -1 : -largest;
  shape.weightStep = bipolar ? 2 : 1;
  shape.weightLevels = isFloat ? 0 : bipolar ? 2 : 2 * largest + 1;
  return shape;
}

llvm::Expected<Measurements> readMeasurements(StringRef path, StringRef isa) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cannot read the file: " +
                                   buffer.getError().message());
  auto file = llvm::json::parse<MeasurementsFile>((*buffer)->getBuffer(), "");
  if (!file)
    return file.takeError();
  auto found = file->isas.find(isa.str());
  if (found == file->isas.end()) {
    std::string others = llvm::join(llvm::make_first_range(file->isas), ", ");
    return llvm::createStringError("expected measurements on " + isa +
                                   ", got those on " +
                                   (others.empty() ? "no ISA" : others));
  }
  Measurements measurements;
  for (const auto &[key, kernels] : found->second)
    for (const TimedKernel &timed : kernels) {
      double &ns =
          measurements[key].try_emplace(timed.kernel, timed.ns).first->second;
      ns = std::min(ns, timed.ns);
    }
  return measurements;
}

llvm::Expected<CostTable> CostTable::build(MLIRContext *context,
                                           const Measurements &measurements,
                                           const IsaTraits &isa) {
  CostTable table;
  SmallVector<double> all;
  for (const auto &layer : measurements) {
    std::optional<LayerShape> shape = layerOfKey(context, layer.getKey());
    if (!shape)
      return llvm::createStringError("expected the key of a layer, got '" +
                                     layer.getKey() + "'");
    for (const auto &timed : layer.getValue()) {
      const Kernel *kernel = lookupKernel(timed.getKey());
      std::optional<Candidate> tile =
          kernel ? kernel->match(*shape, isa) : std::nullopt;
      if (!tile)
        continue;
      double cycles = predictedCycles(*shape, *kernel, *tile) *
                      static_cast<double>(shape->macs());
      double nsPerCycle = timed.getValue() / cycles;
      table.rows[timed.getKey()].push_back({*shape, nsPerCycle});
      all.push_back(nsPerCycle);
    }
  }
  if (all.empty())
    return table;
  // What has no row keeps its prediction, so the rows are brought to its unit.
  auto *middle = all.begin() + all.size() / 2;
  std::nth_element(all.begin(), middle, all.end());
  for (auto &kernel : table.rows)
    for (Row &row : kernel.getValue())
      row.factor /= *middle;
  return table;
}

double CostTable::factor(const LayerShape &shape, const Kernel &kernel) const {
  auto found = rows.find(kernel.name());
  if (found == rows.end())
    return 1.0;
  // The least factor breaks ties, whatever the order of the rows.
  std::optional<std::pair<double, double>> best;
  for (const Row &row : found->getValue()) {
    if (!comparable(shape, row.shape))
      continue;
    std::pair<double, double> entry(distance(shape, row.shape), row.factor);
    if (!best || entry < *best)
      best = entry;
  }
  return best ? best->second : 1.0;
}

} // namespace ulq
