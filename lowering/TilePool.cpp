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
  ArrayRef<int64_t> output = op.getGeometry().getOutput();
  int64_t rows = output[0] * output[1] * output[2];
  int64_t parts = op.getKernel()->getWorkgroups();
  KernelFunction function(op, kernels,
                          {{op.getInput()}, {op.getResult()}, parts});
  ByteBuilder &b = function.b;
  const Buffer &source = function.buffers[0], &target = function.buffers[1];
  function.work([&] {
    auto [first, end] = function.share(rows);
    MaxPoolTileOp::create(b, source.memory, source.offset, target.memory,
                          target.offset, first,
                          b.createOrFold<arith::SubIOp>(end, first),
                          op.getGeometry(), elementStorage(op.getType()));
  });
  function.finish();
}
