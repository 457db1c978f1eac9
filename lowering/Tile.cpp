//===- Tile.cpp - packed layers to dispatches of loops around tile ops ----===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Epilogue.h"
#include "lowering/KernelFunction.h"

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_TILE
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// The part of `count` units that a workgroup takes.
std::pair<Value, Value> share(ByteBuilder &b, Value workgroup, int64_t count,
                              int64_t workgroups) {
  auto bound = [&](Value part) {
    return b.createOrFold<arith::DivUIOp>(b.mul(part, count),
                                          b.index(workgroups));
  };
  return {bound(workgroup), bound(b.add(workgroup, 1))};
}

/// Byte offsets within the scratch memory of one workgroup.
struct ScratchLayout {
  int64_t panels = 0, rows = 0, sums = 0, accumulators = 0, bytes = 0;
};

class LayerTiler {
public:
  LayerTiler(LayerOp op, const KernelChoice &choice)
      : op(op), choice(choice), shape(layerShape(op)), attr(op.getKernelAttr()),
        flow(flowShape(shape, *choice.kernel)),
        lanes{flow.groups, flow.outputs, attr.getOutputs()} {
    isFloat = shape.codeBits == 32;
    bool corrects = choice.kernel->accumulatesCodes() && shape.weightBase != 0;
    rowSums = !isFloat && (corrects || op.getWeightZero());
    panelBytes = choice.kernel->packedPanelBytes(shape, choice.tile);
    unpackedBytes = choice.kernel->unpackedPanelBytes(shape, choice.tile);
    for (Value output : op.getOutputs())
      if (tensorElement(output.getType()).isF32())
        floats = output;
      else
        codes = output;
  }

  void run(ModuleOp kernels) {
    buildParameters();
    placeScratch();
    OpBuilder builder(op);
    Signature signature;
    signature.inputs = {toBytes(builder, op.getInput()), parameters(builder)};
    for (Value addend : op.getAddends())
      signature.inputs.push_back(toBytes(builder, addend));
    for (Value output : {codes, floats})
      if (output)
        signature.results.push_back(dispatchedType(output.getType()));
    signature.results.push_back(
        bytesType(op.getContext(), scratch.bytes * attr.getWorkgroups()));

    std::string name = kernelName(kernels, op.getLoc());
    auto dispatch = DispatchOp::create(builder, op.getLoc(), signature.results,
                                       signature.inputs, name,
                                       attr.getWorkgroups(), /*scratch=*/true);
    int64_t number = 0;
    for (Value output : {codes, floats})
      if (output)
        replaceResult(builder, output, dispatch.getResult(number++));

    KernelFunction function(kernels, op.getLoc(), name, signature);
    emitLoops(function);
    function.finish();
    Operation *weights = op.getWeights().getDefiningOp();
    op.erase();
    if (weights && weights->use_empty())
      weights->erase();
  }

private:
  //===--- outside the kernel -------------------------------------------===//

  void buildParameters() {
    std::optional<SmallVector<int32_t>> packed =
        constantElements(op.getWeights(), /*asFloat=*/false);
    SmallVector<uint8_t> bytes(packed->begin(), packed->end());
    blob.append(bytes);
    tables = blob.append(choice.kernel->tables(shape));
    plan = planEpilogue(op, lanes, blob);
  }

