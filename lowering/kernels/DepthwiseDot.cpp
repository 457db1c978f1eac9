//===- DepthwiseDot.cpp - four taps of a channel at a time ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// For dot4 without sums in 16 bits. The codes of up to four taps of a kernel
// column are interleaved byte by byte, so that a word holds those of one
// channel; dot4 multiplies them by four weights of that channel. Neighbouring
// pixels of a tile share the interleaved columns of the window.
//
// Panels are [columns][lines / 4][runs][channels][4], signed bytes; taps beyond
// the last line are zero vectors, whatever their weights are.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/DepthwiseLanes.h"
#include <map>

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kDot = 4;        // taps of one product
constexpr int64_t kLaneBytes = 16; // shuffles within them are one instruction
/// Everything is unrolled: more taps than this are not taken.
constexpr int64_t kMostTaps = 64;

/// Steps of four taps of a kernel column.
int64_t columnSteps(int64_t lines) { return llvm::divideCeil(lines, kDot); }

/// The expansion of one multiply_tile.
class DepthwiseDotTile {
public:
  DepthwiseDotTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()), multiplier(op.getMultiplier()),
        channels(outputs / multiplier), lines(op.getTapLines()),
        steps(columnSteps(lines)),
        columns(int64_t(op.getDepth()) / (kDot * steps)),
        width(std::min(channels, isa.vectorBytes)),
        bytes(emit.integers(width, 8)), sums(emit.integers(width / kDot, 32)) {}

  void expand() {
    emit.loop(emit.index(0), emit.index(channels / width), 1,
              [&](Value vector) { expandVector(vector); });
    op.erase();
  }

private:
  /// All outputs of `width` channels: four vectors of sums for each run.
  void expandVector(Value vector) {
    Pointer lhs = emit.advance({op.getLhs(), op.getLhsOffset()}, vector, width);
    Pointer rhs =
        emit.advance({op.getRhs(), op.getRhsOffset()}, vector, width * kDot);
    SmallVector<Value> totals(rows * kDot * multiplier, emit.zero(sums));
    // The tile's pixels that use a column, by its offset: they are neighbours.
    std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>> uses;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        uses[row * int64_t(op.getRowBytes()) +
             column * int64_t(op.getTapBytes())]
            .push_back({row, column});
    for (auto &[offset, users] : uses)
      for (int64_t step = 0; step < steps; ++step) {
        SmallVector<Value> codes = interleaved(emit.advance(lhs, offset), step);
        for (auto [row, column] : users)
          addProducts(codes, rhs, column * steps + step,
                      MutableArrayRef(totals).slice(row * kDot * multiplier,
                                                    kDot * multiplier));
      }
    Pointer target = emit.advance({op.getTarget(), op.getTargetOffset()},
                                  vector, width * multiplier * 4);
    for (auto [part, slice] : llvm::enumerate(slices(totals)))
      emit.store(interleaveRuns(emit, slice),
                 emit.advance(target, part / kDot * outputs * 4 +
                                          part % kDot * width * multiplier));
  }

  /// The runs of each vector of each row.
  SmallVector<ArrayRef<Value>> slices(ArrayRef<Value> totals) {
    SmallVector<ArrayRef<Value>> parts;
    for (; !totals.empty(); totals = totals.drop_front(multiplier))
      parts.push_back(totals.take_front(multiplier));
    return parts;
  }

  /// Adds the products of one step to the sums [vector][run] of one row.
  void addProducts(ArrayRef<Value> codes, Pointer rhs, int64_t step,
                   MutableArrayRef<Value> totals) {
    int64_t maxLhs = std::clamp<int64_t>(op.getMaxCode(), 1, 255);
    int64_t maxRhs = std::clamp<int64_t>(op.getLargestWeight(), 1, 128);
    for (auto [part, code] : llvm::enumerate(codes))
      for (int64_t run = 0; run < multiplier; ++run) {
        int64_t first = (step * multiplier + run) * channels * kDot;
        Value weights =
            emit.load(bytes, emit.advance(rhs, first + part * width));
        Value &total = totals[part * multiplier + run];
        total = Dot4Op::create(emit.builder, emit.loc, sums, total, code,
                               weights, maxLhs, maxRhs);
      }
  }

  /// The codes of four lines from `from` on, word after word of the channels.
  SmallVector<Value> interleaved(Pointer from, int64_t step) {
    SmallVector<Value> taps;
    for (int64_t line = step * kDot; line < (step + 1) * kDot; ++line)
      taps.push_back(
          line < lines
              ? inLanes(emit.load(
                    bytes,
                    emit.advance(from, line * int64_t(op.getLineBytes()))))
              : emit.zero(bytes));
    VectorType halves = emit.integers(width / 2, 16);
    SmallVector<Value> result;
    for (bool upper : {false, true}) {
      Value first = emit.bitcast(unpack(taps[0], taps[1], upper), halves);
      Value second = emit.bitcast(unpack(taps[2], taps[3], upper), halves);
      for (bool upperWords : {false, true})
        result.push_back(
            emit.bitcast(unpack(first, second, upperWords), bytes));
    }
    return result;
  }

  /// Moves words of four channels, so that channels are in order after they
  /// were interleaved within lanes: word v of lane l is that of quarter v.
  Value inLanes(Value codes) {
    int64_t lanes = width / kLaneBytes;
    if (lanes == 1)
      return codes;
    SmallVector<int64_t> order;
    for (int64_t word = 0; word < width / kDot; ++word)
      order.push_back(word % kDot * lanes + word / kDot);
    Value words = emit.bitcast(codes, sums);
    return emit.bitcast(shuffle(words, words, order), bytes);
  }

  /// Elements of the lower or upper halves of each lane, in turn.
  Value unpack(Value lhs, Value rhs, bool upper) {
    auto type = cast<VectorType>(lhs.getType());
    int64_t elements = type.getNumElements();
    int64_t half = kLaneBytes * 8 / type.getElementTypeBitWidth() / 2;
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < elements; lane += 2 * half)
      for (int64_t i = 0; i < half; ++i) {
        int64_t from = lane + (upper ? half : 0) + i;
        order.append({from, elements + from});
      }
    return shuffle(lhs, rhs, order);
  }

  Value shuffle(Value lhs, Value rhs, ArrayRef<int64_t> order) {
    return vector::ShuffleOp::create(emit.builder, emit.loc, lhs, rhs, order);
  }

  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, multiplier, channels;
  int64_t lines, steps, columns; // of the window
  int64_t width;                 // channels of a vector of codes
  VectorType bytes, sums;
};

