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

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/LinearMap.h"
#include "lowering/kernels/TileChoice.h"
#include "lowering/kernels/WinogradPlan.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kDot = 4; // bytes of one product
constexpr int64_t kTaps = kFilterTaps * kFilterTaps;
constexpr int64_t kSumBytes = 2; // of the sum of a tap's weights

//===----------------------------------------------------------------------===//
// Layout of packed weights
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Expansion
//===----------------------------------------------------------------------===//

class InputExpander {
public:
  InputExpander(OpBuilder &builder, WinogradInputOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), scheme(op.getScheme()),
        bytes(emit.integers(isa.vectorBytes, 8)) {}

  void run() {
    int64_t rowBytes = op.getRowBytes();
    emit.loop(emit.index(0), emit.index(op.getTileRows()), 1, [&](Value row) {
      emit.loop(emit.index(0), emit.index(rowBytes), bytes.getNumElements(),
                [&](Value channel) { transformLine(row, channel); });
    });
    op.erase();
  }

private:
  /// A line of tiles: the columns that two neighbours share are transformed
  /// once.
  void transformLine(Value row, Value channel) {
    int64_t tileColumns = op.getTileColumns(), rowBytes = op.getRowBytes();
    int64_t step = scheme.columns.outputs() * rowBytes;
    Pointer source = emit.advance({op.getSource(), op.getSourceOffset()}, row,
                                  scheme.rows.outputs() * lineBytes());
    source.offset = emit.add(source.offset, channel);
    Pointer target = emit.advance({op.getTarget(), op.getTargetOffset()}, row,
                                  tileColumns * rowBytes);
    target.offset = emit.add(target.offset, channel);

    SmallVector<Value> shared;
    for (int64_t column = 0; column < kFilterTaps - 1; ++column)
      llvm::append_range(shared, transformColumn(source, column));
    auto body = [&](Value tile, ValueRange carried) {
      SmallVector<Value> columns(carried);
      Pointer from = emit.advance(source, tile, step);
      for (int64_t column = kFilterTaps - 1; column < scheme.columns.inputs();
           ++column)
        llvm::append_range(columns, transformColumn(from, column));
      transformRows(columns, emit.advance(target, tile, rowBytes));
      return SmallVector<Value>(ArrayRef<Value>(columns).take_back(
          (kFilterTaps - 1) * scheme.rows.products()));
    };
    emit.loop(emit.index(0), emit.index(tileColumns), 1, shared, body);
  }

  SmallVector<Value> transformColumn(Pointer source, int64_t column) {
    SmallVector<Value> pixels;
    for (int64_t line = 0; line < scheme.rows.inputs(); ++line)
      pixels.push_back(emit.load(
          bytes, emit.advance(source, line * lineBytes() +
                                          column * int64_t(op.getRowBytes()))));
    return LinearMap(emit, scheme.rows.input).apply(pixels);
  }

  void transformRows(ArrayRef<Value> columns, Pointer target) {
    int64_t height = scheme.rows.products(), product = 0;
    for (int64_t i = 0; i < height; ++i) {
      SmallVector<Value> line;
      for (int64_t j = 0; j < scheme.columns.inputs(); ++j)
        line.push_back(columns[j * height + i]);
      for (auto [j, value] :
           llvm::enumerate(LinearMap(emit, scheme.columns.input).apply(line))) {
        int64_t offset = scheme.offset(i, j) * int64_t(op.getMaxCode());
        emit.store(
            emit.add(value, offset),
            emit.advance(target, product++ * int64_t(op.getProductBytes())));
      }
    }
  }

  int64_t lineBytes() { return op.getLineBytes(); }

  Emitter emit;
  WinogradInputOp op;
  Scheme scheme;
  VectorType bytes;
};

class WeightsExpander {
public:
  WeightsExpander(OpBuilder &builder, WinogradWeightsOp op,
                  const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), scheme(op.getScheme()),
        packed(op.getWeightBits(), op.getDepth(), op.getOutputs()),
        vectorBytes(isa.vectorBytes), bytes(emit.integers(vectorBytes, 8)) {}

