//===- KernelFunction.h - a kernel function and its dispatch --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELFUNCTION_H
#define ULQ_LOWERING_KERNELFUNCTION_H

#include "lowering/Bytes.h"
#include "mlir/IR/BuiltinOps.h"

namespace ulq {

/// What is around a dispatch, in the order of the kernel's arguments.
struct Signature {
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::Value> results; // of what the dispatch replaces
  int64_t parts = 1;
  int64_t scratchBytes = 0; // of all parts, behind the results
  int64_t flags = 0; // counters that parts share, beside that of finished ones
};

/// A byte buffer inside a kernel function.
struct Buffer {
  mlir::Value memory; // memref<?xi8>
  mlir::Value offset;
};

/// A kernel function under construction: `b` stands in its body.
struct KernelFunction {
  /// Adds a function to `kernels` and a dispatch of it, whose results take the
  /// places of those of `op`. Packed tensors are bytes on the way.
  KernelFunction(mlir::Operation *op, mlir::ModuleOp kernels,
                 const Signature &signature);
  /// Ends the function and erases what the dispatch replaces.
  void finish();

  /// `body` is the work of each part, a workgroup; those beyond the parts wait
  /// for it to be done. Takes counter 0 where there are several parts.
  /// `finish` is done once, when all parts are.
  void work(llvm::function_ref<void()> body,
            llvm::function_ref<void()> finish = nullptr);
  /// The units that part number `part` of `parts` takes of `count`: first, end.
  std::pair<mlir::Value, mlir::Value> share(int64_t count, mlir::Value part,
                                            int64_t parts);
  /// Those that this workgroup takes of `count`.
  std::pair<mlir::Value, mlir::Value> share(int64_t count) {
    return share(count, workgroup, parts);
  }
  /// Takes one of `count` locks that is free, the same one for the same thread
  /// if it can; returns its number. There are as many as parts. Locks are
  /// counters that are `distance` apart.
  mlir::Value acquire(int64_t count, int64_t first, int64_t distance);
  void release(mlir::Value lock);
  /// Runs `body` unless it has run under the same lock.
  void once(mlir::Value counter, llvm::function_ref<void()> body);

  ByteBuilder b;
  int64_t parts;
  llvm::SmallVector<Buffer> buffers; // inputs, then results, then scratch
  mlir::Value workgroup;
  mlir::Value processor; // i32 that tells threads apart, mostly; with counters

private:
  void addDispatch(const Signature &signature);
  void addFunction(mlir::ModuleOp kernels, const Signature &signature);
  mlir::Value restore(mlir::Value pointer, int64_t bytes);
  mlir::Value counter(mlir::Value number);
  /// Changes a counter, in one step with what other threads do; returns what
  /// it was.
  mlir::Value change(mlir::arith::AtomicRMWKind kind, mlir::Value number,
                     int64_t operand);
  void waitForParts();

  mlir::Operation *op;
  std::string name;
  Buffer counters;
};

/// The nested module @kernels of `module`, made for `isa` if there is none.
mlir::ModuleOp kernelsModule(mlir::ModuleOp module, llvm::StringRef isa);
/// The symbol of a kernel: ISA, number of the kernel in its module, name of the
/// layer at `loc`.
std::string kernelName(llvm::StringRef isa, size_t number, mlir::Location loc);

/// tensor<bytes x i8>.
mlir::RankedTensorType bytesType(mlir::MLIRContext *context, int64_t bytes);

} // namespace ulq

#endif // ULQ_LOWERING_KERNELFUNCTION_H
