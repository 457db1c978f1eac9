//===- Tile.cpp - packed layers to dispatches of loops around tile ops ----===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Epilogue.h"
#include "lowering/TilePool.h"

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_TILE
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// Byte offsets within the scratch memory of one workgroup.
struct ScratchLayout {
  int64_t panels = 0, offsets = 0, rows = 0, sums = 0, accumulators = 0;
  int64_t bytes = 0;
};

class LayerTiler {
public:
  LayerTiler(LayerOp op, const KernelChoice &choice)
      : op(op), choice(choice), shape(layerShape(op)), attr(op.getKernelAttr()),
        flow(flowShape(shape, *choice.kernel)),
        lanes{shape.computed ? 1 : flow.groups, flow.outputs,
              attr.getOutputs()} {
    isFloat = shape.codeBits == 32;
    bool corrects = choice.kernel->accumulatesCodes() && shape.weightBase != 0;
    rowSums = !isFloat && (corrects || op.getWeightZero());
    panelBytes = choice.kernel->packedPanelBytes(shape, choice.tile);
    scratchPanelBytes =
        shape.computed ? panelBytes
                       : choice.kernel->unpackedPanelBytes(shape, choice.tile);
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
    if (shape.computed)
      signature.inputs.push_back(toBytes(builder, op.getWeights()));
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
    Operation *constant =
        shape.computed ? nullptr : op.getWeights().getDefiningOp();
    op.erase();
    if (constant && constant->use_empty())
      constant->erase();
  }

private:
  //===--- outside the kernel -------------------------------------------===//