  Value parameters(OpBuilder &builder) {
    ArrayRef<uint8_t> bytes = blob.bytes();
    ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()),
                       bytes.size());
    auto type = bytesType(op.getContext(), static_cast<int64_t>(bytes.size()));
    return arith::ConstantOp::create(
        builder, op.getLoc(), DenseElementsAttr::getFromRawBuffer(type, raw));
  }

  void placeScratch() {
    int64_t workgroups = attr.getWorkgroups();
    int64_t most = choice.splitsRows
                       ? choice.panels
                       : llvm::divideCeil(choice.panels, workgroups);
    auto place = [&](int64_t bytes) {
      int64_t offset = scratch.bytes;
      scratch.bytes = roundUp(scratch.bytes + bytes, 64);
      return offset;
    };
    scratch.panels = place(most * unpackedBytes);
    scratch.rows = place(attr.getBlock() * choice.format.rowBytes);
    scratch.sums = place(rowSums ? attr.getBlock() * 4 : 0);
    scratch.accumulators = place(attr.getRows() * attr.getOutputs() * 4);
  }

  //===--- inside the kernel --------------------------------------------===//

  void emitLoops(KernelFunction &function) {
    ByteBuilder &b = function.b;
    kernel = &function;
    source = function.buffers[0];
    params = function.buffers[1];
    Buffer &own = function.buffers.back();
    base = b.add(own.offset, b.mul(function.workgroup, scratch.bytes));
    memory = own.memory;

    int64_t blocks = llvm::divideCeil(shape.rows, attr.getBlock());
    Value zero = b.index(0);
    Value firstBlock = zero, lastBlock = b.index(blocks);
    firstPanel = zero;
    lastPanel = b.index(choice.panels);
    auto [first, last] =
        share(b, function.workgroup, choice.splitsRows ? blocks : choice.panels,
              attr.getWorkgroups());
    (choice.splitsRows ? firstBlock : firstPanel) = first;
    (choice.splitsRows ? lastBlock : lastPanel) = last;
    if (unpackedBytes > 0)
      unpackPanels(b);
    b.loop(firstBlock, lastBlock, 1,
           [&](Value block) { emitBlock(b, b.mul(block, attr.getBlock())); });
  }

  void unpackPanels(ByteBuilder &b) {
    Value from = b.add(params.offset, b.mul(firstPanel, panelBytes));
    Value count = b.createOrFold<arith::SubIOp>(lastPanel, firstPanel);
    UnpackWeightsOp::create(b, params.memory, from, memory,
                            b.add(base, scratch.panels), count, attr,
                            choice.format.depth, shape.weightBits,
                            shape.weightBase, shape.weightStep, isFloat);
  }

  /// A block of output pixels: per group its rows, then its panels.
  void emitBlock(ByteBuilder &b, Value firstRow) {
    Value left = b.createOrFold<arith::SubIOp>(b.index(shape.rows), firstRow);
    Value count = b.min(left, b.index(attr.getBlock()));
    int64_t perGroup = lanes.panelsPerGroup();
    b.loop(b.index(0), b.index(flow.groups), 1, [&](Value group) {
      Value start = b.mul(group, perGroup);
      Value first = b.max(firstPanel, start);
      Value last = b.min(lastPanel, b.add(start, perGroup));
      Value any =
          arith::CmpIOp::create(b, arith::CmpIPredicate::slt, first, last);
      b.branch(any, [&] {
        gather(b, group, firstRow, count);
        b.loop(first, last, 1, [&](Value panel) {
          emitPanel(b, group, panel, firstRow, count);
        });
      });
    });
  }

  /// Rows hold the channels of a group of the flow.
  GeometryAttr gatheredGeometry() {
    GeometryAttr g = op.getGeometry();
    return GeometryAttr::get(op.getContext(), g.getInput(), g.getOutput(),
                             g.getKernel(), g.getStrides(), g.getPads(),
                             g.getDilations(), flow.groups);
  }

  void gather(ByteBuilder &b, Value group, Value firstRow, Value count) {
    GatherRowsOp::create(
        b, source.memory, source.offset, memory, b.add(base, scratch.rows),
        b.add(base, scratch.sums), firstRow, count, group, gatheredGeometry(),
        shape.storageBits, op.getPadCode(), choice.format.rowBytes,
        choice.format.expand, choice.format.pairs, choice.format.channelOrder,
        rowSums);
  }

  void emitPanel(ByteBuilder &b, Value group, Value panel, Value firstRow,
                 Value count) {
    int64_t perGroup = lanes.panelsPerGroup();
    Value inGroup =
        b.createOrFold<arith::SubIOp>(panel, b.mul(group, perGroup));
    b.loop(b.index(0), count, attr.getRows(), [&](Value row) {
      Value left = b.createOrFold<arith::SubIOp>(count, row);
      Value rows = b.min(left, b.index(attr.getRows()));
      Value channel =
          b.add(b.mul(group, flow.outputs), b.mul(inGroup, attr.getOutputs()));
      multiply(b, panel, row);
      auto emit = [&](int64_t width) {
        epilogue(b, b.add(firstRow, row), row, rows, panel, channel, width);
      };
      int64_t tail = flow.outputs - (perGroup - 1) * attr.getOutputs();
      if (perGroup == 1 || tail == attr.getOutputs())
        return emit(tail);
      Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, inGroup,
                                           b.index(perGroup - 1));
      b.branch(isLast, [&] { emit(tail); }, [&] { emit(attr.getOutputs()); });
    });
  }

  void multiply(ByteBuilder &b, Value panel, Value row) {
    Value lhs =
        b.add(b.add(base, scratch.rows), b.mul(row, choice.format.rowBytes));
    int64_t tapBytes = 0, multiplier = 1;
    if (choice.kernel->groupsAreLanes()) {
      tapBytes = choice.format.expand ? flow.tapBytes() * flow.codesPerByte()
                                      : flow.tapBytes();
      multiplier = shape.outputs;
      // A panel starts at its first channel.
      int64_t channels = attr.getOutputs() / multiplier;
      lhs = b.add(lhs, b.mul(panel, channels * (isFloat ? 4 : 1)));
    }
    Buffer rhs = params;
    if (unpackedBytes > 0) {
      Value inScratch = b.createOrFold<arith::SubIOp>(panel, firstPanel);
      rhs = {memory, b.add(b.add(base, scratch.panels),
                           b.mul(inScratch, unpackedBytes))};
    } else {
      rhs.offset = b.add(params.offset, b.mul(panel, panelBytes));
    }
    MultiplyTileOp::create(
        b, memory, lhs, rhs.memory, rhs.offset, params.memory,
        b.add(params.offset, tables), memory, b.add(base, scratch.accumulators),
        attr, choice.format.rowBytes, choice.format.depth, shape.storageBits,
        shape.maxCode, shape.weightBits, shape.weightBase, shape.weightStep,
        shape.weightLevels, choice.kernel->accumulatesCodes(),
        choice.tile.narrowBits, choice.tile.flushInterval, tapBytes,
        multiplier);
  }

  void epilogue(ByteBuilder &b, Value firstRow, Value row, Value rows,
                Value panel, Value channel, int64_t width) {
    bool corrects = !isFloat && choice.kernel->accumulatesCodes();
    SmallVector<Value> addends, addendOffsets, targets, targetOffsets;
    SmallVector<int64_t> addendBits;
    size_t next = 2;
    for (Value addend : op.getAddends()) {
      addends.push_back(kernel->buffers[next].memory);
      addendOffsets.push_back(kernel->buffers[next++].offset);
      addendBits.push_back(elementStorage(addend.getType()));
    }
    for (; next + 1 < kernel->buffers.size(); ++next) {
      targets.push_back(kernel->buffers[next].memory);
      targetOffsets.push_back(kernel->buffers[next].offset);
    }
    Value sums = b.add(b.add(base, scratch.sums), b.mul(row, 4));
    EpilogueTileOp::create(
        b, memory, b.add(base, scratch.accumulators), sums, params.memory,
        params.offset, addends, addendOffsets, targets, targetOffsets, firstRow,
        rows, panel, channel, attr, width, op.getGeometry().getOutput()[3],
        choice.panels * attr.getOutputs(), corrects ? shape.weightStep : 1,
        corrects ? shape.weightBase : 0, isFloat, plan.zeroSlot, plan.levels,
        plan.thresholdSlot, plan.flipSlot, b.getArrayAttr(plan.steps),
        addendBits, codes ? elementStorage(codes.getType()) : 0);
  }

  LayerOp op;
  const KernelChoice &choice;
  LayerShape shape;
  KernelAttr attr;
  LayerShape flow;
  PanelLanes lanes;
  Value codes, floats; // results of the layer, null where it has none
  bool isFloat, rowSums;
  int64_t panelBytes, unpackedBytes, tables = 0;
  ParameterBlob blob;
  EpiloguePlan plan;
  ScratchLayout scratch;

  KernelFunction *kernel = nullptr;
  Buffer source, params;
  Value memory, base; // scratch of this workgroup
  Value firstPanel, lastPanel;
};

