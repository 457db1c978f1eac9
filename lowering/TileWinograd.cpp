//===- TileWinograd.cpp - the data flow of exact Winograd layers ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// For a block of tiles: gather the lines of its pixels, with padding, to bytes,
// transform them; for a panel of outputs: transform its weights; for both: one
// matrix product for each product of the scheme, the transform back to
// accumulators of pixels, and the epilogue of each line.
//
// Weights are transformed before all blocks where those of all panels stay in
// the second-level cache, or where rows are divided, otherwise panel by panel.
// What does not stay in the cache is read once: one panel after the other, for
// which the transformed tiles of all blocks of the part are kept.
//
//===----------------------------------------------------------------------===//

#include "lowering/LayerTiler.h"
#include "lowering/kernels/WinogradPlan.h"

using namespace mlir;
using namespace ulq;

namespace {

constexpr int64_t kCachedWeights = 640 * 1024;
/// Transformed input of so many bytes is kept for other panels, in the last
/// cache if need be: reading it takes less than the transform.
constexpr int64_t kCachedInput = 2 * 1024 * 1024;

class WinogradTiler final : public LayerTiler {
public:
  WinogradTiler(LayerOp op, const KernelChoice &choice)
      : LayerTiler(op, choice), filters(*choice.kernel->filters()),
        scheme(filters.first, filters.second), plan(shape, scheme),
        outputs(attr.getOutputs()), rowBytes(choice.format.rowBytes),
        lineTiles(plan.tileColumns), height(plan.tileRows * pixelRows()),
        width(lineTiles * pixelColumns()),
        lineBytes((width + kFilterTaps - 1) * rowBytes),
        weightBytes(scratchPanelBytes / scheme.products() - outputs * 4),
        inputBytes(apart(plan.tiles() * rowBytes)),
        sumBytes(apart(plan.tiles() * outputs * 4)) {
    schemeAttr =
        WinogradAttr::get(op.getContext(), filters.first, filters.second);
  }

private:
  int64_t pixelRows() const { return scheme.rows.outputs(); }
  int64_t pixelColumns() const { return scheme.columns.outputs(); }

  void placeScratch() override {
    int64_t panels = llvm::divideCeil(choice.panels, attr.getPanelParts());
    int64_t blocks = llvm::divideCeil(plan.blocks(), choice.rowParts);
    int64_t products = scheme.products();
    bool areCached = panels * scratchPanelBytes <= kCachedWeights;
    weightsFirst = choice.rowParts > 1 || (blocks > 1 && areCached);
    panelByPanel = !weightsFirst || !areCached;
    if (weightsFirst)
      placePanels(/*behind=*/0);
    else
      weightsAt = place(scratchPanelBytes);
    keepsInput = attr.getPanelParts() > 1 &&
                 plan.blocks() * products * inputBytes <= kCachedInput;
    if (keepsInput)
      keptInput = placeKept(plan.blocks(), products * inputBytes);
    else
      inputAt = place((panelByPanel ? blocks : 1) * products * inputBytes);
    sumsAt = place(products * sumBytes);
    linesAt = place((height + kFilterTaps - 1) * lineBytes);
    accumulatorsAt = place(height * width * outputs * 4);
  }

  void emitLoops(ByteBuilder &b) override {
    Value firstBlock, lastBlock;
    std::tie(firstBlock, lastBlock) = shareOfRows(plan.blocks());
    std::tie(firstPanel, lastPanel) = shareOfPanels();
    auto panels = [&](ByteBuilder::Body body) {
      b.loop(firstPanel, lastPanel, 1, body);
    };
    auto blocks = [&](ByteBuilder::Body body) {
      b.loop(firstBlock, lastBlock, 1, body);
    };
    auto weights = [&](Value panel) {
      return weightsFirst ? preparedPanel(b, panel) : scratch(b, weightsAt);
    };
    auto input = [&](Value block) {
      if (keepsInput)
        return piece(b, keptInput, block);
      Value number = b.index(0);
      if (panelByPanel)
        number = b.createOrFold<arith::SubIOp>(block, firstBlock);
      return b.add(scratch(b, inputAt),
                   b.mul(number, scheme.products() * inputBytes));
    };
    auto writeWeights = [&](Value panel) {
      transformWeights(b, panel, weights(panel));
    };
    auto writeInput = [&](Value block) {
      transformInput(b, block, input(block));
    };
    auto haveInput = [&](Value block) {
      keepsInput ? ensure(keptInput, block, writeInput) : writeInput(block);
    };
    auto tile = [&](Value block, Value panel) {
      bool last = panelByPanel && !weightsFirst;
      emitTile(b, block, panel, input(block), weights(panel), last);
    };
    if (weightsFirst)
      preparePanels(b, writeWeights);
    if (!panelByPanel)
      return blocks([&](Value block) {
        haveInput(block);
        panels([&](Value panel) { tile(block, panel); });
      });
    blocks(haveInput);
    panels([&](Value panel) {
      if (!weightsFirst)
        writeWeights(panel);
      blocks([&](Value block) { tile(block, panel); });
    });
  }

