//===- TileLookup.cpp - lookups of codes to dispatches --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileLookup.h"
#include "lowering/Layers.h"

using namespace mlir;
using namespace ulq;

/// The table as bytes; only codes of the input index it.
static Value tableBytes(OpBuilder &builder, LookupOp op) {
  SmallVector<int8_t> bytes;
  for (int64_t code : op.getTable())
    bytes.push_back(static_cast<int8_t>(code));
  auto type = bytesType(op.getContext(), static_cast<int64_t>(bytes.size()));
  return arith::ConstantOp::create(
      builder, op.getLoc(),
      DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes)));
}

void ulq::tileLookup(LookupOp op, ModuleOp kernels) {
  OpBuilder builder(op);
  auto result = cast<PackedType>(op.getType());
  int64_t bits = result.getLayout().getBits(), perByte = 8 / bits;
  int64_t parts = op.getKernel()->getWorkgroups();
  KernelFunction function(
      op, kernels,
      {{op.getInput(), tableBytes(builder, op)}, {op.getResult()}, parts});
  ByteBuilder &b = function.b;
  const Buffer &source = function.buffers[0], &table = function.buffers[1],
               &target = function.buffers[2];
  function.work([&] {
    auto [first, end] = function.share(result.getByteSize());
    auto lookUp = [&](Value i) -> Value {
      Value code = memref::LoadOp::create(b, source.memory,
                                          ValueRange{b.add(source.offset, i)});
      Value index = arith::IndexCastUIOp::create(b, b.getIndexType(), code);
      return memref::LoadOp::create(b, table.memory,
                                    ValueRange{b.add(table.offset, index)});
    };
    b.loop(first, end, 1, [&](Value byte) {
      Value start = b.mul(byte, perByte), joined = lookUp(start);
      for (int64_t i = 1; i < perByte; ++i) {
        Value shift = arith::ConstantIntOp::create(b, b.getI8Type(), i * bits);
        Value code = arith::ShLIOp::create(b, lookUp(b.add(start, i)), shift);
        joined = arith::OrIOp::create(b, joined, code);
      }
      memref::StoreOp::create(b, joined, target.memory,
                              ValueRange{b.add(target.offset, byte)});
    });
  });
  function.finish();
}