void tilePool(MaxPoolCodesOp op, ModuleOp kernels) {
  KernelAttr attr = op.getKernelAttr();
  ArrayRef<int64_t> output = op.getGeometry().getOutput();
  int64_t rows = output[0] * output[1] * output[2];
  OpBuilder builder(op);
  Signature signature;
  signature.inputs = {toBytes(builder, op.getInput())};
  signature.results = {dispatchedType(op.getType())};
  std::string name = kernelName(kernels, op.getLoc());
  auto dispatch = DispatchOp::create(builder, op.getLoc(), signature.results,
                                     signature.inputs, name,
                                     attr.getWorkgroups(), /*scratch=*/false);
  replaceResult(builder, op.getResult(), dispatch.getResult(0));

  KernelFunction function(kernels, op.getLoc(), name, signature);
  ByteBuilder &b = function.b;
  auto [first, last] = share(b, function.workgroup, rows, attr.getWorkgroups());
  MaxPoolTileOp::create(b, function.buffers[0].memory,
                        function.buffers[0].offset, function.buffers[1].memory,
                        function.buffers[1].offset, first,
                        b.createOrFold<arith::SubIOp>(last, first),
                        op.getGeometry(), elementStorage(op.getType()));
  function.finish();
  op.erase();
}

LogicalResult tile(Operation *op, ModuleOp module) {
  auto layer = dyn_cast<LayerOp>(op);
  if (!layer) {
    auto pool = cast<MaxPoolCodesOp>(op);
    if (!pool.getKernel() || !isa<PackedType>(pool.getType()))
      return op->emitOpError("expected a kernel: run ulq-select-kernel first");
    tilePool(pool, kernelsModule(module, pool.getKernelAttr().getIsa()));
    return success();
  }
  FailureOr<KernelChoice> choice = kernelChoice(layer);
  if (failed(choice))
    return failure();
  if (!constantElements(layer.getWeights(), false) ||
      tensorShape(layer.getWeights().getType()).size() != 1)
    return op->emitOpError(
        "expected packed weights: run ulq-pack-weights first");
  LayerTiler(layer, *choice).run(kernelsModule(module, choice->isa->name));
  return success();
}

struct TilePass : ulq::impl::TileBase<TilePass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<LayerOp, MaxPoolCodesOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(tile(op, getOperation())))
        return signalPassFailure();
    getOperation()->walk([](FromBytesOp op) {
      if (op.use_empty())
        op.erase();
    });
  }
};

} // namespace
