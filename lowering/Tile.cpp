//===- Tile.cpp - packed layers to dispatches of loops around tile ops ----===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/LayerTiler.h"
#include "lowering/TileEncode.h"
#include "lowering/TileLookup.h"
#include "lowering/TileMove.h"
#include "lowering/TilePool.h"
#include "lowering/TileSuppression.h"
#include "lowering/TileTopK.h"

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_TILE
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// The flow of kernels that multiply gathered rows: for each block of output
/// pixels and each group, gather its rows, then multiply them by each panel.
class RowTiler final : public LayerTiler {
public:
  using LayerTiler::LayerTiler;

private:
  void placeScratch() override {
    // Rows of a panel are gathered where the rows of blocks will be.
    int64_t gathered =
        std::max(attr.getBlock(), shape.computed ? attr.getOutputs() : 0);
    bool sums = rowSums || inputZero() != 0;
    placePanels(/*behind=*/inputZero() ? attr.getOutputs() * 4 : 0);
    rowsAt = place(gathered * choice.format.rowBytes);
    sumsAt = place(sums ? gathered * 4 : 0);
    tablesAt = place(attr.getBlock() * tableBytes());
    accumulatorsAt = place(attr.getRows() * attr.getOutputs() * 4);
  }

  void emitLoops(ByteBuilder &b) override {
    int64_t blocks = llvm::divideCeil(shape.rows, attr.getBlock());
    auto [firstBlock, lastBlock] = shareOfRows(blocks);
    std::tie(firstPanel, lastPanel) = shareOfPanels();
    preparePanels(b, [&](Value panel) {
      shape.computed ? packPanel(b, panel) : unpackPanel(b, panel);
    });
    b.loop(firstBlock, lastBlock, 1,
           [&](Value block) { emitBlock(b, b.mul(block, attr.getBlock())); });
  }

