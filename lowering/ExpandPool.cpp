//===- ExpandPool.cpp - expansion of max_pool_tile ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Gather.h"
#include "lowering/Window.h"

using namespace mlir;
using namespace ulq;

namespace {

/// Larger of each pair of fields of `bits` bits: a field compares as it stands
/// once the others are masked.
Value maxFields(ByteBuilder &b, Value lhs, Value rhs, int64_t bits) {
  if (bits == 1)
    return arith::OrIOp::create(b, lhs, rhs);
  if (bits == 8)
    return arith::MaxUIOp::create(b, lhs, rhs);
  auto type = cast<VectorType>(lhs.getType());
  Value result;
  for (int64_t shift = 0; shift < 8; shift += bits) {
    Value mask = b.splat(type, ((1 << bits) - 1) << shift);
    Value larger =
        arith::MaxUIOp::create(b, arith::AndIOp::create(b, lhs, mask),
                               arith::AndIOp::create(b, rhs, mask));
    result =
        result ? arith::OrIOp::create(b, result, larger).getResult() : larger;
  }
  return result;
}

/// The largest codes of the window in the bytes at `source` of each pixel.
Value poolPiece(ByteBuilder &b, MaxPoolTileOp op, Window &window, Value source,
                int64_t size) {
  GeometryAttr g = op.getGeometry();
  VectorType type = b.bytes(size);
  Value zero = b.index(0);
  return b.fold(zero, b.index(g.getKernel()[0]), 1, b.splat(type, 0),
                [&](Value ky, Value best) -> Value {
                  Value y = window.row(ky);
                  Value inLine = window.inside(y, g.getInput()[1]);
                  return b.fold(
                      zero, b.index(g.getKernel()[1]), 1, best,
                      [&](Value kx, Value best) -> Value {
                        Value x = window.column(kx);
                        Value inside = arith::AndIOp::create(
                            b, inLine, window.inside(x, g.getInput()[2]));
                        auto branch =
                            scf::IfOp::create(b, type, inside,
                                              /*withElseRegion=*/true);
                        OpBuilder::InsertionGuard guard(b);
                        b.setInsertionPointToStart(branch.thenBlock());
                        Value from = b.add(source, window.offset(y, x));
                        Value piece = b.load(type, op.getSource(), from);
                        scf::YieldOp::create(
                            b, maxFields(b, best, piece, op.getStorageBits()));
                        b.setInsertionPointToStart(branch.elseBlock());
                        scf::YieldOp::create(b, best);
                        return branch.getResult(0);
                      });
                });
}

} // namespace

void ulq::expandMaxPool(OpBuilder &builder, MaxPoolTileOp op) {
  ByteBuilder b(op.getLoc(), builder);
  GeometryAttr g = op.getGeometry();
  int64_t bits = op.getStorageBits();
  int64_t pixelBytes = (g.getInput()[3] * bits + 7) / 8;
  b.loop(b.index(0), op.getRows(), 1, [&](Value row) {
    Value pixel = b.add(op.getFirstRow(), row);
    Window window(b, g, pixelBytes, pixel);
    Value target = b.add(op.getTargetOffset(), b.mul(pixel, pixelBytes));
    copyPieces(b, pixelBytes, [&](Value at, int64_t, int64_t size) {
      Value source = b.add(op.getSourceOffset(), at);
      Value piece = poolPiece(b, op, window, source, size);
      b.store(piece, op.getTarget(), b.add(target, at));
    });
  });
  op.erase();
}
