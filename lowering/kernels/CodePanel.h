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
  /// come, and their shift.
  int64_t chunkByte(int64_t within) const { return within % kChunkBytes; }
  mlir::Value decode(Emitter &emit, mlir::Value packed, int64_t within) const {
    if (width == 8)
      return packed;
    return emit.field(packed, within / kChunkBytes * width, width);
  }
};

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_CODEPANEL_H
