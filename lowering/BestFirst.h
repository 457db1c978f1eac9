//===- BestFirst.h - elements in the order of their scores ----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Takes the best element again and again: the pass over all elements that takes
// away others finds the next best one. Nothing is sorted, so it suits few
// elements of many.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_BESTFIRST_H
#define ULQ_LOWERING_BESTFIRST_H

#include "lowering/Bytes.h"
#include <functional>

namespace ulq {

/// One element of `type` at a byte offset.
mlir::Value loadNumber(ByteBuilder &b, mlir::Type type, mlir::Value buffer,
                       mlir::Value offset);
void storeNumber(ByteBuilder &b, mlir::Value number, mlir::Value buffer,
                 mlir::Value offset);

class BestFirst {
public:
  /// Elements in a vector of the kernel's ISA, or failure with an error on the
  /// operation.
  static mlir::FailureOr<int64_t> lanesOf(mlir::Operation *op,
                                          KernelAttr kernel);

  /// Elements have their i32 keys in `memory` from `keys` on, in whole vectors
  /// of `lanes`: there is room for one more than they fill.
  BestFirst(int64_t lanes, mlir::Value memory, mlir::Value keys)
      : lanes(lanes), memory(memory), keys(keys) {}

  /// Keys of an f32 score, or of a vector of them: they ascend as scores do,
  /// and zero has one key.
  static mlir::Value keyOf(ByteBuilder &b, mlir::Value score);
  /// The lanes of what the chosen element takes away, from an element on.
  using Others = std::function<mlir::Value(mlir::Value from)>;

  /// Calls `take` with an element and its rank, the best first and the first of
  /// equal ones, while there are elements and fewer than `most` are taken;
  /// returns how many were. `others` is asked after each of them.
  mlir::Value
  run(ByteBuilder &b, mlir::Value count, mlir::Value most,
      llvm::function_ref<void(mlir::Value, mlir::Value)> take,
      llvm::function_ref<Others(mlir::Value)> others = nullptr) const;

private:
  std::pair<mlir::Value, mlir::Value> next(ByteBuilder &b, mlir::Value count,
                                           const Others &others) const;
  std::pair<mlir::Value, mlir::Value> bestLane(ByteBuilder &b, mlir::Value best,
                                               mlir::Value numbers) const;
  mlir::Value numbersFrom(ByteBuilder &b, mlir::Value first) const;
  mlir::Value place(ByteBuilder &b, mlir::Value element) const {
    return b.add(keys, b.mul(element, 4));
  }
  mlir::VectorType words(ByteBuilder &b) const {
    return mlir::VectorType::get(lanes, b.getI32Type());
  }

  int64_t lanes;
  mlir::Value memory, keys;
};

} // namespace ulq

#endif // ULQ_LOWERING_BESTFIRST_H
