//===- TileMove.cpp - movements of codes to dispatches --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileMove.h"
#include "lowering/Blocks.h"
#include "lowering/Window.h"

using namespace mlir;
using namespace ulq;

namespace {

/// Longer runs are loops over so many bytes, which parts can divide.
constexpr int64_t kLongRun = 4096;
/// Repetitions of a run that are written while it is in registers.
constexpr int64_t kMostStores = 8;

/// A block in bytes.
struct Copy {
  int64_t from, to, run;
  SmallVector<BlockLoop> loops;
};

Copy copyOf(BlockAttr block, PackedType source, PackedType target) {
  Copy copy{*source.getByteDistance(block.getFrom()),
            *target.getByteDistance(block.getTo()),
            *source.getByteDistance(block.getRun()),
            {}};
  for (auto [extent, from, to] : llvm::zip_equal(
           block.getExtents().asArrayRef(), block.getFromStrides().asArrayRef(),
           block.getToStrides().asArrayRef()))
    copy.loops.push_back(
        {extent, *source.getByteDistance(from), *target.getByteDistance(to)});
  return copy;
}

/// The copy with a long run as a loop, and what is left of that run.
SmallVector<Copy> dividedRun(Copy copy) {
  if (copy.run <= kLongRun)
    return {copy};
  int64_t turns = copy.run / kLongRun, rest = copy.run % kLongRun;
  Copy last = copy;
  copy.loops.push_back({turns, kLongRun, kLongRun});
  copy.run = kLongRun;
  if (rest == 0)
    return {copy};
  last.from += turns * kLongRun;
  last.to += turns * kLongRun;
  last.run = rest;
  return {copy, last};
}

/// The first loop that has a turn for each part comes first, else the longest.
void divideFirst(Copy &copy, int64_t parts) {
  if (copy.loops.empty())
    copy.loops.push_back({1, 0, 0});
  auto hasTurns = [=](const BlockLoop &loop) { return loop.extent >= parts; };
  auto *divided = llvm::find_if(copy.loops, hasTurns);
  if (divided == copy.loops.end())
    divided = llvm::max_element(copy.loops,
                                [](const BlockLoop &a, const BlockLoop &b) {
                                  return a.extent < b.extent;
                                });
  std::rotate(copy.loops.begin(), divided, std::next(divided));
}

/// Emits a copy from `source` to `target`.
struct Copier {
  ByteBuilder &b;
  const Buffer &source, &target;

  /// The turns of `loops`, whose first one goes from `first` to `end`.
  void emit(ArrayRef<BlockLoop> loops, Value first, Value end, int64_t run,
            Value from, Value to) {
    const BlockLoop &loop = loops.front();
    b.loop(first, end, 1, [&](Value turn) {
      emit(loops.drop_front(), run, b.add(from, b.mul(turn, loop.from)),
           b.add(to, b.mul(turn, loop.to)));
    });
  }

  void emit(ArrayRef<BlockLoop> loops, int64_t run, Value from, Value to) {
    if (loops.empty())
      return copyRun(run, from, to, {1, 0, 0});
    const BlockLoop &loop = loops.front();
    bool repeats = loop.from == 0 && loop.extent <= kMostStores;
    if (loops.size() == 1 && repeats)
      return copyRun(run, from, to, loop);
    emit(loops, b.index(0), b.index(loop.extent), run, from, to);
  }

  void copyRun(int64_t run, Value from, Value to, const BlockLoop &repeated) {
    copyPieces(b, run, [&](Value at, int64_t, int64_t size) {
      Value piece = b.load(b.bytes(size), source.memory, b.add(from, at));
      Value place = b.add(to, at);
      for (int64_t turn = 0; turn < repeated.extent; ++turn)
        b.store(piece, target.memory, b.add(place, turn * repeated.to));
    });
  }
};

/// A part's share of the first loop.
void emitShare(KernelFunction &function, const Buffer &source,
               const Copy &copy) {
  ByteBuilder &b = function.b;
  const Buffer &target = function.buffers.back();
  Copier copier{b, source, target};
  Value from = b.add(source.offset, copy.from);
  Value to = b.add(target.offset, copy.to);
  auto [first, end] = function.share(copy.loops.front().extent);
  copier.emit(copy.loops, first, end, copy.run, from, to);
}

} // namespace

void ulq::tileMove(MoveCodesOp op, ModuleOp kernels) {
  auto target = cast<PackedType>(op.getType());
  int64_t parts = op.getKernel()->getWorkgroups();
  KernelFunction function(
      op, kernels,
      {SmallVector<Value>(op.getInputs()), {op.getResult()}, parts});
  function.work([&] {
    for (auto block : op.getBlocks().getAsRange<BlockAttr>()) {
      Value input = op.getInputs()[block.getInput()];
      auto source = cast<PackedType>(input.getType());
      for (Copy &copy : dividedRun(copyOf(block, source, target))) {
        divideFirst(copy, parts);
        emitShare(function, function.buffers[block.getInput()], copy);
      }
    }
  });
  function.finish();
}
