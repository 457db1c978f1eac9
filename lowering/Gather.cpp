//===- Gather.cpp - expansion of gather_rows ------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Gather.h"
#include "lowering/Window.h"

using namespace mlir;
using namespace ulq;

namespace {

/// At borders of so many taps in a line each is tested on its own: less to
/// compute beside the copy of a whole line.
constexpr int64_t kNarrowWindow = 8;

class GatherExpander {
public:
  GatherExpander(OpBuilder &builder, GatherRowsOp op, const IsaTraits &isa)
      : b(op.getLoc(), builder), op(op), isa(isa), g(op.getGeometry()),
        bits(op.getStorageBits()), channels(g.getInput()[3] / g.getGroups()),
        expand(op.getExpand() && bits < 8), inOrder(op.getChannelOrder()),
        tapBytes((channels * bits + 7) / 8),
        tapTarget(expand ? tapBytes * (8 / bits) : tapBytes),
        rowBytes(int64_t(op.getRowBytes()) / (op.getPairs() ? 2 : 1)) {}

  void run() {
    b.loop(b.index(0), op.getRows(), 1, [&](Value row) {
      Value target = b.add(op.getTargetOffset(), b.mul(row, op.getRowBytes()));
      gatherRow(b.add(op.getFirstRow(), row), target);
      clearTail(target);
      if (op.getRowSums())
        sumRow(target, b.add(op.getSumsOffset(), b.mul(row, 4)));
    });
    if (op.getPairs())
      b.loop(b.index(0), op.getRows(), 2, [&](Value row) {
        pairRows(b.add(op.getTargetOffset(), b.mul(row, op.getRowBytes())));
      });
    if (op.getPlanes() && bits > 1)
      b.loop(b.index(0), b.mul(op.getRows(), op.getRowBytes()), 64 * bits,
             [&](Value at) { splitPlanes(b.add(op.getTargetOffset(), at)); });
  }

private:
  void gatherRow(Value pixel, Value target) {
    int64_t pixelBytes = (g.getInput()[3] * bits + 7) / 8;
    Window window(b, g, pixelBytes, pixel);
    Value group = b.add(op.getSourceOffset(), b.mul(op.getGroup(), tapBytes));
    b.loop(b.index(0), b.index(g.getKernel()[0]), 1, [&](Value ky) {
      Value y = window.row(ky);
      Value line = b.add(target, b.mul(ky, g.getKernel()[1] * tapTarget));
      gatherLine(window, y, group, line);
    });
  }

  /// The taps of one kernel row. Neighbours in the row are neighbours in
  /// memory, too, where nothing is left out or put into another order.
  void gatherLine(Window &window, Value y, Value source, Value target) {
    int64_t width = g.getKernel()[1];
    bool contiguous =
        (!expand || inOrder) && g.getGroups() == 1 && g.getDilations()[1] == 1;
    if (!contiguous || width == 1)
      return gatherTaps(window, y, source, target);
    Value inLine = window.inside(y, g.getInput()[1]);
    Value x = window.left;
    Value whole = arith::AndIOp::create(
        b, inLine, window.inside(x, g.getInput()[2], width));
    b.branch(
        whole,
        [&] { copyTaps(b.add(source, window.offset(y, x)), target, width); },
        [&] {
          width > kNarrowWindow
              ? gatherBorder(window, inLine, y, source, target)
              : gatherTaps(window, y, source, target);
        });
  }

  /// Neighbouring taps of which some are outside the input: first those on its
  /// left, then those inside, then those on its right.
  void gatherBorder(Window &window, Value inLine, Value y, Value source,
                    Value target) {
    Value width = b.index(g.getKernel()[1]);
    Value left = b.createOrFold<arith::SubIOp>(b.index(0), window.left);
    Value right = b.add(left, g.getInput()[2]);
    auto clamped = [&](Value tap) {
      return b.max(b.index(0), b.min(tap, width));
    };
    auto place = [&](Value tap) {
      return b.add(target, b.mul(tap, tapTarget));
    };
    auto fillTap = [&](Value tap) { fill(place(tap)); };
    auto copyFrom = [&](Value tap, int64_t count) {
      Value pixel = window.offset(y, b.add(window.left, tap));
      copyTaps(b.add(source, pixel), place(tap), count);
    };
    auto lineInside = [&] {
      Value from = clamped(left), to = clamped(right);
      b.loop(b.index(0), from, 1, fillTap);
      std::optional<int64_t> first = getConstantIntValue(from),
                             last = getConstantIntValue(to);
      if (first && last)
        copyFrom(from, *last - *first);
      else
        b.loop(from, to, 1, [&](Value tap) { copyFrom(tap, 1); });
      b.loop(to, width, 1, fillTap);
    };
    b.branch(inLine, lineInside,
             [&] { b.loop(b.index(0), width, 1, fillTap); });
  }

