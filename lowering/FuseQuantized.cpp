//===- FuseQuantized.cpp - graph level to integer layers ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeMovement.h"
#include "lowering/ComputedProducts.h"
#include "lowering/LayerBuilder.h"
#include "lowering/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ulq {
#define GEN_PASS_DEF_FUSEQUANTIZED
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

SmallVector<int64_t> channelsLast(ArrayRef<int64_t> shape) {
  return {shape[0], shape[2], shape[3], shape[1]};
}

/// What a convolution reads, and what it takes to be around it.
struct Surrounded {
  Value input;
  SmallVector<int64_t> pads; // top, left, bottom, right
  double padding = 0;
};

/// The operand of a convolution without pads of its own that is codes, padded
/// by the value of another code.
std::optional<Surrounded> paddedCodes(Conv2DOp op) {
  auto pad = op.getInput().getDefiningOp<PadOp>();
  bool padsItself =
      llvm::any_of(op.getPads(), [](int64_t p) { return p != 0; });
  if (!pad || padsItself)
    return std::nullopt;
  ArrayRef<int64_t> low = pad.getLow(), high = pad.getHigh();
  if (low[0] || low[1] || high[0] || high[1])
    return std::nullopt;
  Activations input = Activations::of(pad.getInput());
  double padding = pad.getValue().convertToDouble();
  if (!input.isCodes || !input.padCode(padding))
    return std::nullopt;
  return Surrounded{
      pad.getInput(), {low[2], low[3], high[2], high[3]}, padding};
}

struct FuseConv : OpRewritePattern<Conv2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(Conv2DOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Weights> weights = Weights::of(op.getWeights(), 0);
    if (!weights)
      return rewriter.notifyMatchFailure(op, "expected constant weights");
    ArrayRef<int64_t> w = tensorShape(op.getWeights().getType());
    Surrounded from{op.getInput(), SmallVector<int64_t>(op.getPads())};
    if (std::optional<Surrounded> codes = paddedCodes(op);
        codes && weights->isInteger())
      from = *codes;
    LayerBuilder layer{
        makeGeometry(
            getContext(), channelsLast(tensorShape(from.input.getType())),
            channelsLast(tensorShape(op.getType())), w.drop_front(2),
            op.getStrides(), from.pads, op.getDilations(), op.getGroups()),
        Activations::of(from.input), *weights, from.padding};
    if (failed(layer.settleKinds(from.input, op.getWeights())))
      return failure();
    int64_t taps = w[2] * w[3], channels = w[1];
    layer.permuteWeights([&](size_t i) {
      int64_t n = i / (taps * channels), tap = i / channels % taps;
      return (n * channels + i % channels) * taps + tap;
    });
    layer.input.value =
        transpose(rewriter, op.getLoc(), layer.input.value, toChannelsLast);
    LayerOp fused = layer.build(rewriter, op.getLoc(), op->getAttr("onnx.op"));
    if (!fused)
      return failure();
    rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), fused.getResult(0),
                                     toChannelsFirst));
    return success();
  }
};

struct FuseMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> a = tensorShape(op.getLhs().getType());
    ArrayRef<int64_t> b = tensorShape(op.getRhs().getType());
    if (b.size() != 2)
      return rewriter.notifyMatchFailure(op, "expected weights of rank 2");
    std::optional<Weights> weights = Weights::of(op.getRhs(), 1);
    if (!weights)
      return rewriter.notifyMatchFailure(op, "expected constant weights");
    LayerBuilder layer{nullptr, Activations::of(op.getLhs()), *weights};
    layer.geometry =
        makeGeometry(getContext(), {1, 1, 1, b[0]}, {1, 1, 1, b[1]}, {1, 1},
                     {1, 1}, {0, 0, 0, 0}, {1, 1}, 1);
    if (failed(layer.settleKinds(op.getLhs(), op.getRhs())))
      return failure();
    Value image = flattenedImage(layer.input.value, a);
    SmallVector<int64_t> shape, extents = {1, 1};
    if (image) {
      shape = channelsLast(tensorShape(image.getType()));
      extents = {shape[1], shape[2]};
      layer.input.value =
          transpose(rewriter, op.getLoc(), image, toChannelsLast);
    } else {
      int64_t rows = ShapedType::getNumElements(a.drop_back());
      shape = {1, rows, 1, b[0]};
      layer.input.value =
          reshape(rewriter, op.getLoc(), layer.input.value, shape);
    }
    SmallVector<int64_t> output = {shape[0], image ? 1 : shape[1], 1, b[1]};
    layer.geometry = makeGeometry(getContext(), shape, output, extents, {1, 1},
                                  {0, 0, 0, 0}, {1, 1}, 1);
    // [K = channels x taps][N] to [N][taps][channels]
    int64_t taps = extents[0] * extents[1], channels = shape[3];
    layer.permuteWeights([&](size_t i) {
      int64_t n = i / b[0], tap = i % b[0] / channels, c = i % channels;
      return (c * taps + tap) * b[1] + n;
    });
    LayerOp fused = layer.build(rewriter, op.getLoc(), op->getAttr("onnx.op"));
    if (!fused)
      return failure();
    rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), fused.getResult(0),
                                   tensorShape(op.getType())));
    return success();
  }

  /// The NCHW tensor that `value` flattens to one row per image, or null.
  static Value flattenedImage(Value value, ArrayRef<int64_t> rows) {
    auto reshape = value.getDefiningOp<ReshapeOp>();
    if (!reshape || rows.size() != 2)
      return {};
    ArrayRef<int64_t> from = tensorShape(reshape.getInput().getType());
    bool flattens = from.size() == 4 && from[0] == rows[0] &&
                    from[1] * from[2] * from[3] == rows[1];
    return flattens ? reshape.getInput() : Value();
  }
};

