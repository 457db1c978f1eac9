//===- MoveCodes.cpp - movements between layers as copies -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Blocks.h"
#include "lowering/Layers.h"
#include "lowering/Passes.h"
#include "lowering/StoragePlan.h"
#include "llvm/ADT/SetVector.h"

namespace ulq {
#define GEN_PASS_DEF_MOVECODES
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

/// Whether codes are packed before they are moved.
bool isMadePacked(Value value) {
  Operation *op = withoutReshapes(value).getDefiningOp();
  if (isa_and_nonnull<SliceOp, TransposeOp>(op))
    return isMadePacked(op->getOperand(0));
  return op && (isOnPackedCodes(op) || isa<ConcatOp>(op));
}

/// IREE slices or transposes codes while it quantizes, but neither joins nor
/// repeats them.
bool isFusedByIree(const CodeBlocks &blocks) {
  auto repeats = [](const BlockLoop &loop) { return loop.from == 0; };
  return blocks.size() == 1 && llvm::none_of(blocks[0].loops, repeats) &&
         !isMadePacked(blocks[0].source);
}

/// The elements that are copied at once; none where neighbours part.
std::optional<int64_t> runOf(const CodeBlock &block) {
  bool isRun = !block.loops.empty() && block.loops.back().from == 1 &&
               block.loops.back().to == 1;
  return isRun ? std::optional(block.loops.back().extent) : std::nullopt;
}

/// Whether the copy is one of whole bytes: (C5) of `move_codes`.
bool movesBytes(const CodeBlock &block, Type result) {
  std::optional<int64_t> run = runOf(block);
  if (!run)
    return false;
  Type plain = block.source.getType();
  // As long as nothing asks for wider codes.
  PackedType from = packedType(plain, elementStorage(plain));
  PackedType to = packedType(result, elementStorage(result));
  auto areBytes = [&](int64_t source, int64_t target) {
    return from.getByteDistance(source) && to.getByteDistance(target);
  };
  return areBytes(block.from, block.to) && areBytes(*run, *run) &&
         from.getByteDistance(*run) == to.getByteDistance(*run) &&
         llvm::all_of(ArrayRef(block.loops).drop_back(),
                      [&](const BlockLoop &loop) {
                        return areBytes(loop.from, loop.to);
                      });
}

BlockAttr blockAttr(MLIRContext *context, int64_t input,
                    const CodeBlock &block) {
  SmallVector<int64_t> extents, from, to;
  for (const BlockLoop &loop : ArrayRef(block.loops).drop_back()) {
    extents.push_back(loop.extent);
    from.push_back(loop.from);
    to.push_back(loop.to);
  }
  auto array = [&](ArrayRef<int64_t> values) {
    return DenseI64ArrayAttr::get(context, values);
  };
  return BlockAttr::get(context, input, block.from, block.to, array(extents),
                        array(from), array(to), *runOf(block));
}

/// Replaces a movement that leads to a reader of packed codes by one
/// `move_codes`.
void moveCodes(Operation *op) {
  Value result = op->getResult(0);
  if (!isCodeType(tensorElement(result.getType())) ||
      !isReadPacked<ReshapeOp>(result))
    return;
  std::optional<CodeBlocks> blocks = blocksOf(op);
  if (!blocks || (blocks->size() == 1 && blocks->front().isWhole()))
    return;
  auto movesAll = [&](const CodeBlock &block) {
    return movesBytes(block, result.getType());
  };
  if (!llvm::all_of(*blocks, movesAll) || isFusedByIree(*blocks))
    return;
  OpBuilder builder(op);
  llvm::SetVector<Value> inputs;
  SmallVector<Attribute> attrs;
  for (const CodeBlock &block : *blocks) {
    inputs.insert(block.source);
    const auto *place = llvm::find(inputs, block.source);
    attrs.push_back(blockAttr(op->getContext(), place - inputs.begin(), block));
  }
  auto moved = MoveCodesOp::create(builder, op->getLoc(), result.getType(),
                                   inputs.getArrayRef(),
                                   builder.getArrayAttr(attrs), KernelAttr());
  result.replaceAllUsesWith(moved.getResult());
}

struct MoveCodesPass : ulq::impl::MoveCodesBase<MoveCodesPass> {
  void runOnOperation() override {
    SmallVector<Operation *> movements;
    getOperation()->walk([&](Operation *op) {
      if (isa<ReshapeOp, ConcatOp, SliceOp, TransposeOp>(op))
        movements.push_back(op);
    });
    // Readers first: they take in what leads to them.
    for (Operation *op : llvm::reverse(movements)) {
      moveCodes(op);
      if (op->use_empty())
        op->erase();
    }
  }
};

} // namespace