  //===--- transforms ---------------------------------------------------===//

  void transformWeights(ByteBuilder &b, Value panel, Value target) {
    Value from = b.add(params.offset, b.mul(panel, panelBytes));
    WinogradWeightsOp::create(
        b, params.memory, from, memory, target, startsOf(b, target), schemeAttr,
        outputs, choice.format.depth, weightBytes, shape.weightBits,
        shape.weightBase, shape.weightStep, shape.weightLevels, shape.maxCode);
  }
  Value startsOf(ByteBuilder &b, Value weights) {
    return b.add(weights, scheme.products() * weightBytes);
  }

  /// The image and the upper left output pixel of a block.
  struct Corner {
    Value image, y, x;
  };
  Corner cornerOf(ByteBuilder &b, Value block) {
    Value columns = b.index(plan.blockColumns), rows = b.index(plan.blockRows);
    Value line = b.createOrFold<arith::DivUIOp>(block, columns);
    return {b.createOrFold<arith::DivUIOp>(line, rows),
            b.mul(b.createOrFold<arith::RemUIOp>(line, rows), height),
            b.mul(b.createOrFold<arith::RemUIOp>(block, columns), width)};
  }

  /// Output pixel (y, x) reads pixels (y .. y + 2, x .. x + 2) of the padded
  /// image, whose pixels are the rows of a 1x1 convolution.
  GeometryAttr paddedImage(Builder &b) {
    GeometryAttr g = op.getGeometry();
    ArrayRef<int64_t> input = g.getInput(), pads = g.getPads();
    auto array = [&](ArrayRef<int64_t> values) {
      return b.getDenseI64ArrayAttr(values);
    };
    int64_t lines = plan.blockRows * height + kFilterTaps - 1;
    int64_t pixels = plan.blockColumns * width + kFilterTaps - 1;
    return GeometryAttr::get(
        op.getContext(), g.getInput(),
        array({input[0], lines, pixels, input[3]}), array({1, 1}),
        array({1, 1}),
        array({pads[0], pads[1], lines - input[1] - pads[0],
               pixels - input[2] - pads[1]}),
        array({1, 1}), 1);
  }

  void transformInput(ByteBuilder &b, Value block, Value target) {
    GeometryAttr padded = paddedImage(b);
    ArrayRef<int64_t> extents = padded.getOutput();
    Corner corner = cornerOf(b, block);
    Value lines = scratch(b, linesAt);
    b.loop(b.index(0), b.index(height + kFilterTaps - 1), 1, [&](Value line) {
      Value y = b.add(b.mul(corner.image, extents[1]), b.add(corner.y, line));
      Value first = b.add(b.mul(y, extents[2]), corner.x);
      GatherRowsOp::create(b, source.memory, source.offset, memory,
                           b.add(lines, b.mul(line, lineBytes)), b.index(0),
                           first, b.index(width + kFilterTaps - 1), b.index(0),
                           padded, shape.storageBits, op.getPadCode(), rowBytes,
                           /*expand=*/true, /*pairs=*/false,
                           /*channelOrder=*/false, /*planes=*/false,
                           /*rowSums=*/false);
    });
    WinogradInputOp::create(b, memory, lines, memory, target, schemeAttr,
                            plan.tileRows, lineTiles, rowBytes, lineBytes,
                            inputBytes, shape.maxCode);
  }

  //===--- products -----------------------------------------------------===//

  /// `fetches`: the packed weights of the next panel come near meanwhile.
  void emitTile(ByteBuilder &b, Value block, Value panel, Value input,
                Value weights, bool fetches) {
    Value sums = scratch(b, sumsAt), accumulators = scratch(b, accumulatorsAt);
    b.loop(b.index(0), b.index(scheme.products()), 1, [&](Value product) {
      if (fetches)
        fetch(b, b.add(panel, 1), product);
      multiply(b, b.add(input, b.mul(product, inputBytes)),
               b.add(weights, b.mul(product, weightBytes)),
               b.add(startsOf(b, weights), b.mul(product, outputs * 4)),
               b.add(sums, b.mul(product, sumBytes)));
    });
    auto low = static_cast<int64_t>(*op.getAccumulatorMin());
    auto high = static_cast<int64_t>(*op.getAccumulatorMax());
    WinogradOutputOp::create(b, memory, sums, memory, accumulators, schemeAttr,
                             plan.tileRows, lineTiles, outputs, sumBytes,
                             std::max(-low, high));
    storeLines(b, cornerOf(b, block), panel, accumulators);
  }

