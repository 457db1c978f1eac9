//===- LayerTiler.cpp - from a packed layer to the loops of its dispatch --===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/LayerTiler.h"
#include "lowering/Workgroups.h"

using namespace mlir;
using namespace ulq;

LayerTiler::LayerTiler(LayerOp op, const KernelChoice &choice)
    : op(op), choice(choice), shape(layerShape(op)), attr(op.getKernelAttr()),
      flow(flowShape(shape, *choice.kernel)),
      lanes{shape.computed ? 1 : flow.groups, flow.outputs, attr.getOutputs()} {
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

void LayerTiler::run(ModuleOp kernels) {
  buildParameters();
  placeScratch();
  OpBuilder builder(op);
  Signature signature;
  signature.inputs = {op.getInput(), constantBytes(builder, blob.bytes())};
  // A constant of its own, which the layers with the same tables share.
  if (!tables.empty())
    signature.inputs.push_back(constantBytes(builder, tables));
  if (shape.computed)
    signature.inputs.push_back(op.getWeights());
  llvm::append_range(signature.inputs, op.getAddends());
  for (Value output : {codes, floats})
    if (output)
      signature.results.push_back(output);
  int64_t parts = attr.getWorkgroups();
  int64_t memories = scratchMemories(parts, scratchBytes);
  // Of each scratch memory its lock and its flags.
  int64_t perScratch = 1 + flags;
  signature.parts = parts;
  signature.scratchBytes = memories * scratchBytes;
  signature.flags = memories * perScratch;

  Operation *constant =
      shape.computed ? nullptr : op.getWeights().getDefiningOp();
  KernelFunction function(op, kernels, signature);
  kernel = &function;
  size_t next = 0;
  source = function.buffers[next++];
  params = function.buffers[next++];
  lookups = tables.empty() ? params : function.buffers[next++];
  if (shape.computed)
    computed = function.buffers[next++];
  firstAddend = next;
  const Buffer &own = function.buffers.back();
  memory = own.memory;
  ByteBuilder &b = function.b;
  function.work([&] {
    base = own.offset;
    if (parts == 1)
      return emitLoops(b);
    Value number = function.acquire(memories, 1, perScratch);
    base = b.add(own.offset, b.mul(number, scratchBytes));
    lock = b.add(b.mul(number, perScratch), 1);
    emitLoops(b);
    function.release(lock);
  });
  function.finish();
  if (constant && constant->use_empty())
    constant->erase();
}

void LayerTiler::buildParameters() {
  SmallVector<uint8_t> bytes(1, 0); // a tensor of no bytes is none
  if (!shape.computed) {
    SmallVector<int32_t> packed =
        *constantElements(op.getWeights(), /*asFloat=*/false);
    bytes.assign(packed.begin(), packed.end());
  }
  blob.append(bytes);
  tables = choice.kernel->tables(shape, choice.isa->traits);
  plan = planEpilogue(op, lanes, blob);
}

Value LayerTiler::constantBytes(OpBuilder &builder, ArrayRef<uint8_t> bytes) {
  ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()),
                     bytes.size());
  auto type = bytesType(op.getContext(), static_cast<int64_t>(bytes.size()));
  return arith::ConstantOp::create(
      builder, op.getLoc(), DenseElementsAttr::getFromRawBuffer(type, raw));
}

int64_t LayerTiler::place(int64_t bytes) {
  int64_t offset = scratchBytes;
  scratchBytes = roundUp(scratchBytes + bytes, 64);
  return offset;
}

Value LayerTiler::scratch(ByteBuilder &b, int64_t offset) {
  return b.add(base, offset);
}

LayerTiler::Kept LayerTiler::placeKept(int64_t pieces, int64_t bytes) {
  Kept kept{place(pieces * bytes), bytes, flags};
  flags += pieces;
  return kept;
}

Value LayerTiler::piece(ByteBuilder &b, const Kept &kept, Value number) {
  return b.add(scratch(b, kept.offset), b.mul(number, kept.bytes));
}

void LayerTiler::ensure(const Kept &kept, Value number,
                        ByteBuilder::Body write) {
  Value flag = kernel->b.add(kernel->b.add(lock, 1 + kept.firstFlag), number);
  kernel->once(flag, [&] { write(number); });
}

