//===- TileLines.cpp - the data flow of kernels that read windows in place ===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// For a block of output lines: gather the lines of their input pixels, with
// padding, so that every window stands in place; then each panel by the pixels
// of each line.
//
//===----------------------------------------------------------------------===//

#include "lowering/LayerTiler.h"

using namespace mlir;
using namespace ulq;

namespace {

class LineTiler final : public LayerTiler {
public:
  LineTiler(LayerOp op, const KernelChoice &choice)
      : LayerTiler(op, choice), g(op.getGeometry()), height(g.getOutput()[1]),
        width(g.getOutput()[2]),
        pixelBytes(flow.tapBytes() *
                   (choice.format.expand ? flow.codesPerByte() : 1)),
        linePixels(extent(1, width)),
        lineBytes(roundUp(linePixels * pixelBytes, 64)) {
    // Blocks of one image, as even as they can be.
    int64_t most = std::clamp<int64_t>(attr.getBlock() / width, 1, height);
    imageBlocks = llvm::divideCeil(height, most);
    blockLines = llvm::divideCeil(height, imageBlocks);
    imageBlocks = llvm::divideCeil(height, blockLines);
  }

private:
  /// Input pixels along one axis under `outputs` neighbouring output pixels.
  int64_t extent(int axis, int64_t outputs) {
    return (outputs - 1) * g.getStrides()[axis] +
           (g.getKernel()[axis] - 1) * g.getDilations()[axis] + 1;
  }
  int64_t rowBytes() { return g.getStrides()[1] * pixelBytes; }

  void placeScratch() override {
    placePanels(/*behind=*/0);
    // The last tile of a line and the last panel of a pixel read beyond them.
    linesAt = place(extent(0, blockLines) * lineBytes +
                    attr.getRows() * rowBytes() + attr.getOutputs() * 4);
    accumulatorsAt = place(attr.getRows() * attr.getOutputs() * 4);
  }

  void emitLoops(ByteBuilder &b) override {
    int64_t blocks = g.getOutput()[0] * imageBlocks;
    auto [firstBlock, lastBlock] = shareOfRows(blocks);
    std::tie(firstPanel, lastPanel) = shareOfPanels();
    preparePanels(b, [&](Value panel) { unpackPanel(b, panel); });
    b.loop(firstBlock, lastBlock, 1, [&](Value block) { emitBlock(b, block); });
  }

  void emitBlock(ByteBuilder &b, Value block) {
    Value image = b.createOrFold<arith::DivUIOp>(block, b.index(imageBlocks));
    Value y = b.mul(b.createOrFold<arith::RemUIOp>(block, b.index(imageBlocks)),
                    blockLines);
    Value left = b.createOrFold<arith::SubIOp>(b.index(height), y);
    Value lines = b.min(left, b.index(blockLines));
    gather(b, image, y, lines);
    b.loop(firstPanel, lastPanel, 1, [&](Value panel) {
      b.loop(b.index(0), lines, 1, [&](Value line) {
        Value outputLine = b.add(b.mul(image, height), b.add(y, line));
        emitLine(b, panel, line, b.mul(outputLine, width));
      });
    });
  }

  /// A line of the padded image is the patch of a window as wide as it.
  GeometryAttr lineGeometry() {
    ArrayRef<int64_t> input = g.getInput(), pads = g.getPads();
    auto array = [&](ArrayRef<int64_t> values) {
      return DenseI64ArrayAttr::get(op.getContext(), values);
    };
    int64_t right = std::max<int64_t>(0, linePixels - input[2] - pads[1]);
    int64_t lines = std::max(input[1] + pads[0], extent(0, height));
    return GeometryAttr::get(
        op.getContext(), g.getInput(), array({input[0], lines, 1, input[3]}),
        array({1, linePixels}), array({1, pads[1] + input[2] + right}),
        array({pads[0], pads[1], lines - input[1] - pads[0], right}),
        array({1, 1}), 1);
  }

  void gather(ByteBuilder &b, Value image, Value y, Value lines) {
    GeometryAttr padded = lineGeometry();
    int64_t stride = g.getStrides()[0];
    Value first = b.add(b.mul(image, padded.getOutput()[1]), b.mul(y, stride));
    Value count = b.add(b.mul(lines, stride), extent(0, 1) - stride);
    GatherRowsOp::create(b, source.memory, source.offset, memory,
                         scratch(b, linesAt), b.index(0), first, count,
                         b.index(0), padded, shape.storageBits, op.getPadCode(),
                         lineBytes, choice.format.expand, /*pairs=*/false,
                         choice.format.channelOrder, /*planes=*/false,
                         /*rowSums=*/false);
  }

  /// A line of output pixels, from number `firstRow` on.
  void emitLine(ByteBuilder &b, Value panel, Value line, Value firstRow) {
    Value start =
        b.add(scratch(b, linesAt), b.mul(line, g.getStrides()[0] * lineBytes));
    // A panel of groups starts at its first channel.
    int64_t panelPixel = attr.getOutputs() / multiplier() * (isFloat ? 4 : 1);
    if (choice.kernel->groupsAreLanes())
      start = b.add(start, b.mul(panel, panelPixel));
    b.loop(b.index(0), b.index(width), attr.getRows(), [&](Value x) {
      Value left = b.createOrFold<arith::SubIOp>(b.index(width), x);
      Value rows = b.min(left, b.index(attr.getRows()));
      multiply(b, panel, b.add(start, b.mul(x, rowBytes())));
      ResultTile result{scratch(b, accumulatorsAt),
                        b.index(0),
                        b.add(firstRow, x),
                        rows,
                        panel,
                        b.mul(panel, attr.getOutputs()),
                        Value()};
      forWidth(b, panel, [&](int64_t width) { epilogue(b, result, width); });
    });
  }

  void multiply(ByteBuilder &b, Value panel, Value lhs) {
    Buffer rhs = panelBuffer(b, panel);
    MultiplyTileOp::create(
        b, memory, lhs, rhs.memory, rhs.offset, lookups.memory, lookups.offset,
        memory, scratch(b, accumulatorsAt), attr, rowBytes(),
        choice.format.depth, shape.storageBits, shape.maxCode, shape.weightBits,
        shape.weightBase, shape.weightStep, shape.weightLevels,
        choice.kernel->accumulatesCodes(),
        /*startValues=*/false, choice.tile.narrowBits,
        choice.tile.flushInterval, choice.tile.narrowProduct,
        g.getDilations()[1] * pixelBytes, g.getKernel()[0],
        g.getDilations()[0] * lineBytes, multiplier());
  }

  /// Outputs of a channel where groups are lanes.
  int64_t multiplier() {
    return choice.kernel->groupsAreLanes() ? shape.outputs : 1;
  }

  GeometryAttr g;
  int64_t height, width; // of an output image
  int64_t pixelBytes, linePixels, lineBytes;
  int64_t imageBlocks = 0, blockLines = 0;
  int64_t linesAt = 0, accumulatorsAt = 0;
};

} // namespace

void ulq::tileLines(LayerOp op, const KernelChoice &choice, ModuleOp kernels) {
  LineTiler(op, choice).run(kernels);
}
