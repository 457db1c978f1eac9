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

/// The tensors around a dispatch, in the order of the kernel's arguments.
struct Signature {
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::Type> results; // scratch memory last, if any
  int64_t counters = 0;                  // that the workgroups share
};

/// A byte buffer inside a kernel function.
struct Buffer {
  mlir::Value memory; // memref<?xi8>
  mlir::Value offset;
};

/// A kernel function under construction: `b` stands in its body.
struct KernelFunction {
  KernelFunction(mlir::ModuleOp kernels, mlir::Location loc,
                 llvm::StringRef name, const Signature &signature);
  void finish() { mlir::func::ReturnOp::create(b); }

  /// `body` is the work of each of the first `parts` workgroups; those beyond
  /// wait for it to be done. Takes counter 0 where there are several parts.
  /// `finish` is done once, when all parts are.
  void work(int64_t parts, llvm::function_ref<void()> body,
            llvm::function_ref<void()> finish = nullptr);
  /// The units that part number `part` of `parts` takes of `count`: first, end.
  std::pair<mlir::Value, mlir::Value> share(int64_t count, mlir::Value part,
                                            int64_t parts);
  /// Takes one of `count` locks that is free, the same one for the same thread
  /// if it can; returns its number. There are as many as parts. Locks are
  /// counters that are `distance` apart.
  mlir::Value acquire(int64_t count, int64_t first, int64_t distance);
  void release(mlir::Value lock);
  /// Runs `body` unless it has run under the same lock.
  void once(mlir::Value counter, llvm::function_ref<void()> body);

  ByteBuilder b;
  llvm::SmallVector<Buffer> buffers; // inputs, then results
  mlir::Value workgroup;
  mlir::Value processor; // i32 that tells threads apart, mostly; with counters

private:
  mlir::Value restore(mlir::Value pointer, int64_t bytes);
  mlir::Value counter(mlir::Value number);
  /// Changes a counter, in one step with what other threads do; returns what
  /// it was.
  mlir::Value change(mlir::arith::AtomicRMWKind kind, mlir::Value number,
                     int64_t operand);
  void waitFor(int64_t parts);

  Buffer counters;
};

/// The dispatch of a kernel function of `parts` parts.
DispatchOp createDispatch(mlir::OpBuilder &builder, mlir::Location loc,
                          const Signature &signature, llvm::StringRef kernel,
                          int64_t parts, bool scratch);

/// Replaces an operation from codes to codes by a dispatch of `attr`'s parts,
/// with `inputs` and the result as buffers; `body` is emitted for the part
/// `workgroup` of `parts`.
void tileCodes(
    mlir::Operation *op, KernelAttr attr, mlir::ModuleOp kernels,
    llvm::ArrayRef<mlir::Value> inputs,
    llvm::function_ref<void(KernelFunction &function, int64_t parts)> body);

/// The nested module @kernels of `module`, made for `isa` if there is none.
mlir::ModuleOp kernelsModule(mlir::ModuleOp module, llvm::StringRef isa);
/// The symbol of a kernel: ISA, number of the kernel in its module, name of the
/// layer at `loc`.
std::string kernelName(llvm::StringRef isa, size_t number, mlir::Location loc);
/// The same for the next kernel of that module.
std::string kernelName(mlir::ModuleOp kernels, mlir::Location loc);

/// tensor<bytes x i8>.
mlir::RankedTensorType bytesType(mlir::MLIRContext *context, int64_t bytes);
/// What a dispatch takes and yields for a tensor: bytes for packed ones.
mlir::Type dispatchedType(mlir::Type type);
mlir::Value toBytes(mlir::OpBuilder &builder, mlir::Value value);
/// Replaces a result of a layer by the result of its dispatch.
void replaceResult(mlir::OpBuilder &builder, mlir::Value result,
                   mlir::Value dispatched);

} // namespace ulq

#endif // ULQ_LOWERING_KERNELFUNCTION_H
