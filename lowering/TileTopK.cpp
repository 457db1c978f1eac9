//===- TileTopK.cpp - the largest elements to dispatches ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileTopK.h"
#include "lowering/BestFirst.h"
#include "lowering/Layers.h"
#include "lowering/kernels/Kernel.h"

using namespace mlir;
using namespace ulq;

namespace {

struct RowSelection {
  TopKOp op;
  int64_t lanes, width, taken;
  Buffer input, values, indices;
  Value memory, keys; // of the part, in scratch memory

  /// Keys of a row, of the smallest elements those of the largest turned.
  void emitKeys(ByteBuilder &b, Value row) {
    int64_t whole = width / lanes * lanes;
    auto write = [&](Type type, Value element) {
      Value at = b.mul(b.add(b.mul(row, width), element), 4);
      auto vector = dyn_cast<VectorType>(type);
      Value from = b.add(input.offset, at);
      Value x = vector ? b.load(vector, input.memory, from)
                       : loadNumber(b, type, input.memory, from);
      Value key = BestFirst::keyOf(b, op.getSmallest() ? negated(b, x) : x);
      Value to = b.add(keys, b.mul(element, 4));
      vector ? b.store(key, memory, to) : storeNumber(b, key, memory, to);
    };
    auto vector = VectorType::get(lanes, b.getF32Type());
    b.loop(b.index(0), b.index(whole), lanes,
           [&](Value element) { write(vector, element); });
    b.loop(b.index(whole), b.index(width), 1,
           [&](Value element) { write(b.getF32Type(), element); });
  }

  static Value negated(ByteBuilder &b, Value x) {
    return arith::NegFOp::create(b, x);
  }

  void emitRow(ByteBuilder &b, Value row) {
    emitKeys(b, row);
    BestFirst best(lanes, memory, keys);
    best.run(b, b.index(width), b.index(taken), [&](Value element, Value rank) {
      Value at = b.add(b.mul(row, width), element);
      Value value = loadNumber(b, b.getF32Type(), input.memory,
                               b.add(input.offset, b.mul(at, 4)));
      Value to = b.add(b.mul(row, taken), rank);
      storeNumber(b, value, values.memory, b.add(values.offset, b.mul(to, 4)));
      Value index = arith::IndexCastOp::create(b, b.getI64Type(), element);
      storeNumber(b, index, indices.memory,
                  b.add(indices.offset, b.mul(to, 8)));
    });
  }
};

} // namespace

LogicalResult ulq::tileTopK(TopKOp op, ModuleOp kernels) {
  FailureOr<int64_t> vector = BestFirst::lanesOf(op, op.getKernelAttr());
  if (failed(vector))
    return failure();
  ArrayRef<int64_t> shape = tensorShape(op.getInput().getType());
  int64_t lanes = *vector;
  int64_t keyBytes = 4 * (roundUp(shape[1], lanes) + lanes);
  int64_t parts = op.getKernel()->getWorkgroups();
  KernelFunction function(op, kernels,
                          {{op.getInput()},
                           {op.getValues(), op.getIndices()},
                           parts,
                           parts * keyBytes});
  ByteBuilder &b = function.b;
  const Buffer &scratch = function.buffers[3];
  RowSelection rows{op,
                    lanes,
                    shape[1],
                    tensorShape(op.getValues().getType())[1],
                    function.buffers[0],
                    function.buffers[1],
                    function.buffers[2],
                    scratch.memory,
                    Value()};
  function.work([&] {
    rows.keys = b.add(scratch.offset, b.mul(function.workgroup, keyBytes));
    auto [first, end] = function.share(shape[0]);
    b.loop(first, end, 1, [&](Value row) { rows.emitRow(b, row); });
  });
  function.finish();
  return success();
}
