//===- PackPanel.cpp - expansion of pack_panel ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Bytes.h"
#include "lowering/Gather.h"

using namespace mlir;
using namespace ulq;

namespace {

constexpr int64_t kWordBytes = 4;
/// Extent of the transposed tiles; panels have a multiple of it.
constexpr int64_t kTile = 8;

/// Lanes of `a` and `b` in turn, from one half of each.
Value interleave(ByteBuilder &b, Value lhs, Value rhs, bool upper) {
  int64_t lanes = cast<VectorType>(lhs.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    int64_t from = i + (upper ? lanes / 2 : 0);
    mask.append({from, lanes + from});
  }
  return vector::ShuffleOp::create(b, lhs, rhs, mask);
}

/// The columns of a square of words: each step deals rows i and i + n / 2 out
/// to rows 2 * i and 2 * i + 1.
SmallVector<Value> transposed(ByteBuilder &b, SmallVector<Value> rows) {
  size_t half = rows.size() / 2;
  for (size_t step = 1; step < rows.size(); step *= 2) {
    SmallVector<Value> dealt;
    for (size_t i = 0; i < half; ++i)
      for (bool upper : {false, true})
        dealt.push_back(interleave(b, rows[i], rows[i + half], upper));
    rows = dealt;
  }
  return rows;
}

struct PanelPacker {
  ByteBuilder b;
  PackPanelOp op;
  int64_t outputs, words, extent;

  PanelPacker(OpBuilder &builder, PackPanelOp op, const IsaTraits &isa)
      : b(op.getLoc(), builder), op(op), outputs(op.getKernel().getOutputs()),
        words(op.getWords()),
        extent(std::min(kTile, isa.vectorBytes / kWordBytes)) {}

  void run() {
    int64_t whole = words / extent * extent;
    b.loop(b.index(0), b.index(outputs), extent, [&](Value row) {
      b.loop(b.index(0), b.index(whole), extent,
             [&](Value word) { transposeTile(row, word, extent); });
      // Rows can be read to their end, the panel has no more words.
      if (whole < words)
        transposeTile(row, b.index(whole), words - whole);
    });
    if (op.getRowSums())
      scaleSums();
  }

private:
  void transposeTile(Value row, Value word, int64_t kept) {
    auto type = VectorType::get(extent, b.getI32Type());
    Value source = b.add(b.add(op.getSource(), b.mul(row, op.getRowBytes())),
                         b.mul(word, kWordBytes));
    SmallVector<Value> rows;
    for (int64_t i = 0; i < extent; ++i)
      rows.push_back(
          b.bitcast(type, loadRow(b.add(source, i * op.getRowBytes()))));
    Value target = b.add(b.add(op.getTarget(), b.mul(row, kWordBytes)),
                         b.mul(word, outputs * kWordBytes));
    SmallVector<Value> columns = transposed(b, rows);
    for (int64_t i = 0; i < kept; ++i)
      b.store(columns[i], op.getMemory(),
              b.add(target, i * outputs * kWordBytes));
  }

  Value loadRow(Value offset) {
    VectorType type = b.bytes(extent * kWordBytes);
    Value codes = b.load(type, op.getMemory(), offset);
    int64_t base = op.getBase();
    if (base == 0)
      return codes;
    return arith::AddIOp::create(b, codes, b.splat(type, base));
  }

  void scaleSums() {
    auto type = VectorType::get(kTile, b.getI32Type());
    b.loop(b.index(0), b.index(outputs), kTile, [&](Value lane) {
      Value at = b.mul(lane, kWordBytes);
      Value sums = b.load(type, op.getMemory(), b.add(op.getSums(), at));
      Value scaled =
          arith::MulIOp::create(b, sums, b.splat(type, op.getSumScale()));
      Value offsets =
          arith::AddIOp::create(b, scaled, b.splat(type, op.getSumOffset()));
      b.store(offsets, op.getMemory(), b.add(op.getOffsets(), at));
    });
  }
};

} // namespace

void ulq::expandPackPanel(OpBuilder &builder, PackPanelOp op,
                          const IsaTraits &isa) {
  PanelPacker(builder, op, isa).run();
  op.erase();
}