  void run() {
    int64_t unitBytes = packed.unitSteps() * kTaps * packed.stepBytes() /
                        packed.panel.codesPerByte();
    emit.loop(emit.index(0), emit.index(packed.units()), 1, [&](Value unit) {
      Pointer from =
          emit.advance({op.getSource(), op.getSourceOffset()}, unit, unitBytes);
      Pointer to = emit.advance({op.getTarget(), op.getTargetOffset()}, unit,
                                packed.unitSteps() * packed.stepBytes());
      for (int64_t step = 0; step < packed.unitSteps(); ++step)
        for (int64_t lane = 0; lane < packed.stepBytes(); lane += vectorBytes)
          transformStep(from, step, lane,
                        emit.advance(to, step * packed.stepBytes() + lane));
    });
    startValues();
    op.erase();
  }

private:
  void transformStep(Pointer unit, int64_t step, int64_t lane, Pointer to) {
    SmallVector<Value> taps;
    for (int64_t tap = 0; tap < kTaps; ++tap)
      taps.push_back(
          weights(unit, (step * kTaps + tap) * packed.stepBytes() + lane));
    SmallVector<Value> products =
        applyBoth(emit, scheme.rows.weights, scheme.columns.weights, taps);
    for (auto [p, product] : llvm::enumerate(products))
      emit.store(product, emit.advance(to, p * int64_t(op.getProductBytes())));
  }

  /// The weights that start at code `position` of a unit, as signed bytes.
  Value weights(Pointer unit, int64_t position) {
    const CodePanel &panel = packed.panel;
    int64_t within = position % panel.codesPerChunk();
    int64_t byte = position / panel.codesPerChunk() * CodePanel::kChunkBytes +
                   panel.chunkByte(within);
    Value loaded = emit.load(bytes, emit.advance(unit, byte));
    Value codes = panel.decode(emit, loaded, within);
    for (int64_t step = op.getWeightStep(); step > 1; step /= 2)
      codes = emit.add(codes, codes);
    return emit.add(codes, int64_t(op.getWeightBase()));
  }

  /// Minus the offset of each product times the sum of its weights: that sum
  /// is the product of the sums of the taps.
  void startValues() {
    int64_t lanes = vectorBytes / 4, outputs = op.getOutputs();
    VectorType words = emit.integers(lanes, 32);
    VectorType halves = emit.integers(lanes, 16);
    auto body = [&](Value lane) {
      Pointer from =
          emit.advance({op.getSource(), op.getSourceOffset()}, lane, kSumBytes);
      SmallVector<Value> sums;
      for (int64_t tap = 0; tap < kTaps; ++tap)
        sums.push_back(arith::ExtSIOp::create(
            emit.builder, emit.loc, words,
            emit.load(halves, emit.advance(from, packed.sumAt(tap)))));
      Pointer to =
          emit.advance({op.getTarget(), op.getStartsOffset()}, lane, 4);
      SmallVector<Value> products =
          applyBoth(emit, scheme.rows.weights, scheme.columns.weights, sums);
      for (auto [p, product] : llvm::enumerate(products)) {
        int64_t offset = scheme.offset(p / scheme.columns.products(),
                                       p % scheme.columns.products());
        emit.store(emit.mul(product, -offset * int64_t(op.getMaxCode())),
                   emit.advance(to, p * outputs * 4));
      }
    };
    emit.loop(emit.index(0), emit.index(outputs), lanes, body);
  }

  Emitter emit;
  WinogradWeightsOp op;
  Scheme scheme;
  PackedTaps packed;
  int64_t vectorBytes;
  VectorType bytes;
};

class OutputExpander {
public:
  OutputExpander(OpBuilder &builder, WinogradOutputOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), scheme(op.getScheme()),
        words(emit.integers(isa.vectorBytes / 4, 32)) {}