struct DepthwiseDotKernel final : Kernel {
  StringRef name() const override { return "depthwise_dot"; }
  ArrayRef<RegisterOp> needs() const override {
    static const RegisterOp ops[] = {RegisterOp::Dot4};
    return ops;
  }
  bool accumulatesCodes() const override { return false; }
  bool groupsAreLanes() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    int64_t slots = rowFormat(shape).depth;
    if (shape.codeBits > 8 || !isa.wideDot4 || !isDepthwise(shape) ||
        !weightsFitBytes(shape) || slots > kMostTaps)
      return std::nullopt;
    int64_t multiplier = shape.outputs;
    int64_t channels = panelChannels(shape, kLaneBytes, isa.vectorBytes);
    Candidate tile;
    // Four vectors of sums for each run, in half of the registers.
    tile.rows = std::min(
        shape.geometry.getOutput()[2],
        std::clamp<int64_t>(isa.vectorRegisters / 8 / multiplier, 1, 4));
    tile.outputs = channels * multiplier;
    double padding =
        double(llvm::alignTo(shape.groups, channels)) / double(shape.groups);
    // Four products and, shared by all runs, up to 11 shuffles for four taps
    // of a vector of channels.
    double cycles = 4.0 * isa.dot4Cycles + 5.5 / double(multiplier);
    tile.cyclesPerMac = padding * cycles * double(slots) / kDot /
                        double(shape.taps) /
                        double(std::min(channels, isa.vectorBytes));
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    ArrayRef<int64_t> kernel = shape.geometry.getKernel();
    return pixelFormat(shape, kernel[1] * columnSteps(kernel[0]) * kDot);
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    CodePanel panel = panelOf(shape, tile);
    ArrayRef<int64_t> kernel = shape.geometry.getKernel();
    int64_t channels = tile.outputs / shape.outputs;
    auto insert = [&](MutableArrayRef<uint8_t> bytes, int64_t run,
                      int64_t channel, ArrayRef<int32_t> taps) {
      for (auto [tap, weight] : llvm::enumerate(taps)) {
        int64_t line = int64_t(tap) / kernel[1], column = tap % kernel[1];
        int64_t step = column * columnSteps(kernel[0]) + line / kDot;
        int64_t lane = (step * shape.outputs + run) * channels + channel;
        panel.insert(bytes, lane * kDot + line % kDot,
                     panel.width == 8
                         ? weight
                         : (weight - shape.weightBase) / shape.weightStep);
      }
    };
    return packChannels(shape, tile, panel.packedBytes(), weights, insert);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    return panelOf(shape, tile).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const override {
    CodePanel panel = panelOf(shape, tile);
    return panel.width == 8 ? 0 : panel.paddedCodes();
  }

  void expandUnpack(OpBuilder &builder, UnpackWeightsOp op,
                    const IsaTraits &isa) const override {
    Emitter emit{builder, op.getLoc()};
    CodePanel panel(op.getWeightBits(),
                    int64_t(op.getDepth()) * op.getKernel().getOutputs());
    unpackBytes(emit, op, panel, isa.vectorBytes);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    DepthwiseDotTile(builder, op, isa).expand();
  }

private:
  CodePanel panelOf(const LayerShape &shape, const Candidate &tile) const {
    return CodePanel(shape.weightBits, rowFormat(shape).depth * tile.outputs);
  }
};

} // namespace

ArrayRef<const Kernel *> getDepthwiseDotKernels() {
  static const DepthwiseDotKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
