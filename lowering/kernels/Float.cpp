//===- Float.cpp - products of f32 ----------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// f32 rows by f32 weights, or by integer weights that are unpacked to f32 once
// per workgroup. Panel: [depth][outputs] f32; one element of a row times one
// vector of outputs at a time, in the order of the depth.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/CodePanel.h"
#include "lowering/kernels/Kernel.h"
#include "lowering/kernels/TileChoice.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ulq {

namespace {

constexpr int64_t kFloatBytes = 4;

/// The expansion of one multiply_tile.
struct FloatTile {
  Emitter emit;
  MultiplyTileOp op;
  int64_t rows, outputs, lanes;
  bool fma;
  VectorType floats;

  FloatTile(OpBuilder &builder, MultiplyTileOp op, const IsaTraits &isa)
      : emit{builder, op.getLoc()}, op(op), rows(op.getKernel().getRows()),
        outputs(op.getKernel().getOutputs()),
        lanes(isa.vectorBytes / kFloatBytes), fma(isa.fma),
        floats(emit.floats(lanes)) {}

  int64_t vectors() const { return outputs / lanes; }

  Value multiplyAdd(Value lhs, Value rhs, Value acc) {
    if (fma)
      return math::FmaOp::create(emit.builder, emit.loc, lhs, rhs, acc);
    Value product = arith::MulFOp::create(emit.builder, emit.loc, lhs, rhs);
    return arith::AddFOp::create(emit.builder, emit.loc, acc, product);
  }

  SmallVector<Value> step(Value k, ValueRange carried) {
    Pointer rhs = emit.advance({op.getRhs(), op.getRhsOffset()}, k,
                               outputs * kFloatBytes);
    Pointer lhs =
        emit.advance({op.getLhs(), op.getLhsOffset()}, k, kFloatBytes);
    SmallVector<Value> weights, sums;
    for (int64_t v = 0; v < vectors(); ++v)
      weights.push_back(
          emit.load(floats, emit.advance(rhs, v * lanes * kFloatBytes)));
    for (int64_t row = 0; row < rows; ++row) {
      Value value =
          emit.loadSplat(floats, emit.advance(lhs, row * op.getRowBytes()));
      for (int64_t v = 0; v < vectors(); ++v)
        sums.push_back(
            multiplyAdd(value, weights[v], carried[row * vectors() + v]));
    }
    return sums;
  }

  void expand() {
    SmallVector<Value> zeros(rows * vectors(), emit.zero(floats));
    SmallVector<Value> sums = emit.loop(
        emit.index(0), emit.index(op.getDepth()), 1, zeros,
        [&](Value k, ValueRange carried) { return step(k, carried); });
    Pointer target{op.getTarget(), op.getTargetOffset()};
    for (auto [i, sum] : llvm::enumerate(sums))
      emit.store(sum, emit.advance(target, i * lanes * kFloatBytes));
    op.erase();
  }
};

struct FloatKernel final : Kernel {
  StringRef name() const override { return "float32"; }
  ArrayRef<RegisterOp> needs() const override { return {}; }
  bool accumulatesCodes() const override { return false; }
  bool panelsAreWords() const override { return true; }

  std::optional<Candidate> match(const LayerShape &shape,
                                 const IsaTraits &isa) const override {
    if (shape.codeBits != 32)
      return std::nullopt;
    bool many = isa.vectorRegisters >= 32;
    TileLimits limits;
    limits.lanes = isa.vectorBytes / kFloatBytes;
    limits.vectors = many ? 4 : 2;
    // Without fma a product needs a register of its own.
    limits.accumulators = many ? 24 : isa.fma ? 12 : 8;
    limits.maxRows = 12;
    limits.narrowCost = 1.1;
    limits.smallRows = 1;
    Candidate tile = chooseTile(shape, limits);
    double unpackCycles = shape.weightBits > 8 ? 0.0 : 2.0 / shape.rows;
    tile.cyclesPerMac *=
        ((isa.fma ? 0.6 : 1.2) + unpackCycles) / double(limits.lanes);
    return tile;
  }

  RowFormat rowFormat(const LayerShape &shape) const override {
    int64_t depth = shape.taps * shape.channels;
    return {/*expand=*/false,
            /*rowBytes=*/int64_t(llvm::alignTo(depth * kFloatBytes, 64)),
            depth};
  }

  SmallVector<uint8_t> packWeights(const LayerShape &shape,
                                   const Candidate &tile, const IsaTraits &,
                                   ArrayRef<int32_t> weights) const override {
    bool floats = shape.weightBits > 8;
    CodePanel panel(floats ? 8 : shape.weightBits,
                    rowFormat(shape).depth * tile.outputs);
    auto pack = [&](MutableArrayRef<uint8_t> bytes, int64_t lane,
                    ArrayRef<int32_t> weights) {
      for (auto [k, weight] : llvm::enumerate(weights)) {
        int64_t place = k * tile.outputs + lane;
        if (floats)
          memcpy(&bytes[place * kFloatBytes], &weight, kFloatBytes);
        else
          panel.insert(bytes, place,
                       (weight - shape.weightBase) / shape.weightStep);
      }
    };
    return packPanels(shape, tile, packedPanelBytes(shape, tile), weights,
                      pack);
  }

  int64_t packedPanelBytes(const LayerShape &shape,
                           const Candidate &tile) const override {
    int64_t elements = rowFormat(shape).depth * tile.outputs;
    if (shape.weightBits > 8)
      return elements * kFloatBytes;
    return CodePanel(shape.weightBits, elements).packedBytes();
  }
  int64_t unpackedPanelBytes(const LayerShape &shape,
                             const Candidate &tile) const override {
    if (shape.weightBits > 8)
      return 0;
    int64_t elements = rowFormat(shape).depth * tile.outputs;
    return CodePanel(shape.weightBits, elements).paddedCodes() * kFloatBytes;
  }

  void expandUnpack(OpBuilder &builder, UnpackWeightsOp op,
                    const IsaTraits &isa) const override {
    Emitter emit{builder, op.getLoc()};
    CodePanel panel(op.getWeightBits(),
                    int64_t(op.getDepth()) * op.getKernel().getOutputs());
    unpackFloats(emit, op, panel, isa.vectorBytes);
  }

  void expandMultiply(OpBuilder &builder, MultiplyTileOp op,
                      const IsaTraits &isa) const override {
    FloatTile(builder, op, isa).expand();
  }
};

} // namespace

ArrayRef<const Kernel *> getFloatKernels() {
  static const FloatKernel kernel;
  static const Kernel *const all[] = {&kernel};
  return all;
}

} // namespace ulq