  /// The weights of image `image` are rows like those of the input.
  void packPanel(ByteBuilder &b, Value panel) {
    int64_t outputs = attr.getOutputs(), perImage = lanes.panelsPerGroup();
    int64_t zero = inputZero(), words = choice.format.depth / (isFloat ? 1 : 4);
    // -inputZero times the sum of a channel's weights.
    int64_t offset = -zero * shape.channels * (shape.weightBase + weightZero());
    Value rows = scratch(b, rowsAt), sums = scratch(b, sumsAt);
    Value image = b.createOrFold<arith::DivUIOp>(panel, b.index(perImage));
    Value first = b.mul(
        b.createOrFold<arith::RemUIOp>(panel, b.index(perImage)), outputs);
    Value left = b.createOrFold<arith::SubIOp>(b.index(flow.outputs), first);
    GatherRowsOp::create(b, computed.memory, computed.offset, memory, rows,
                         sums, b.add(b.mul(image, flow.outputs), first),
                         b.min(left, b.index(outputs)), b.index(0),
                         weightGeometry(), shape.storageBits, /*padCode=*/0,
                         choice.format.rowBytes, choice.format.expand,
                         choice.format.pairs, choice.format.channelOrder,
                         choice.format.planes, /*rowSums=*/zero != 0);
    PackPanelOp::create(b, memory, rows, sums, preparedPanel(b, panel),
                        offsetsOf(b, panel), attr, choice.format.rowBytes,
                        words, shape.weightBase, zero != 0, -zero, offset);
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
        b, source.memory, source.offset, memory, scratch(b, rowsAt),
        scratch(b, sumsAt), firstRow, count, group, op.getGeometry(),
        shape.storageBits, op.getPadCode(), choice.format.rowBytes,
        choice.format.expand, choice.format.pairs, choice.format.channelOrder,
        choice.format.planes, rowSums);
    if (tableBytes() > 0)
      BuildTablesOp::create(b, memory, scratch(b, rowsAt), scratch(b, tablesAt),
                            count, attr, choice.format.rowBytes, tableBytes(),
                            choice.format.depth, shape.maxCode);
  }

  /// `start` is the first panel of the rows' group, whose channels are those of
  /// group `channels`.
  void emitPanel(ByteBuilder &b, Value start, Value channels, Value panel,
                 Value firstRow, Value count) {
    Value inGroup = b.createOrFold<arith::SubIOp>(panel, start);
    b.loop(b.index(0), count, attr.getRows(), [&](Value row) {
      Value left = b.createOrFold<arith::SubIOp>(count, row);
      Value rows = b.min(left, b.index(attr.getRows()));
      Value channel = b.add(b.mul(channels, flow.outputs),
                            b.mul(inGroup, attr.getOutputs()));
      multiply(b, panel, row);
      ResultTile result{scratch(b, accumulatorsAt),
                        b.add(scratch(b, sumsAt), b.mul(row, 4)),
                        b.add(firstRow, row),
                        rows,
                        shape.computed ? inGroup : panel,
                        channel,
                        inputZero() ? offsetsOf(b, panel) : Value()};
      forWidth(b, inGroup, [&](int64_t width) { epilogue(b, result, width); });
    });
  }

  /// What is added to the sums of a panel stands behind it.
  Value offsetsOf(ByteBuilder &b, Value panel) {
    return b.add(preparedPanel(b, panel), scratchPanelBytes);
  }

  void multiply(ByteBuilder &b, Value panel, Value row) {
    bool built = tableBytes() > 0;
    int64_t rowBytes = built ? tableBytes() : choice.format.rowBytes;
    Value lhs =
        b.add(scratch(b, built ? tablesAt : rowsAt), b.mul(row, rowBytes));
    Buffer rhs = panelBuffer(b, panel);
    MultiplyTileOp::create(
        b, memory, lhs, rhs.memory, rhs.offset, lookups.memory, lookups.offset,
        memory, scratch(b, accumulatorsAt), attr, rowBytes, choice.format.depth,
        shape.storageBits, shape.maxCode, shape.weightBits, shape.weightBase,
        shape.weightStep, shape.weightLevels, choice.kernel->accumulatesCodes(),
        /*startValues=*/false, choice.tile.narrowBits,
        choice.tile.flushInterval, choice.tile.narrowProduct);
  }

  int64_t tableBytes() { return choice.kernel->tableBytes(shape); }
  int64_t inputZero() { return op.getInputZero().value_or(0); }
  int64_t weightZero() {
    return op.getWeightZero() ? op.getWeightZero()->front() : 0;
  }

  int64_t rowsAt = 0, sumsAt = 0, tablesAt = 0, accumulatorsAt = 0;
};

LogicalResult tile(Operation *op, ModuleOp module) {
  auto layer = dyn_cast<LayerOp>(op);
  if (!layer) {
    auto kernel = op->getAttrOfType<KernelAttr>("kernel");
    if (!kernel || (isCodeType(tensorElement(op->getResult(0).getType())) &&
                    !isa<PackedType>(op->getResult(0).getType())))
      return op->emitOpError("expected a kernel: run ulq-select-kernel first");
    ModuleOp kernels = kernelsModule(module, kernel.getIsa());
    if (auto pool = dyn_cast<MaxPoolCodesOp>(op))
      tilePool(pool, kernels);
    else if (auto move = dyn_cast<MoveCodesOp>(op))
      tileMove(move, kernels);
    else if (auto encode = dyn_cast<EncodeOp>(op))
      return tileEncode(encode, kernels);
    else if (auto suppression = dyn_cast<NonMaxSuppressionOp>(op))
      return tileSuppression(suppression, kernels);
    else if (auto topK = dyn_cast<TopKOp>(op))
      return tileTopK(topK, kernels);
    else
      return tileLookup(cast<LookupOp>(op), kernels);
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
  ModuleOp kernels = kernelsModule(module, choice->isa->name);
  if (choice->kernel->filters())
    tileWinograd(layer, *choice, kernels);
  else if (choice->kernel->readsLines())
    tileLines(layer, *choice, kernels);
  else
    RowTiler(layer, *choice).run(kernels);
  return success();
}

struct TilePass : ulq::impl::TileBase<TilePass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (getsKernel(op))
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