/// [batch, M, K] by constant [batch, K, N]: one group of channels per batch.
struct FuseBatchedMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> a = tensorShape(op.getLhs().getType());
    ArrayRef<int64_t> b = tensorShape(op.getRhs().getType());
    if (b.size() < 3 || a.drop_back(2) != b.drop_back(2))
      return rewriter.notifyMatchFailure(op, "expected equal batch extents");
    std::optional<Weights> weights = Weights::of(op.getRhs(), b.size() - 1);
    if (!weights)
      return rewriter.notifyMatchFailure(op, "expected constant weights");
    int64_t batch = ShapedType::getNumElements(b.drop_back(2));
    int64_t rows = a[a.size() - 2], depth = a.back(), outputs = b.back();
    LayerBuilder layer{makeGeometry(getContext(), {1, rows, 1, batch * depth},
                                    {1, rows, 1, batch * outputs}, {1, 1},
                                    {1, 1}, {0, 0, 0, 0}, {1, 1}, batch),
                       Activations::of(op.getLhs()), *weights};
    if (failed(layer.settleKinds(op.getLhs(), op.getRhs())))
      return failure();
    layer.permuteWeights([&](size_t i) {
      int64_t channel = i / depth, k = i % depth;
      return (channel / outputs * depth + k) * outputs + channel % outputs;
    });
    SmallVector<double> &scale = layer.weights.scale;
    if (scale.size() > 1)
      for (int64_t i = 0; i < (batch - 1) * outputs; ++i)
        scale.push_back(scale[i]);
    Location loc = op.getLoc();
    Value input =
        reshape(rewriter, loc, layer.input.value, {batch, rows, depth});
    layer.input.value =
        reshape(rewriter, loc, transpose(rewriter, loc, input, {1, 0, 2}),
                layer.geometry.getInput());
    LayerOp fused = layer.build(rewriter, loc, op->getAttr("onnx.op"));
    if (!fused)
      return failure();
    Value result =
        reshape(rewriter, loc, fused.getResult(0), {rows, batch, outputs});
    rewriter.replaceOp(op, reshape(rewriter, loc,
                                   transpose(rewriter, loc, result, {1, 0, 2}),
                                   tensorShape(op.getType())));
    return success();
  }
};

/// avg_pool of codes: a depthwise layer with unit weights, exact in integers.
struct FuseAvgPool : OpRewritePattern<AvgPoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AvgPoolOp op,
                                PatternRewriter &rewriter) const override {
    Activations input = Activations::of(op.getInput());
    if (!input.isCodes)
      return rewriter.notifyMatchFailure(op, "expected codes");
    SmallVector<int64_t> in =
        channelsLast(tensorShape(op.getInput().getType()));
    ArrayRef<int64_t> kernel = op.getKernel();
    int64_t taps = kernel[0] * kernel[1];
    LayerBuilder layer{
        makeGeometry(getContext(), in, channelsLast(tensorShape(op.getType())),
                     kernel, op.getStrides(), op.getPads(), op.getDilations(),
                     in[3]),
        input,
        Weights{SmallVector<int64_t>(in[3] * taps, 1), {}, {1.0 / taps}}};
    bool uniform =
        !layer.isPadded() || (op.getCountIncludePad() && input.padCode());
    if (!uniform)
      return rewriter.notifyMatchFailure(op, "expected windows of one size");
    layer.input.value =
        transpose(rewriter, op.getLoc(), input.value, toChannelsLast);
    LayerOp fused = layer.build(rewriter, op.getLoc(), op->getAttr("onnx.op"));
    rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), fused.getResult(0),
                                     toChannelsFirst));
    return success();
  }
};

struct FuseMaxPool : OpRewritePattern<MaxPoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaxPoolOp op,
                                PatternRewriter &rewriter) const override {
    Activations input = Activations::of(op.getInput());
    if (!input.isCodes)
      return rewriter.notifyMatchFailure(op, "expected codes");
    Location loc = op.getLoc();
    SmallVector<int64_t> out = channelsLast(tensorShape(op.getType()));
    GeometryAttr geometry = makeGeometry(
        getContext(), channelsLast(tensorShape(op.getInput().getType())), out,
        op.getKernel(), op.getStrides(), op.getPads(), op.getDilations(), 1);
    auto type = cast<RankedTensorType>(input.value.getType()).clone(out);
    auto pooled = MaxPoolCodesOp::create(
        rewriter, loc, type,
        transpose(rewriter, loc, input.value, toChannelsLast), geometry,
        KernelAttr());
    Value codes = transpose(rewriter, loc, pooled, toChannelsFirst);
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), codes,
                                              dequantize.getScale(),
                                              dequantize.getZeroPoint(), 0);
    return success();
  }
};

struct FuseQuantizedPass : ulq::impl::FuseQuantizedBase<FuseQuantizedPass> {
  void runOnOperation() override {
    // Pools first: a product has to find codes, not a pool of floats.
    RewritePatternSet pools(&getContext()), products(&getContext());
    pools.add<FuseMaxPool>(&getContext());
    populateCodeMovementPatterns(pools);
    populateConstantLeftPatterns(pools);
    products.add<FuseConv, FuseMatmul, FuseBatchedMatmul, FuseAvgPool>(
        &getContext());
    populateComputedProductPatterns(products);
    if (failed(applyPatternsGreedily(getOperation(), std::move(pools))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(products))))
      signalPassFailure();
  }
};

} // namespace