  void run() {
    int64_t columns = op.getTileColumns(), outputs = op.getOutputs();
    int64_t pixelBytes = outputs * 4;
    int64_t lineBytes = columns * scheme.columns.outputs() * pixelBytes;
    emit.loop(emit.index(0), emit.index(op.getTileRows()), 1, [&](Value row) {
      Pointer source = emit.advance({op.getSource(), op.getSourceOffset()}, row,
                                    columns * pixelBytes);
      Pointer target = emit.advance({op.getTarget(), op.getTargetOffset()}, row,
                                    scheme.rows.outputs() * lineBytes);
      emit.loop(emit.index(0), emit.index(columns), 1, [&](Value column) {
        Pointer from = emit.advance(source, column, pixelBytes);
        Pointer to =
            emit.advance(target, column, scheme.columns.outputs() * pixelBytes);
        emit.loop(emit.index(0), emit.index(outputs), words.getNumElements(),
                  [&](Value lane) {
                    transform(emit.advance(from, lane, 4),
                              emit.advance(to, lane, 4), lineBytes, pixelBytes);
                  });
      });
    });
    op.erase();
  }

private:
  void transform(Pointer from, Pointer to, int64_t lineBytes,
                 int64_t pixelBytes) {
    SmallVector<Value> sums;
    for (int64_t p = 0; p < scheme.products(); ++p)
      sums.push_back(emit.load(
          words, emit.advance(from, p * int64_t(op.getProductBytes()))));
    SmallVector<Value> pixels =
        applyBoth(emit, scheme.rows.output, scheme.columns.output, sums);
    for (auto [i, pixel] : llvm::enumerate(pixels)) {
      int64_t y = i / scheme.columns.outputs(),
              x = i % scheme.columns.outputs();
      emit.store(unscale(pixel),
                 emit.advance(to, y * lineBytes + x * pixelBytes));
    }
  }

  /// An exact division: by the odd factor through its inverse modulo 2^32, by
  /// the power of two through a shift.
  Value unscale(Value value) {
    auto odd = static_cast<uint32_t>(scheme.scale());
    int64_t shift = llvm::countr_zero(odd);
    odd >>= shift;
    uint32_t inverse = odd; // exact in 3 bits; each step doubles them
    for (int64_t bits = 3; bits < 32; bits *= 2)
      inverse *= 2 - odd * inverse;
    if (odd != 1)
      value = emit.mul(value, static_cast<int32_t>(inverse));
    return arith::ShRSIOp::create(emit.builder, emit.loc, value,
                                  emit.constant(words, shift));
  }

  Emitter emit;
  WinogradOutputOp op;
  Scheme scheme;
  VectorType words;
};

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

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
    int64_t weight =
        std::max(std::abs(shape.minWeight()), std::abs(shape.maxWeight()));
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
    bool fast = isa.wideDot4 || 2 * code * weight <= INT16_MAX;
    Candidate tile = chooseTile(product, dotLimits(isa, fast));
    tile.cyclesPerMac *= cyclesPerMac(shape, plan, isa, fast);
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
    lookupKernel("dot")->expandMultiply(builder, op, isa);
  }

private:
  static int64_t accumulatorBound(const LayerShape &shape) {
    int64_t weight =
        std::max(std::abs(shape.minWeight()), std::abs(shape.maxWeight()));
    return kTaps * shape.channels * shape.maxCode * weight;
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

  /// Predicted cycles for each multiply-accumulate of the convolution.
  double cyclesPerMac(const LayerShape &shape, const WinogradPlan &plan,
                      const IsaTraits &isa, bool fast) const {
    double tiles = double(plan.blocks() * plan.tiles());
    double products = double(scheme.products());
    double outputs = double(shape.outputs), vector = double(isa.vectorBytes);
    double depth = double(rowFormat(shape).rowBytes);
    // 1.27 as in Dot.cpp. A transformed vector of codes takes about 3
    // instructions, one of sums 5, at 2 a cycle; one of weights, measured, as
    // long as 9, for it goes to the second-level cache and comes back.
    double multiply = 1.27 * isa.dot4Cycles * (fast ? 1.0 : 2.0) * tiles *
                      products * depth * outputs / vector;
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

void expandWinogradInput(OpBuilder &builder, WinogradInputOp op,
                         const IsaTraits &isa) {
  InputExpander(builder, op, isa).run();
}

void expandWinogradWeights(OpBuilder &builder, WinogradWeightsOp op,
                           const IsaTraits &isa) {
  WeightsExpander(builder, op, isa).run();
}

void expandWinogradOutput(OpBuilder &builder, WinogradOutputOp op,
                          const IsaTraits &isa) {
  OutputExpander(builder, op, isa).run();
}

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
