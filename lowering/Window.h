//===- Window.h - input pixels under an output pixel ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_WINDOW_H
#define ULQ_LOWERING_WINDOW_H

#include "lowering/Bytes.h"

namespace ulq {

/// Longer copies are loops over 64 bytes.
constexpr int64_t kUnrolledCopy = 512;

/// Addresses of input pixels under an output pixel.
struct Window {
  ByteBuilder &b;
  GeometryAttr geometry;
  int64_t pixelBytes;
  mlir::Value image, top, left; // input image, coordinates of the first tap

  Window(ByteBuilder &b, GeometryAttr g, int64_t pixelBytes, mlir::Value pixel)
      : b(b), geometry(g), pixelBytes(pixelBytes) {
    llvm::ArrayRef<int64_t> output = g.getOutput();
    mlir::Value x = rem(pixel, output[2]), line = div(pixel, output[2]);
    mlir::Value y = rem(line, output[1]);
    image = div(line, output[1]);
    top = b.add(b.mul(y, g.getStrides()[0]), -g.getPads()[0]);
    left = b.add(b.mul(x, g.getStrides()[1]), -g.getPads()[1]);
  }

  mlir::Value row(mlir::Value ky) {
    return b.add(top, b.mul(ky, geometry.getDilations()[0]));
  }
  mlir::Value column(mlir::Value kx) {
    return b.add(left, b.mul(kx, geometry.getDilations()[1]));
  }
  /// Byte offset of an input pixel.
  mlir::Value offset(mlir::Value y, mlir::Value x) {
    llvm::ArrayRef<int64_t> input = geometry.getInput();
    mlir::Value line = b.add(b.mul(image, input[1]), y);
    return b.mul(b.add(b.mul(line, input[2]), x), pixelBytes);
  }
  /// 0 <= position <= extent - length, one unsigned comparison.
  mlir::Value inside(mlir::Value position, int64_t extent, int64_t length = 1) {
    if (length > extent)
      return mlir::arith::ConstantIntOp::create(b, b.getI1Type(), 0);
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::ule,
                                       position, b.index(extent - length));
  }

private:
  mlir::Value div(mlir::Value value, int64_t by) {
    return b.createOrFold<mlir::arith::DivUIOp>(value, b.index(by));
  }
  mlir::Value rem(mlir::Value value, int64_t by) {
    return b.createOrFold<mlir::arith::RemUIOp>(value, b.index(by));
  }
};

/// Calls `emit` for pieces that cover `bytes`; the first `alike` 64-byte pieces
/// are one loop when they are many. `emit` gets the piece's offset, as a value
/// and as a constant (0 in the loop), and its size.
inline void
copyPieces(ByteBuilder &b, int64_t bytes, int64_t alike,
           llvm::function_ref<void(mlir::Value, int64_t, int64_t)> emit) {
  int64_t looped = alike * 64 > kUnrolledCopy ? alike * 64 : 0;
  if (looped > 0)
    b.loop(b.index(0), b.index(looped), 64,
           [&](mlir::Value at) { emit(at, 0, 64); });
  forEachPiece(bytes - looped, [&](int64_t start, int64_t size) {
    emit(b.index(looped + start), looped + start, size);
  });
}

inline void
copyPieces(ByteBuilder &b, int64_t bytes,
           llvm::function_ref<void(mlir::Value, int64_t, int64_t)> emit) {
  copyPieces(b, bytes, bytes / 64, emit);
}

} // namespace ulq

#endif // ULQ_LOWERING_WINDOW_H
