//===- Blocks.cpp - movements of codes as copies --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Blocks.h"

using namespace mlir;

namespace ulq {
namespace {

int64_t elementCount(Value value) {
  return ShapedType::getNumElements(tensorShape(value.getType()));
}

SmallVector<int64_t> rowMajor(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

/// Puts loops in order and joins those that are one.
void normalize(CodeBlock &block) {
  SmallVector<BlockLoop> &loops = block.loops;
  llvm::erase_if(loops, [](const BlockLoop &loop) { return loop.extent == 1; });
  llvm::sort(loops, [](const BlockLoop &a, const BlockLoop &b) {
    return a.to > b.to;
  });
  SmallVector<BlockLoop> joined;
  for (const BlockLoop &inner : loops) {
    bool continues = !joined.empty() &&
                     joined.back().from == inner.from * inner.extent &&
                     joined.back().to == inner.to * inner.extent;
    if (continues)
      joined.back() = {joined.back().extent * inner.extent, inner.from,
                       inner.to};
    else
      joined.push_back(inner);
  }
  loops = std::move(joined);
}

CodeBlock whole(Value source) {
  return {source, 0, 0, {{elementCount(source), 1, 1}}};
}

/// Chunks of the target move: from `chunk` to `pitch` elements apart, the first
/// one to `offset`. False where a loop crosses the border of a chunk.
bool spread(CodeBlock &block, int64_t chunk, int64_t pitch, int64_t offset) {
  SmallVector<BlockLoop> loops;
  int64_t last = block.to % chunk; // of the elements in a chunk
  for (BlockLoop loop : block.loops) {
    if (loop.to >= chunk) {
      if (loop.to % chunk)
        return false;
      loops.push_back({loop.extent, loop.from, loop.to / chunk * pitch});
      continue;
    }
    int64_t turns = chunk / loop.to; // of a loop over one chunk
    if (loop.extent > turns) {
      if (chunk % loop.to || loop.extent % turns)
        return false;
      loops.push_back({loop.extent / turns, loop.from * turns, pitch});
      loop.extent = turns;
    }
    loops.push_back(loop);
    last += (loop.extent - 1) * loop.to;
  }
  block.to = block.to / chunk * pitch + block.to % chunk + offset;
  block.loops = std::move(loops);
  normalize(block);
  return last < chunk;
}

bool spreadAll(CodeBlocks &blocks, int64_t chunk, int64_t pitch,
               int64_t offset) {
  return llvm::all_of(blocks, [=](CodeBlock &block) {
    return spread(block, chunk, pitch, offset);
  });
}

/// The copies that make an operand of a movement: its own where nothing else
/// reads it.
CodeBlocks operandBlocks(Value value) {
  Operation *op = value.getDefiningOp();
  bool isShared = !llvm::all_equal(value.getUsers());
  if (op && !isShared)
    if (std::optional<CodeBlocks> blocks = blocksOf(op))
      return *blocks;
  return {whole(withoutReshapes(value))};
}

/// An operand that stands `count` times in a row is repeated.
std::optional<CodeBlocks> concatBlocks(ConcatOp op) {
  ArrayRef<int64_t> result = tensorShape(op.getType());
  int64_t inner = rowMajor(result)[op.getAxis()];
  int64_t pitch = result[op.getAxis()] * inner, offset = 0;
  OperandRange inputs = op.getInputs();
  CodeBlocks all;
  for (size_t i = 0, count = 1; i < inputs.size(); i += count) {
    Value input = inputs[i];
    count = 1;
    while (i + count < inputs.size() && inputs[i + count] == input)
      ++count;
    int64_t chunk = tensorShape(input.getType())[op.getAxis()] * inner;
    CodeBlocks blocks = operandBlocks(input);
    if (!spreadAll(blocks, chunk, pitch, offset)) {
      blocks = {whole(withoutReshapes(input))};
      spreadAll(blocks, chunk, pitch, offset);
    }
    for (CodeBlock &block : blocks) {
      block.loops.push_back({static_cast<int64_t>(count), 0, chunk});
      normalize(block);
    }
    all.append(blocks);
    offset += static_cast<int64_t>(count) * chunk;
  }
  return all;
}

/// Of a slice and those in front of it.
CodeBlocks sliceBlocks(SliceOp op) {
  ArrayRef<int64_t> extents = tensorShape(op.getType());
  SmallVector<int64_t> starts(op.getStarts()), steps(op.getSteps());
  Value input = op.getInput();
  while (auto inner = input.getDefiningOp<SliceOp>()) {
    for (size_t d = 0; d < extents.size(); ++d) {
      starts[d] = inner.getStarts()[d] + starts[d] * inner.getSteps()[d];
      steps[d] *= inner.getSteps()[d];
    }
    input = inner.getInput();
  }
  SmallVector<int64_t> from = rowMajor(tensorShape(input.getType()));
  SmallVector<int64_t> to = rowMajor(extents);
  CodeBlock block{withoutReshapes(input), 0, 0, {}};
  for (auto [d, extent] : llvm::enumerate(extents)) {
    block.from += starts[d] * from[d];
    block.loops.push_back({extent, from[d] * steps[d], to[d]});
  }
  normalize(block);
  return {block};
}

CodeBlocks transposeBlocks(TransposeOp op) {
  ArrayRef<int64_t> extents = tensorShape(op.getType());
  SmallVector<int64_t> from = rowMajor(tensorShape(op.getInput().getType()));
  SmallVector<int64_t> to = rowMajor(extents);
  CodeBlock block{withoutReshapes(op.getInput()), 0, 0, {}};
  for (auto [d, extent] : llvm::enumerate(extents))
    block.loops.push_back({extent, from[op.getPerm()[d]], to[d]});
  normalize(block);
  return {block};
}

} // namespace

bool CodeBlock::isWhole() const {
  return from == 0 && to == 0 && loops.size() == 1 && loops[0].from == 1 &&
         loops[0].to == 1 && loops[0].extent == elementCount(source);
}

Value withoutReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value;
}

std::optional<CodeBlocks> blocksOf(Operation *op) {
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return operandBlocks(reshape.getInput());
  if (auto concat = dyn_cast<ConcatOp>(op))
    return concatBlocks(concat);
  if (auto slice = dyn_cast<SliceOp>(op))
    return sliceBlocks(slice);
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return transposeBlocks(transpose);
  return std::nullopt;
}

} // namespace ulq
