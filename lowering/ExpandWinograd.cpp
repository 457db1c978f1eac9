//===- ExpandWinograd.cpp - expansion of the winograd tile ops ------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/ExpandWinograd.h"
#include "lowering/kernels/LinearMap.h"
#include "lowering/kernels/WinogradPlan.h"

using namespace mlir;
using namespace ulq;

namespace {

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

} // namespace

void ulq::expandWinogradInput(OpBuilder &builder, WinogradInputOp op,
                              const IsaTraits &isa) {
  InputExpander(builder, op, isa).run();
}

void ulq::expandWinogradWeights(OpBuilder &builder, WinogradWeightsOp op,
                                const IsaTraits &isa) {
  WeightsExpander(builder, op, isa).run();
}

void ulq::expandWinogradOutput(OpBuilder &builder, WinogradOutputOp op,
                               const IsaTraits &isa) {
  OutputExpander(builder, op, isa).run();
}