  void gatherTaps(Window &window, Value y, Value source, Value target) {
    Value inLine = window.inside(y, g.getInput()[1]);
    b.loop(b.index(0), b.index(g.getKernel()[1]), 1, [&](Value kx) {
      Value x = window.column(kx);
      Value inside =
          arith::AndIOp::create(b, inLine, window.inside(x, g.getInput()[2]));
      Value tap = b.add(target, b.mul(kx, tapTarget));
      b.branch(
          inside, [&] { copyTaps(b.add(source, window.offset(y, x)), tap, 1); },
          [&] { fill(tap); });
    });
  }

  /// `count` taps that are neighbours in memory, too.
  void copyTaps(Value source, Value target, int64_t count) {
    if (!expand)
      return copy(source, target, count * tapBytes);
    if (inOrder)
      return copySpread(source, target, count * tapTarget);
    assert(count == 1 && "the order of runs is that of one tap");
    copyExpanded(source, target);
  }

  void copy(Value source, Value target, int64_t bytes) {
    copyPieces(b, bytes, [&](Value at, int64_t, int64_t size) {
      Value piece = b.load(b.bytes(size), op.getSource(), b.add(source, at));
      b.store(piece, op.getTarget(), b.add(target, at));
    });
  }

  /// One byte per code, run after run of each piece: see `expandedOrder`.
  void copyExpanded(Value source, Value target) {
    int64_t runs = 8 / bits;
    copyPieces(b, tapBytes, [&](Value at, int64_t, int64_t size) {
      VectorType type = b.bytes(size);
      Value piece = b.load(type, op.getSource(), b.add(source, at));
      Value start = b.add(target, b.mul(at, runs));
      if (size % 4 == 0 && size * runs <= 64 && isa.vectorBytes > 16)
        return b.store(allRuns(piece), op.getTarget(), start);
      Value mask = b.splat(type, (1 << bits) - 1);
      for (int64_t run = 0; run < runs; ++run) {
        Value shifted =
            run == 0
                ? piece
                : arith::ShRUIOp::create(b, piece, b.splat(type, run * bits))
                      .getResult();
        Value codes = arith::AndIOp::create(b, shifted, mask);
        b.store(codes, op.getTarget(), b.add(start, run * size));
      }
    });
  }

  /// All runs of a short piece in one vector, by shifts of each word.
  Value allRuns(Value piece) {
    int64_t size = cast<VectorType>(piece.getType()).getNumElements();
    int64_t runs = 8 / bits;
    SmallVector<int64_t> repeat;
    SmallVector<int32_t> shifts;
    for (int64_t byte = 0; byte < size * runs; ++byte) {
      repeat.push_back(byte % size);
      if (byte % 4 == 0)
        shifts.push_back(static_cast<int32_t>(byte / size * bits));
    }
    auto words = VectorType::get(size * runs / 4, b.getI32Type());
    Value repeated = vector::ShuffleOp::create(b, piece, piece, repeat);
    Value amounts = arith::ConstantOp::create(
        b, words, DenseElementsAttr::get(words, ArrayRef<int32_t>(shifts)));
    Value shifted =
        arith::ShRUIOp::create(b, b.bitcast(words, repeated), amounts);
    VectorType codes = b.bytes(size * runs);
    return arith::AndIOp::create(b, b.bitcast(codes, shifted),
                                 b.splat(codes, (1 << bits) - 1));
  }