std::pair<Value, Value> LayerTiler::shareOfRows(int64_t blocks) {
  ByteBuilder &b = kernel->b;
  Value part = b.createOrFold<arith::DivUIOp>(kernel->workgroup,
                                              b.index(attr.getPanelParts()));
  return kernel->share(blocks, part, choice.rowParts);
}

std::pair<Value, Value> LayerTiler::shareOfPanels() {
  ByteBuilder &b = kernel->b;
  Value part = b.createOrFold<arith::RemUIOp>(kernel->workgroup,
                                              b.index(attr.getPanelParts()));
  return kernel->share(choice.panels, part, attr.getPanelParts());
}

void LayerTiler::placePanels(int64_t behind) {
  panelStride = roundUp(scratchPanelBytes + behind, 64);
  if (keepsPanels())
    keptPanels = placeKept(choice.panels, panelStride);
  else
    panelsAt = place(llvm::divideCeil(choice.panels, attr.getPanelParts()) *
                     panelStride);
}

void LayerTiler::preparePanels(ByteBuilder &b, ByteBuilder::Body write) {
  if (scratchPanelBytes == 0)
    return;
  b.loop(firstPanel, lastPanel, 1, [&](Value panel) {
    keepsPanels() ? ensure(keptPanels, panel, write) : write(panel);
  });
}

void LayerTiler::unpackPanel(ByteBuilder &b, Value panel) {
  Value from = b.add(params.offset, b.mul(panel, panelBytes));
  UnpackWeightsOp::create(b, params.memory, from, memory,
                          preparedPanel(b, panel), b.index(1), attr,
                          choice.format.depth, shape.weightBits,
                          shape.weightBase, shape.weightStep, isFloat);
}

Value LayerTiler::preparedPanel(ByteBuilder &b, Value panel) {
  if (keepsPanels())
    return piece(b, keptPanels, panel);
  Value number = b.createOrFold<arith::SubIOp>(panel, firstPanel);
  return b.add(scratch(b, panelsAt), b.mul(number, panelStride));
}

Buffer LayerTiler::panelBuffer(ByteBuilder &b, Value panel) {
  if (scratchPanelBytes == 0)
    return {params.memory, b.add(params.offset, b.mul(panel, panelBytes))};
  return {memory, preparedPanel(b, panel)};
}

void LayerTiler::forWidth(ByteBuilder &b, Value panelInGroup,
                          function_ref<void(int64_t)> emit) {
  int64_t perGroup = lanes.panelsPerGroup();
  int64_t tail = flow.outputs - (perGroup - 1) * attr.getOutputs();
  if (perGroup == 1 || tail == attr.getOutputs())
    return emit(tail);
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                       panelInGroup, b.index(perGroup - 1));
  b.branch(isLast, [&] { emit(tail); }, [&] { emit(attr.getOutputs()); });
}

void LayerTiler::epilogue(ByteBuilder &b, const ResultTile &tile,
                          int64_t width) {
  bool corrects = !isFloat && choice.kernel->accumulatesCodes();
  SmallVector<Value> addends, addendOffsets, targets, targetOffsets;
  SmallVector<int64_t> addendBits;
  size_t next = firstAddend;
  for (Value addend : op.getAddends()) {
    addends.push_back(kernel->buffers[next].memory);
    addendOffsets.push_back(kernel->buffers[next++].offset);
    addendBits.push_back(elementStorage(addend.getType()));
  }
  for (; next + 1 < kernel->buffers.size(); ++next) {
    targets.push_back(kernel->buffers[next].memory);
    targetOffsets.push_back(kernel->buffers[next].offset);
  }
  EpilogueTileOp::create(
      b, memory, tile.accumulators, tile.sums, params.memory, params.offset,
      addends, addendOffsets, targets, targetOffsets, tile.firstRow, tile.rows,
      tile.constants, tile.channel, tile.offsets, attr, width,
      op.getGeometry().getOutput()[3],
      lanes.groups * lanes.panelsPerGroup() * attr.getOutputs(),
      corrects ? shape.weightStep : 1, corrects ? shape.weightBase : 0, isFloat,
      plan.zeroSlot, plan.levels, plan.thresholdSlot, plan.falling, plan.start,
      plan.flipSlot, plan.thresholdBits, b.getArrayAttr(plan.steps),
      plan.singles, b.getArrayAttr(plan.exactSteps), addendBits,
      codes ? elementStorage(codes.getType()) : 0);
}
