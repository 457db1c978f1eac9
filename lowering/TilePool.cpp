//===- TilePool.cpp - pools of codes to dispatches ------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/TilePool.h"
#include "lowering/Layers.h"

using namespace mlir;
using namespace ulq;

void ulq::tilePool(MaxPoolCodesOp op, ModuleOp kernels) {
  KernelAttr attr = op.getKernelAttr();
  ArrayRef<int64_t> output = op.getGeometry().getOutput();
  int64_t rows = output[0] * output[1] * output[2];
  OpBuilder builder(op);
  Signature signature;
  signature.inputs = {toBytes(builder, op.getInput())};
  signature.results = {dispatchedType(op.getType())};
  int64_t parts = attr.getWorkgroups();
  signature.counters = parts > 1 ? 1 : 0;
  std::string name = kernelName(kernels, op.getLoc());
  auto dispatch = createDispatch(builder, op.getLoc(), signature, name, parts,
                                 /*scratch=*/false);
  replaceResult(builder, op.getResult(), dispatch.getResult(0));

  KernelFunction function(kernels, op.getLoc(), name, signature);
  ByteBuilder &b = function.b;
  function.work(parts, [&] {
    auto [first, last] = function.share(rows, function.workgroup, parts);
    MaxPoolTileOp::create(
        b, function.buffers[0].memory, function.buffers[0].offset,
        function.buffers[1].memory, function.buffers[1].offset, first,
        b.createOrFold<arith::SubIOp>(last, first), op.getGeometry(),
        elementStorage(op.getType()));
  });
  function.finish();
  op.erase();
}