  /// One byte per code, in the order of channels.
  void copySpread(Value source, Value target, int64_t codes) {
    int64_t perByte = 8 / bits;
    copyPieces(b, codes, [&](Value at, int64_t, int64_t size) {
      Value from = b.createOrFold<arith::DivUIOp>(at, b.index(perByte));
      Value piece =
          b.load(b.bytes(size / perByte), op.getSource(), b.add(source, from));
      b.store(spread(piece), op.getTarget(), b.add(target, at));
    });
  }

  /// The codes of each byte, one per byte: halves move apart within a lane of
  /// as many bytes as a byte has codes, then quarters, then eighths.
  Value spread(Value packed) {
    int64_t perByte = 8 / bits;
    int64_t laneBits = 8 * perByte;
    auto type = VectorType::get(cast<VectorType>(packed.getType()).getShape(),
                                b.getIntegerType(laneBits));
    Value lanes = arith::ExtUIOp::create(b, type, packed);
    for (int64_t joined = perByte / 2; joined >= 1; joined /= 2) {
      APInt field = APInt::getLowBitsSet(8 * joined, joined * bits);
      APInt mask = APInt::getSplat(laneBits, field);
      Value moved =
          arith::ShLIOp::create(b, lanes, b.splat(type, joined * (8 - bits)));
      lanes = arith::AndIOp::create(b, arith::OrIOp::create(b, lanes, moved),
                                    b.splat(type, mask.getSExtValue()));
    }
    return lanes;
  }

  /// A tap outside the input: the padding code for every channel.
  void fill(Value target) {
    SmallVector<uint8_t> pattern = paddingTap();
    ArrayRef<uint8_t> bytes = pattern;
    int64_t alike = 0;
    while ((alike + 1) * 64 <= tapTarget &&
           bytes.slice(alike * 64, 64) == bytes.take_front(64))
      ++alike;
    copyPieces(b, tapTarget, alike, [&](Value at, int64_t start, int64_t size) {
      Value piece = b.constant(bytes.slice(start, size));
      b.store(piece, op.getTarget(), b.add(target, at));
    });
  }

  SmallVector<uint8_t> paddingTap() {
    auto code = static_cast<uint8_t>(op.getPadCode());
    SmallVector<uint8_t> tap(tapTarget, 0);
    if (expand && inOrder) {
      std::fill_n(tap.begin(), channels, code);
      return tap;
    }
    if (expand) {
      for (auto [byte, channel] :
           llvm::enumerate(expandedOrder(channels, bits)))
        tap[byte] = channel < 0 ? 0 : code;
      return tap;
    }
    for (int64_t channel = 0; bits <= 8 && channel < channels; ++channel)
      tap[channel * bits / 8] |= code << (channel * bits % 8);
    return tap;
  }

  void clearTail(Value target) {
    int64_t used = tapTarget * g.getKernel()[0] * g.getKernel()[1];
    Value tail = b.add(target, used);
    copyPieces(b, rowBytes - used, [&](Value at, int64_t, int64_t size) {
      b.store(b.splat(b.bytes(size), 0), op.getTarget(), b.add(tail, at));
    });
  }

  /// Sum of the codes in each 16-bit lane, over at most `kSumSteps` vectors.
  Value laneSums(Value vector) {
    auto type = VectorType::get(isa.vectorBytes / 2, b.getI16Type());
    Value lanes = b.bitcast(type, vector);
    int64_t field = op.getExpand() ? 8 : bits;
    for (; field <= 8; field *= 2) {
      // Fields of twice the width, each the sum of two.
      int64_t mask = field == 1   ? 0x5555
                     : field == 2 ? 0x3333
                     : field == 4 ? 0x0F0F
                                  : 0x00FF;
      Value even = arith::AndIOp::create(b, lanes, b.splat(type, mask));
      Value odd = arith::ShRUIOp::create(b, lanes, b.splat(type, field));
      odd = arith::AndIOp::create(b, odd, b.splat(type, mask));
      lanes = arith::AddIOp::create(b, even, odd);
    }
    return lanes;
  }

