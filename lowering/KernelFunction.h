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
  /// The part of `count` units that this workgroup takes: first, end.
  std::pair<mlir::Value, mlir::Value> share(int64_t count, int64_t workgroups);
  void finish() { mlir::func::ReturnOp::create(b); }

  ByteBuilder b;
  llvm::SmallVector<Buffer> buffers; // inputs, then results
  mlir::Value workgroup;

private:
  mlir::Value restore(mlir::Value pointer, int64_t bytes);
};

/// The nested module @kernels of `module`, made for `isa` if there is none.
mlir::ModuleOp kernelsModule(mlir::ModuleOp module, llvm::StringRef isa);
/// A new symbol of that module: ISA, number and name of the layer at `loc`.
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
