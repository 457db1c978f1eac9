//===- CodePanel.h - weight codes at their packed width -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// The codes of a panel, in the order in which the kernel reads their values,
// are cut into chunks of 64 x (8 / width) codes. A chunk is stored in 64 bytes:
// byte j holds code s * 64 + j at bits [s * width, (s + 1) * width). Shifts and
// masks of whole vectors bring the codes back in order, whatever the vector
// length, so the layout is the same for every ISA. The last chunk is filled up
// with code 0.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_CODEPANEL_H
#define ULQ_LOWERING_KERNELS_CODEPANEL_H

#include "dialect/Ulq.h"
#include "lowering/kernels/Emitter.h"
#include "lowering/kernels/TileChoice.h"
#include "llvm/Support/MathExtras.h"

namespace ulq {

struct CodePanel {
  static constexpr int64_t kChunkBytes = 64;

  int64_t width; // 1, 2, 4 or 8
  int64_t codes; // how many, the fill of the last chunk not counted

  CodePanel(int64_t weightBits, int64_t codes)
      : width(storageBits(weightBits)), codes(codes) {}

  int64_t codesPerByte() const { return 8 / width; }
  int64_t codesPerChunk() const { return kChunkBytes * codesPerByte(); }
  int64_t chunks() const { return llvm::divideCeil(codes, codesPerChunk()); }
  int64_t packedBytes() const { return chunks() * kChunkBytes; }
  /// Codes with the fill of the last chunk: what a loop over chunks writes.
  int64_t paddedCodes() const { return chunks() * codesPerChunk(); }

  /// Store code number `position` in zero-initialized panel bytes.
  void insert(llvm::MutableArrayRef<uint8_t> panel, int64_t position,
              uint8_t code) const {
    int64_t within = position % codesPerChunk();
    int64_t byte =
        position / codesPerChunk() * kChunkBytes + within % kChunkBytes;
    panel[byte] |= code << (within / kChunkBytes * width);
  }

  /// The byte in its chunk from which codes `within` .. `within + lanes - 1`
  /// come, and their lowest bit.
  int64_t chunkByte(int64_t within) const { return within % kChunkBytes; }
  int64_t bit(int64_t within) const { return within / kChunkBytes * width; }
  mlir::Value decode(Emitter &emit, mlir::Value packed, int64_t within) const {
    if (width == 8)
      return packed;
    return emit.field(packed, bit(within), width);
  }

  /// Bring the codes of `panels` panels, which follow each other without gaps,
  /// back in order, as `value` makes vectors of `lanes` values of `valueBytes`
  /// bytes from vectors of codes.
  void unpack(Emitter &emit, Pointer source, Pointer target, mlir::Value panels,
              int64_t lanes, int64_t valueBytes,
              llvm::function_ref<mlir::Value(mlir::Value)> value) const {
    mlir::VectorType bytes = emit.integers(lanes, 8);
    auto body = [&](mlir::Value chunk) {
      Pointer from = emit.advance(source, chunk, kChunkBytes);
      Pointer to = emit.advance(target, chunk, codesPerChunk() * valueBytes);
      for (int64_t part = 0; part < kChunkBytes; part += lanes) {
        mlir::Value packed = emit.load(bytes, emit.advance(from, part));
        for (int64_t within = part; within < codesPerChunk();
             within += kChunkBytes)
          emit.store(value(decode(emit, packed, within)),
                     emit.advance(to, within * valueBytes));
      }
    };
    emit.loop(emit.index(0), emit.mul(panels, chunks()), 1, body);
  }
};

/// w = base + step * code, in lanes that hold every weight.
inline mlir::Value weightsOf(Emitter &emit, mlir::Value codes, int64_t base,
                             int64_t step) {
  mlir::Value scaled = llvm::isPowerOf2_64(step)
                           ? emit.shiftLeft(codes, llvm::Log2_64(step))
                           : emit.mul(codes, step);
  return emit.add(scaled, base);
}

/// Panels [depth / 4][outputs][4] of the kernels of dot4: codes, or weights
/// where they have a byte each.
inline llvm::SmallVector<uint8_t>
packDotPanels(const LayerShape &shape, const Candidate &tile,
              const CodePanel &panel, llvm::ArrayRef<int32_t> weights) {
  constexpr int64_t kDot = 4;
  llvm::SmallVector<int64_t> order =
      expandedOrder(shape.channels, shape.storageBits);
  auto pack = [&](llvm::MutableArrayRef<uint8_t> bytes, int64_t lane,
                  llvm::ArrayRef<int32_t> weights) {
    int64_t k = 0;
    for (int64_t tap = 0; tap < shape.taps; ++tap)
      for (int64_t channel : order) {
        int64_t place = (k / kDot * tile.outputs + lane) * kDot + k % kDot;
        ++k;
        if (channel < 0)
          continue;
        int32_t weight = weights[tap * shape.channels + channel];
        panel.insert(bytes, place,
                     panel.width == 8
                         ? weight
                         : (weight - shape.weightBase) / shape.weightStep);
      }
  };
  return packPanels(shape, tile, panel.packedBytes(), weights, pack);
}

/// The panels of `op` as signed bytes.
inline void unpackBytes(Emitter &emit, UnpackWeightsOp op,
                        const CodePanel &panel, int64_t vectorBytes) {
  panel.unpack(emit, {op.getSource(), op.getSourceOffset()},
               {op.getTarget(), op.getTargetOffset()}, op.getPanels(),
               vectorBytes, /*valueBytes=*/1, [&](mlir::Value codes) {
                 return weightsOf(emit, codes, op.getWeightBase(),
                                  op.getWeightStep());
               });
  op.erase();
}

/// The panels of `op` as f32 values.
inline void unpackFloats(Emitter &emit, UnpackWeightsOp op,
                         const CodePanel &panel, int64_t vectorBytes) {
  int64_t lanes = vectorBytes / 4;
  panel.unpack(
      emit, {op.getSource(), op.getSourceOffset()},
      {op.getTarget(), op.getTargetOffset()}, op.getPanels(), lanes,
      /*valueBytes=*/4, [&](mlir::Value codes) -> mlir::Value {
        mlir::Value words = mlir::arith::ExtUIOp::create(
            emit.builder, emit.loc, emit.integers(lanes, 32), codes);
        return mlir::arith::SIToFPOp::create(
            emit.builder, emit.loc, emit.floats(lanes),
            weightsOf(emit, words, op.getWeightBase(), op.getWeightStep()));
      });
  op.erase();
}

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_CODEPANEL_H