  void sumRow(Value row, Value sum) {
    // A step adds at most 2 * 255 to a lane of 16 bits.
    constexpr int64_t kSumSteps = 128;
    int64_t width = isa.vectorBytes;
    auto narrow = VectorType::get(width / 2, b.getI16Type());
    auto wide = VectorType::get(width / 2, b.getI32Type());
    Value total = b.fold(
        b.index(0), b.index(rowBytes), kSumSteps * width, b.splat(wide, 0),
        [&](Value start, Value sums) -> Value {
          Value end = b.min(b.add(start, kSumSteps * width), b.index(rowBytes));
          Value part =
              b.fold(start, end, width, b.splat(narrow, 0),
                     [&](Value at, Value acc) -> Value {
                       Value piece = b.load(b.bytes(width), op.getTarget(),
                                            b.add(row, at));
                       return arith::AddIOp::create(b, acc, laneSums(piece));
                     });
          Value widened = arith::ExtUIOp::create(b, wide, part);
          return arith::AddIOp::create(b, sums, widened);
        });
    Value scalar =
        vector::ReductionOp::create(b, vector::CombiningKind::ADD, total);
    auto one = VectorType::get(1, b.getI32Type());
    b.store(vector::BroadcastOp::create(b, one, scalar), op.getTarget(), sum);
  }

  /// Two rows in place, each in the first half of its room: from the last
  /// bytes, so that what is overwritten was read.
  void pairRows(Value first) {
    int64_t width = isa.vectorBytes;
    Value second = b.add(first, op.getRowBytes());
    auto wide = VectorType::get(width, b.getI16Type());
    auto numbers = [&](Value codes, int64_t shift) -> Value {
      Value group = arith::AndIOp::create(
          b, arith::ShRUIOp::create(b, codes, b.splat(b.bytes(width), shift)),
          b.splat(b.bytes(width), 15));
      return arith::ExtUIOp::create(b, wide, group);
    };
    b.loop(b.index(0), b.index(rowBytes), width, [&](Value done) {
      Value at = b.createOrFold<arith::SubIOp>(b.index(rowBytes - width), done);
      Value p = b.load(b.bytes(width), op.getTarget(), b.add(first, at));
      Value q = b.load(b.bytes(width), op.getTarget(), b.add(second, at));
      for (auto [row, shift] : {std::pair(first, 0), std::pair(second, 4)}) {
        Value low =
            arith::ShLIOp::create(b, numbers(p, shift), b.splat(wide, 4));
        Value high =
            arith::ShLIOp::create(b, numbers(q, shift), b.splat(wide, 8));
        Value joined = arith::OrIOp::create(b, low, high);
        b.store(b.bitcast(b.bytes(2 * width), joined), op.getTarget(),
                b.add(row, b.mul(at, 2)));
      }
    });
  }

  /// `bits` vectors of packed codes to as many planes, in place.
  void splitPlanes(Value start) {
    VectorType type = b.bytes(64);
    Value lowest = b.splat(type, 255 / ((1 << bits) - 1));
    SmallVector<Value> packed;
    for (int64_t v = 0; v < bits; ++v)
      packed.push_back(b.load(type, op.getTarget(), b.add(start, 64 * v)));
    for (int64_t plane = 0; plane < bits; ++plane) {
      Value joined = b.splat(type, 0);
      for (auto [v, codes] : llvm::enumerate(packed)) {
        Value bit = arith::ShRUIOp::create(b, codes, b.splat(type, plane));
        bit = arith::AndIOp::create(b, bit, lowest);
        bit = arith::ShLIOp::create(b, bit, b.splat(type, v));
        joined = arith::OrIOp::create(b, joined, bit);
      }
      b.store(joined, op.getTarget(), b.add(start, 64 * plane));
    }
  }

  ByteBuilder b;
  GatherRowsOp op;
  const IsaTraits &isa;
  GeometryAttr g;
  int64_t bits, channels;
  bool expand;  // 8-bit codes are in either order as they are
  bool inOrder; // expanded codes in the order of channels
  int64_t tapBytes, tapTarget;
  int64_t rowBytes; // of the codes of a row
};

} // namespace

void ulq::expandGather(OpBuilder &builder, GatherRowsOp op,
                       const IsaTraits &isa) {
  GatherExpander(builder, op, isa).run();
  op.erase();
}
