//===- Winograd.cpp - exact 3x3 convolutions with fewer products ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Codes of few bits leave room in 8: tiles of the image and the weights are
// transformed by integer matrices (dialect/Winograd.h) to unsigned and signed
// bytes, multiplied element by element, which over the channels is one matrix
// product for each of the scheme's products, and transformed back. Nothing is
// rounded, so the sums are those of the convolution.
//
// Weights stand in the program as packed codes, [depth / 4][tap][outputs][4]
// for a panel, with the sums of each tap behind them, and are transformed once
// per workgroup.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/TileChoice.h"
#include "lowering/kernels/WinogradPlan.h"

using namespace mlir;

namespace ulq {

namespace {

class WinogradKernel final : public Kernel {
public:
  WinogradKernel(StringRef name, Filter rows, Filter columns)
      : label(name), axes(rows, columns), scheme(rows, columns) {}

  StringRef name() const override { return label; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }
  bool accumulatesCodes() const override { return false; }
  std::optional<Filters> filters() const override { return axes; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (!isPlain3x3(shape.geometry) || isa.dot4Cycles == 0 ||
        shape.codeBits > 8 || shape.weightBits > 8)
      return std::nullopt;
    int64_t depth = rowFormat(shape).depth;
    int64_t weight = shape.largestWeight();
    int64_t code = shape.maxCode * scheme.inputNorm();
    if (code > UINT8_MAX || weight * scheme.weightNorm() > INT8_MAX ||
        weight > INT16_MAX / depth || !llvm::isPowerOf2_64(shape.weightStep))
      return std::nullopt;
    weight *= scheme.weightNorm();
    if (code * weight > INT32_MAX / depth ||
        accumulatorBound(shape) > INT32_MAX / scheme.scale())
      return std::nullopt;

    WinogradPlan plan(shape, scheme);
    LayerShape product = shape;
    product.rows = plan.tiles();
    bool fast = isFastDot4(isa, code * weight);
    TileLimits limits = dotLimits(isa, fast);
    limits.vectors = std::min(limits.vectors, kMostPanelOutputs / limits.lanes);
    Candidate tile = chooseTile(product, limits);
    double dotCycles = dot4Cycles(isa, code * weight);
    int64_t steps = dot2Steps(isa, code * weight);
    if (steps > 1 && dot2Cycles(isa, code * weight) < dotCycles) {
      dotCycles = dot2Cycles(isa, code * weight);
      tile.narrowBits = 16;
      tile.flushInterval = 2 * steps;
    }
    tile.cyclesPerMac *= cyclesPerMac(shape, plan, isa, dotCycles);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t codes = shape.tapBytes() * shape.codesPerByte();
    return {/*expand=*/true, /*rowBytes=*/int64_t(llvm::alignTo(codes, 64)),
            /*depth=*/int64_t(llvm::alignTo(codes, kDot))};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    PackedTaps packed = packedTaps(shape, tile);
    SmallVector<int64_t> order =
        expandedOrder(shape.channels, shape.storageBits);
    auto pack = [&](MutableArrayRef<uint8_t> bytes, int64_t lane,
                    ArrayRef<int32_t> weights) {
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        // Code 0 stands in the padding of the depth.
        auto sum = static_cast<int16_t>(packed.depth * shape.weightBase);
        for (auto [k, channel] : llvm::enumerate(order)) {
          if (channel < 0)
            continue;
          int32_t weight = weights[tap * shape.channels + channel];
          sum += weight - shape.weightBase;
          packed.panel.insert(bytes, packed.position(k, tap, lane),
                              (weight - shape.weightBase) / shape.weightStep);
        }
        std::memcpy(&bytes[packed.sumAt(tap) + lane * kSumBytes], &sum,
                    kSumBytes);
      }
    };
    return packPanels(shape, tile, packed.packedBytes(), weights, pack);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return packedTaps(shape, tile).packedBytes();
  }
  /// The transformed weights, product after product, and the start values.
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const override {
    int64_t bytes = apart(packedTaps(shape, tile).productBytes());
    return scheme.products() * (bytes + tile.outputs * 4);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    const Kernel *dot = lookupKernel(op.getNarrowBits() ? "dot16" : "dot");
    dot->expandMultiply(builder, op, isa);
  }

private:
  static int64_t accumulatorBound(const LayerShape &shape) {
    return kTaps * shape.channels * shape.maxCode * shape.largestWeight();
  }

  static bool isPlain3x3(GeometryAttr g) {
    auto are = [](ArrayRef<int64_t> values, int64_t expected) {
      return llvm::all_of(values, [&](int64_t v) { return v == expected; });
    };
    return g.getGroups() == 1 && are(g.getKernel(), kFilterTaps) &&
           are(g.getStrides(), 1) && are(g.getDilations(), 1);
  }

  PackedTaps packedTaps(const LayerShape &shape, const Candidate &tile) const {
    return PackedTaps(shape.weightBits, rowFormat(shape).depth, tile.outputs);
  }

  /// Predicted cycles for each multiply-accumulate of the convolution, with
  /// `dotCycles` for each vector of its products.
  double cyclesPerMac(const LayerShape &shape, const WinogradPlan &plan,
                      const IsaTraits &isa, double dotCycles) const {
    double tiles = double(plan.blocks() * plan.tiles());
    double products = double(scheme.products());
    double outputs = double(shape.outputs), vector = double(isa.vectorBytes);
    double depth = double(rowFormat(shape).rowBytes);
    // A transformed vector of codes takes about 3
    // instructions, one of sums 5, at 2 a cycle; one of weights, measured, as
    // long as 9, for it goes to the second-level cache and comes back.
    double multiply = dotCycles * tiles * products * depth * outputs / vector;
    double input = 1.5 * tiles * products * depth / vector;
    double weights = 4.5 * products * depth * outputs / vector;
    double output = 2.5 * tiles * products * outputs * 4 / vector;
    double macs = double(shape.rows) * kTaps * double(shape.channels) * outputs;
    return (multiply + input + weights + output) / macs;
  }

  StringRef label;
  Filters axes;
  Scheme scheme;
};

} // namespace

ArrayRef<const Kernel *> getWinogradKernels() {
  static const WinogradKernel f2x2("winograd_f2x2", Filter::F2, Filter::F2);
  static const WinogradKernel f3x3("winograd_f3x3", Filter::F3, Filter::F3);
  static const WinogradKernel f4x3("winograd_f4x3", Filter::F4, Filter::F3);
  static const WinogradKernel f4x4("winograd_f4x4", Filter::F4, Filter::F4);
  static const WinogradKernel q4x2("winograd_q4x2", Filter::Q4, Filter::F2);
  static const WinogradKernel q4x4("winograd_q4x4", Filter::Q4, Filter::Q4);
  static const Kernel *const all[] = {&f2x2, &f3x3, &f4x3, &f4x4, &q4x2, &q4x4};
  return all;
}

} // namespace ulq
