//===- UnitLayers.cpp - codes to codes without a product ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/UnitLayers.h"
#include "lowering/Operands.h"
#include "lowering/StoragePlan.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ulq;

namespace {

/// The dimension along which an operation that becomes a step has constants,
/// -1 for none; nothing for other operations.
std::optional<int64_t> stepAxis(Operation *op) {
  auto axis = [](auto own, bool perAxis) -> std::optional<int64_t> {
    return perAxis ? int64_t(own.getAxis()) : -1;
  };
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](AffineOp a) {
        return axis(a, a.getScale().size() > 1 || a.getOffset().size() > 1);
      })
      .Case<QuantizeOp, DequantizeOp>([&](auto a) {
        return axis(a, a.getScale().size() > 1 || a.getZeroPoint().size() > 1);
      })
      .Case([&](ThresholdOp a) {
        return axis(a, a.getValues().size() > size_t(a.getCount()));
      })
      .Case<ClampOp, LeakyReluOp>([](Operation *) { return -1; })
      .Default([](Operation *) { return std::nullopt; });
}

/// The way from dequantized codes to a quantizer, or from the floats of a layer
/// that yields the codes of another quantizer.
struct Path {
  OpOperand *start = nullptr; // the use of the dequantized codes
  int64_t axis = -1;          // of constants on the way

  static std::optional<Path> endingIn(Operation *quantizer) {
    Path path;
    OpOperand &end = quantizer->getOpOperand(0);
    if (!path.passes(quantizer))
      return std::nullopt;
    // Floats of one grid are encoded.
    auto quantize = dyn_cast<QuantizeOp>(quantizer);
    bool fromLayer = !(quantize && EncodeOp::takes(quantize)) &&
                     end.get().getDefiningOp<LayerOp>() &&
                     isReadPacked<ReshapeOp, TransposeOp, SliceOp, ConcatOp>(
                         quantizer->getResult(0));
    if (fromLayer)
      path.start = &end;
    if (!fromLayer && !path.find(end))
      return std::nullopt;
    return path;
  }

private:
  bool passes(Operation *op) {
    std::optional<int64_t> own = stepAxis(op);
    if (!own || (*own >= 0 && axis >= 0 && *own != axis))
      return false;
    axis = std::max(axis, *own);
    return true;
  }

  /// Goes back from a use of a value.
  bool find(OpOperand &use) {
    Value value = use.get();
    if (Activations::of(value).isCodes) {
      start = &use;
      return true;
    }
    Operation *op = value.getDefiningOp();
    if (!op || !value.hasOneUse() || !tensorElement(value.getType()).isF32())
      return false;
    if (auto add = dyn_cast<AddOp>(op)) {
      // The longer way first: what is left beside it must be a plain addend.
      bool direct = Activations::of(add.getLhs()).isCodes;
      Path before = *this;
      if (find(add->getOpOperand(direct ? 1 : 0)))
        return true;
      *this = before;
      return find(add->getOpOperand(direct ? 0 : 1));
    }
    return !isa<DequantizeOp>(op) && passes(op) && find(op->getOpOperand(0));
  }
};

/// How a tensor is seen as an image: reshaped, and perhaps transposed.
struct Image {
  SmallVector<int64_t> shape; // before the transpose
  bool channelsFirst;

  /// With the channels of `axis`; where that is -1, any will do. Results of
  /// layers are images as they are.
  static std::optional<Image> of(Value value, int64_t axis) {
    ArrayRef<int64_t> shape = tensorShape(value.getType());
    int64_t rank = static_cast<int64_t>(shape.size());
    if (value.getDefiningOp<LayerOp>() && (axis < 0 || axis == rank - 1))
      return Image{SmallVector<int64_t>(shape), false};
    if (rank == 0 || ShapedType::getNumElements(shape) == 0)
      return std::nullopt;
    bool first = axis == 1 || (axis < 0 && rank == 4);
    if (first && rank >= 2 && rank <= 4) {
      Image image{SmallVector<int64_t>(shape), true};
      image.shape.resize(4, 1);
      return image;
    }
    if (axis >= 0 && axis != rank - 1)
      return std::nullopt;
    int64_t rows = ShapedType::getNumElements(shape.drop_back());
    return Image{{1, rows, 1, shape.back()}, false};
  }

  Value enter(OpBuilder &builder, Location loc, Value value) const {
    value = reshape(builder, loc, value, shape);
    return channelsFirst ? transpose(builder, loc, value, toChannelsLast)
                         : value;
  }
  Value leave(OpBuilder &builder, Location loc, Value value,
              ArrayRef<int64_t> to) const {
    if (channelsFirst)
      value = transpose(builder, loc, value, toChannelsFirst);
    return reshape(builder, loc, value, to);
  }
};

/// The real numbers of `input` as the result of a layer.
Value unitLayer(OpBuilder &builder, Location loc, Activations input,
                const Image &image) {
  MLIRContext *context = builder.getContext();
  ArrayRef<int64_t> shape = tensorShape(input.value.getType());
  Value codes = image.enter(builder, loc, input.value);
  ArrayRef<int64_t> extents = tensorShape(codes.getType());
  int64_t channels = extents[3];
  auto type = RankedTensorType::get({channels, 1, 1, 1}, builder.getI8Type());
  Value ones = ConstantOp::create(builder, loc, type,
                                  DenseElementsAttr::get(type, int8_t(1)));
  auto layer = LayerOp::create(
      builder, loc, RankedTensorType::get(extents, builder.getF32Type()), codes,
      ones, ValueRange(),
      makeGeometry(context, extents, extents, {1, 1}, {1, 1}, {0, 0, 0, 0},
                   {1, 1}, channels));
  SmallVector<Attribute> steps;
  for (auto [scale, offset] :
       {std::pair(1.0, -input.zeroPoint), std::pair(input.scale, 0.0)})
    if (scale != 1 || offset != 0)
      steps.push_back(
          AffineStepAttr::get(context, DenseF64ArrayAttr::get(context, scale),
                              DenseF64ArrayAttr::get(context, offset)));
  layer.setEpilogueAttr(builder.getArrayAttr(steps));
  layer.setOpTypeAttr(builder.getStringAttr("Requantize"));
  return image.leave(builder, loc, layer.getResult(0), shape);
}

} // namespace

bool ulq::insertUnitLayers(ModuleOp module) {
  SmallVector<Operation *> quantizers;
  module.walk([&](Operation *op) {
    if (isa<QuantizeOp, ThresholdOp>(op))
      quantizers.push_back(op);
  });
  bool changed = false;
  for (Operation *op : quantizers) {
    std::optional<Path> path = Path::endingIn(op);
    if (!path)
      continue;
    Value value = path->start->get();
    std::optional<Image> image = Image::of(value, path->axis);
    if (!image)
      continue;
    OpBuilder builder(path->start->getOwner());
    path->start->set(
        unitLayer(builder, op->getLoc(), Activations::of(value), *image));
    changed = true;
  }
  return changed;
}
