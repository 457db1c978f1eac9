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
  int64_t codes = cast<PackedType>(op.getType()).getByteSize();
  auto emit = [&](KernelFunction &function, int64_t parts) {
    auto [first, end] = function.share(codes, function.workgroup, parts);
    ByteBuilder &b = function.b;
    const Buffer &source = function.buffers[0], &table = function.buffers[1],
                 &target = function.buffers[2];
    b.loop(first, end, 1, [&](Value i) {
      Value code = memref::LoadOp::create(b, source.memory,
                                          ValueRange{b.add(source.offset, i)});
      Value index = arith::IndexCastUIOp::create(b, b.getIndexType(), code);
      Value other = memref::LoadOp::create(
          b, table.memory, ValueRange{b.add(table.offset, index)});
      memref::StoreOp::create(b, other, target.memory,
                              ValueRange{b.add(target.offset, i)});
    });
  };
  tileCodes(op, op.getKernelAttr(), kernels,
            {op.getInput(), tableBytes(builder, op)}, emit);
}