  /// A share of a panel's packed weights to the second-level cache. An address
  /// behind the last panel does no harm.
  void fetch(ByteBuilder &b, Value panel, Value product) {
    int64_t share =
        llvm::alignTo(llvm::divideCeil(panelBytes, scheme.products()), 64);
    Value from = b.add(b.add(params.offset, b.mul(panel, panelBytes)),
                       b.mul(product, share));
    b.loop(b.index(0), b.index(share), 64, [&](Value line) {
      memref::PrefetchOp::create(b, params.memory,
                                 ValueRange{b.add(from, line)},
                                 /*isWrite=*/false, /*localityHint=*/2,
                                 /*isDataCache=*/true);
    });
  }

  /// The tiles of a block by a panel, in two sizes where none divides them.
  void multiply(ByteBuilder &b, Value input, Value weights, Value starts,
                Value sums) {
    int64_t tiles = plan.tiles(),
            parts = llvm::divideCeil(tiles, attr.getRows());
    int64_t small = tiles / parts, larger = tiles % parts;
    int64_t split = larger * (small + 1);
    auto emit = [&](int64_t from, int64_t to, int64_t rows) {
      if (from == to)
        return;
      b.loop(b.index(from), b.index(to), rows, [&](Value row) {
        multiplyRows(b, rows, b.add(input, b.mul(row, rowBytes)), weights,
                     starts, b.add(sums, b.mul(row, outputs * 4)));
      });
    };
    emit(0, split, small + 1);
    emit(split, tiles, small);
  }

  void multiplyRows(ByteBuilder &b, int64_t rows, Value input, Value weights,
                    Value starts, Value sums) {
    auto kernel =
        KernelAttr::get(op.getContext(), attr.getFamily(), attr.getIsa(), rows,
                        outputs, attr.getBlock(), attr.getWorkgroups(),
                        attr.getCost(), attr.getRunnerUp(), attr.getMargin(),
                        attr.getPanelParts(), attr.getMeasured());
    int64_t weight = scheme.weightNorm() * shape.largestWeight();
    MultiplyTileOp::create(b, memory, input, memory, weights, memory, starts,
                           memory, sums, kernel, rowBytes, choice.format.depth,
                           /*storageBits=*/8,
                           scheme.inputNorm() * shape.maxCode,
                           /*weightBits=*/8, /*weightBase=*/-weight,
                           /*weightStep=*/1, /*weightLevels=*/2 * weight + 1,
                           /*codeProducts=*/false, /*startValues=*/true,
                           choice.tile.narrowBits, choice.tile.flushInterval);
  }

  void storeLines(ByteBuilder &b, Corner corner, Value panel,
                  Value accumulators) {
    ArrayRef<int64_t> extents = op.getGeometry().getOutput();
    Value below = b.createOrFold<arith::SubIOp>(b.index(extents[1]), corner.y);
    Value beside = b.createOrFold<arith::SubIOp>(b.index(extents[2]), corner.x);
    Value lines = b.min(below, b.index(height));
    Value pixels = b.min(beside, b.index(width));
    Value channel = b.mul(panel, outputs);
    b.loop(b.index(0), lines, 1, [&](Value line) {
      Value y = b.add(b.mul(corner.image, extents[1]), b.add(corner.y, line));
      Value first = b.add(b.mul(y, extents[2]), corner.x);
      Value from = b.add(accumulators, b.mul(line, width * outputs * 4));
      forWidth(b, panel, [&](int64_t channels) {
        epilogue(b, {from, from, first, pixels, panel, channel, Value()},
                 channels);
      });
    });
  }

  Kernel::Filters filters;
  Scheme scheme;
  WinogradAttr schemeAttr;
  WinogradPlan plan;
  int64_t outputs, rowBytes, lineTiles;
  int64_t height, width;                     // pixels of a block
  int64_t lineBytes;                         // of its input pixels
  int64_t weightBytes, inputBytes, sumBytes; // from product to product
  bool weightsFirst = false; // all panels are transformed before the tiles
  bool panelByPanel = false; // panels outside, blocks inside
  bool keepsInput = false;
  Kept keptInput{};
  int64_t weightsAt = 0, inputAt = 0, sumsAt = 0, linesAt = 0,
          accumulatorsAt = 0;
};

} // namespace

void ulq::tileWinograd(LayerOp op, const KernelChoice &choice,
                       ModuleOp kernels) {
  WinogradTiler(op, choice).run(kernels);
}