  void buildParameters() {
    SmallVector<uint8_t> bytes(1, 0); // a tensor of no bytes is none
    if (!shape.computed) {
      SmallVector<int32_t> packed =
          *constantElements(op.getWeights(), /*asFloat=*/false);
      bytes.assign(packed.begin(), packed.end());
    }
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
    // Rows of a panel are gathered where the rows of blocks will be.
    int64_t gathered =
        std::max(attr.getBlock(), shape.computed ? attr.getOutputs() : 0);
    bool sums = rowSums || inputZero() != 0;
    scratch.panels = place(most * scratchPanelBytes);
    scratch.offsets = place(inputZero() ? most * attr.getOutputs() * 4 : 0);
    scratch.rows = place(gathered * choice.format.rowBytes);
    scratch.sums = place(sums ? gathered * 4 : 0);
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
    auto [first, last] = function.share(
        choice.splitsRows ? blocks : choice.panels, attr.getWorkgroups());
    (choice.splitsRows ? firstBlock : firstPanel) = first;
    (choice.splitsRows ? lastBlock : lastPanel) = last;
    if (shape.computed)
      packPanels(b);
    else if (scratchPanelBytes > 0)
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

  /// The weights of image `image` are rows like those of the input.
  void packPanels(ByteBuilder &b) {
    const Buffer &weights = kernel->buffers[2];
    int64_t outputs = attr.getOutputs(), perImage = lanes.panelsPerGroup();
    int64_t zero = inputZero(), words = choice.format.depth / (isFloat ? 1 : 4);
    // -inputZero times the sum of a channel's weights.
    int64_t offset = -zero * shape.channels * (shape.weightBase + weightZero());
    Value rows = b.add(base, scratch.rows), sums = b.add(base, scratch.sums);
    b.loop(firstPanel, lastPanel, 1, [&](Value panel) {
      Value image = b.createOrFold<arith::DivUIOp>(panel, b.index(perImage));
      Value first = b.mul(
          b.createOrFold<arith::RemUIOp>(panel, b.index(perImage)), outputs);
      Value left = b.createOrFold<arith::SubIOp>(b.index(flow.outputs), first);
      GatherRowsOp::create(b, weights.memory, weights.offset, memory, rows,
                           sums, b.add(b.mul(image, flow.outputs), first),
                           b.min(left, b.index(outputs)), b.index(0),
                           weightGeometry(), shape.storageBits, /*padCode=*/0,
                           choice.format.rowBytes, choice.format.expand,
                           choice.format.pairs, choice.format.channelOrder,
                           /*rowSums=*/zero != 0);
      PackPanelOp::create(b, memory, rows, sums, panelInScratch(b, panel),
                          offsetsOf(b, panel), attr, choice.format.rowBytes,
                          words, shape.weightBase, zero != 0, -zero, offset);
    });
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
        // Computed weights: groups of the flow are images.
        Value channels = shape.computed ? b.index(0) : group;
        Value row = shape.computed ? b.add(b.mul(group, shape.rows), firstRow)
                                   : firstRow;
        gather(b, channels, row, count);
        b.loop(first, last, 1, [&](Value panel) {
          emitPanel(b, start, channels, panel, row, count);
        });
      });
    });
  }

  /// Rows hold the channels of a group of the flow.
  GeometryAttr gatheredGeometry() {
    GeometryAttr g = op.getGeometry();
    return GeometryAttr::get(op.getContext(), g.getInput(), g.getOutput(),
                             g.getKernel(), g.getStrides(), g.getPads(),
                             g.getDilations(), lanes.groups);
  }

  /// That of a 1x1 kernel which reads all pixels of the weights.
  GeometryAttr weightGeometry() {
    GeometryAttr g = op.getGeometry();
    auto pixels = DenseI64ArrayAttr::get(
        op.getContext(), tensorShape(op.getWeights().getType()));
    return GeometryAttr::get(op.getContext(), pixels, pixels, g.getKernel(),
                             g.getStrides(), g.getPads(), g.getDilations(), 1);
  }

  void gather(ByteBuilder &b, Value group, Value firstRow, Value count) {
    GatherRowsOp::create(
        b, source.memory, source.offset, memory, b.add(base, scratch.rows),
        b.add(base, scratch.sums), firstRow, count, group, gatheredGeometry(),
        shape.storageBits, op.getPadCode(), choice.format.rowBytes,
        choice.format.expand, choice.format.pairs, choice.format.channelOrder,
        rowSums);
  }

  /// `start` is the first panel of the rows' group, whose channels are those of
  /// group `channels`.
  void emitPanel(ByteBuilder &b, Value start, Value channels, Value panel,
                 Value firstRow, Value count) {
    int64_t perGroup = lanes.panelsPerGroup();
    Value inGroup = b.createOrFold<arith::SubIOp>(panel, start);
    b.loop(b.index(0), count, attr.getRows(), [&](Value row) {
      Value left = b.createOrFold<arith::SubIOp>(count, row);
      Value rows = b.min(left, b.index(attr.getRows()));
      Value channel = b.add(b.mul(channels, flow.outputs),
                            b.mul(inGroup, attr.getOutputs()));
      multiply(b, panel, row);
      auto emit = [&](int64_t width) {
        epilogue(b, b.add(firstRow, row), row, rows, panel,
                 shape.computed ? inGroup : panel, channel, width);
      };
      int64_t tail = flow.outputs - (perGroup - 1) * attr.getOutputs();
      if (perGroup == 1 || tail == attr.getOutputs())
        return emit(tail);
      Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, inGroup,
                                           b.index(perGroup - 1));
      b.branch(isLast, [&] { emit(tail); }, [&] { emit(attr.getOutputs()); });
    });
  }

  Value panelInScratch(ByteBuilder &b, Value panel) {
    Value number = b.createOrFold<arith::SubIOp>(panel, firstPanel);
    return b.add(b.add(base, scratch.panels), b.mul(number, scratchPanelBytes));
  }

  Value offsetsOf(ByteBuilder &b, Value panel) {
    Value number = b.createOrFold<arith::SubIOp>(panel, firstPanel);
    return b.add(b.add(base, scratch.offsets),
                 b.mul(number, attr.getOutputs() * 4));
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
    if (scratchPanelBytes > 0) {
      rhs = {memory, panelInScratch(b, panel)};
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

  /// `constants` is the number of the panel in the arrays of parameters.
  void epilogue(ByteBuilder &b, Value firstRow, Value row, Value rows,
                Value panel, Value constants, Value channel, int64_t width) {
    bool corrects = !isFloat && choice.kernel->accumulatesCodes();
    SmallVector<Value> addends, addendOffsets, targets, targetOffsets;
    SmallVector<int64_t> addendBits;
    size_t next = shape.computed ? 3 : 2;
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
        rows, constants, channel, inputZero() ? offsetsOf(b, panel) : Value(),
        attr, width, op.getGeometry().getOutput()[3],
        lanes.groups * lanes.panelsPerGroup() * attr.getOutputs(),
        corrects ? shape.weightStep : 1, corrects ? shape.weightBase : 0,
        isFloat, plan.zeroSlot, plan.levels, plan.thresholdSlot, plan.flipSlot,
        b.getArrayAttr(plan.steps), addendBits,
        codes ? elementStorage(codes.getType()) : 0);
  }

  int64_t inputZero() { return op.getInputZero().value_or(0); }
  int64_t weightZero() {
    return op.getWeightZero() ? op.getWeightZero()->front() : 0;
  }

  LayerOp op;
  const KernelChoice &choice;
  LayerShape shape;
  KernelAttr attr;
  LayerShape flow;
  PanelLanes lanes;
  Value codes, floats; // results of the layer, null where it has none
  bool isFloat, rowSums;
  int64_t panelBytes, tables = 0;
  int64_t scratchPanelBytes; // 0: multiply_tile reads the parameters
  ParameterBlob blob;
  EpiloguePlan plan;
  ScratchLayout scratch;

  KernelFunction *kernel = nullptr;
  Buffer source, params;
  Value memory, base; // scratch of this workgroup
  Value firstPanel, lastPanel;
};

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
  if (!layer.getComputedWeights() &&
      (!constantElements(layer.getWeights(), false) ||
       tensorShape(layer.getWeights().getType()).size() != 1))
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
