//===- Blocks.h - movements of codes as copies ----------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_BLOCKS_H
#define ULQ_LOWERING_BLOCKS_H

#include "dialect/Ulq.h"

namespace ulq {

/// A loop of a copy: the step of each turn in the source and in the target.
struct BlockLoop {
  int64_t extent, from, to;
};

/// Elements that are copied, each turn of all loops one; offsets count elements
/// of a tensor in row-major order.
struct CodeBlock {
  mlir::Value source;
  int64_t from = 0, to = 0;
  llvm::SmallVector<BlockLoop> loops; // by falling steps in the target

  /// Whether it is all of the source as it stands.
  bool isWhole() const;
};

using CodeBlocks = llvm::SmallVector<CodeBlock>;

/// What is behind the reshapes in front of a value.
mlir::Value withoutReshapes(mlir::Value value);

/// The copies that make the result of a reshape, concat, slice or transpose.
/// Movements whose results only this one reads are part of them; none for
/// another operation.
std::optional<CodeBlocks> blocksOf(mlir::Operation *op);

} // namespace ulq

#endif // ULQ_LOWERING_BLOCKS_H
