//===- Thresholds.cpp - epilogues as integer thresholds -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Thresholds.h"
#include "lowering/Layers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ulq;

namespace {

constexpr int64_t mostThresholds = 15;

/// Of accumulators. Thresholds are sought among all of them: those that no
/// accumulator of a channel reaches stay on the line of the others.
constexpr int64_t kLargest = llvm::maxIntN(32) - 1;

/// What a channel's accumulator can be.
struct Interval {
  int64_t min = 0, max = 0;
};

/// The largest code that a tap reads, padding included.
int64_t largestInput(LayerOp layer) {
  return std::max(largestCode(layer.getInput()), int64_t(layer.getPadCode()));
}

/// Weights of one output channel, `weightZero` included.
SmallVector<int64_t> channelWeights(LayerOp layer, ArrayRef<int32_t> weights,
                                    int64_t channel) {
  int64_t depth = weights.size() / layer.getGeometry().getOutput()[3];
  int64_t zero = layer.getWeightZero() ? (*layer.getWeightZero())[channel] : 0;
  SmallVector<int64_t> result;
  for (int32_t w : weights.slice(channel * depth, depth))
    result.push_back(w + zero);
  return result;
}

Interval accumulatorRange(ArrayRef<int64_t> weights, int64_t maxCode) {
  Interval range;
  for (int64_t w : weights)
    (w < 0 ? range.min : range.max) += w * maxCode;
  return range;
}

/// Bisection: the smallest x in low .. high + 1 with reaches(x), where
/// `reaches` is false then true.
int64_t firstReached(int64_t low, int64_t high,
                     llvm::function_ref<bool(int64_t)> reaches) {
  int64_t past = high + 1;
  while (low < past) {
    int64_t middle = low + (past - low) / 2;
    if (reaches(middle))
      past = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// The last step of an epilogue as thresholds of what comes before it: monotone
/// steps.
struct LastStep {
  ArrayAttr steps;             // those whose number is compared
  ThresholdStepAttr threshold; // null: code t is reached from t on
  int64_t count = 0, falling = 0, start = 0;

  static std::optional<LastStep> of(ArrayAttr steps) {
    if (steps.empty())
      return std::nullopt;
    LastStep last;
    last.steps = steps;
    if (auto quantize = dyn_cast<QuantizeStepAttr>(steps.getValue().back())) {
      last.count = quantize.getMax();
    } else if (auto threshold =
                   dyn_cast<ThresholdStepAttr>(steps.getValue().back())) {
      last.steps =
          ArrayAttr::get(steps.getContext(), steps.getValue().drop_back());
      last.threshold = threshold;
      last.count = threshold.getCount();
      last.falling = threshold.getFalling();
      last.start = threshold.getStart();
    } else {
      return std::nullopt;
    }
    bool few = last.count <= (last.threshold ? kMostCounted : mostThresholds);
    if (!few || !isMonotone(last.steps))
      return std::nullopt;
    return last;
  }

  double number(int64_t channel, int64_t accumulator) const {
    return evaluateSteps(steps, channel, double(accumulator));
  }
  /// What the number reaches threshold `t` at.
  double bound(int64_t channel, int64_t t) const {
    if (!threshold)
      return double(t + 1);
    ArrayRef<double> values = threshold.getValues();
    return values[int64_t(values.size()) == count ? t : channel * count + t];
  }
};

/// The codes that occur, as first + stride * i for i < count.
struct Progression {
  int64_t first, stride, count;
};

std::optional<Progression> progression(ArrayRef<bool> occurs) {
  SmallVector<int64_t> codes;
  for (auto [code, seen] : llvm::enumerate(occurs))
    if (seen)
      codes.push_back(code);
  if (codes.size() < 2 || codes.size() == occurs.size())
    return std::nullopt;
  int64_t stride = codes[1] - codes[0];
  for (size_t i = 1; i < codes.size(); ++i)
    if (codes[i] - codes[i - 1] != stride)
      return std::nullopt;
  return Progression{codes[0], stride, static_cast<int64_t>(codes.size())};
}

//===----------------------------------------------------------------------===//
// Consumers of renumbered codes
//===----------------------------------------------------------------------===//

/// Consumers of codes old = first + stride * new.
struct Renumbering {
  Progression codes;
  Type element;

  bool admits(Value value) const {
    return llvm::all_of(value.getUses(),
                        [&](OpOperand &use) { return admitsUse(use); });
  }

  void rewrite(Value from, Value to) const {
    for (OpOperand &use : llvm::make_early_inc_range(from.getUses()))
      rewriteUse(use, to);
  }

private:
  bool admitsUse(OpOperand &use) const {
    Operation *user = use.getOwner();
    if (isa<TransposeOp, ReshapeOp, MaxPoolCodesOp>(user))
      return admits(user->getResult(0));
    if (auto layer = dyn_cast<LayerOp>(user))
      return use.getOperandNumber() > 1 ||
             (!layer.getComputedWeights() && admitsPads(layer));
    return isa<DequantizeOp>(user);
  }

  bool admitsPads(LayerOp layer) const {
    if (layer.getThresholds())
      return false;
    bool padded = llvm::any_of(layer.getGeometry().getPads().asArrayRef(),
                               [](int64_t pad) { return pad != 0; });
    int64_t offset = int64_t(layer.getPadCode()) - codes.first;
    return !padded || (offset >= 0 && offset % codes.stride == 0 &&
                       offset / codes.stride < codes.count);
  }

  void rewriteUse(OpOperand &use, Value to) const {
    Operation *user = use.getOwner();
    if (auto layer = dyn_cast<LayerOp>(user))
      return rewriteLayer(layer, use, to);
    if (auto dequantize = dyn_cast<DequantizeOp>(user))
      return rewriteDequantize(dequantize, to);
    OpBuilder builder(user);
    Operation *copy = builder.clone(*user);
    copy->setOperand(0, to);
    auto type = cast<RankedTensorType>(copy->getResult(0).getType());
    copy->getResult(0).setType(type.clone(element));
    rewrite(user->getResult(0), copy->getResult(0));
    user->erase();
  }

  void rewriteDequantize(DequantizeOp op, Value to) const {
    SmallVector<double> scale(op.getScale()), zero(op.getZeroPoint());
    for (double &s : scale)
      s *= codes.stride;
    for (double &z : zero)
      z = (z - codes.first) / codes.stride;
    op.setScale(scale);
    op.setZeroPoint(zero);
    op.getInputMutable().set(to);
  }

  void rewriteLayer(LayerOp layer, OpOperand &use, Value to) const {
    unsigned operand = use.getOperandNumber();
    use.set(to);
    if (operand == 0)
      rewriteInput(layer);
    else
      rewriteAddend(layer, operand - 2);
  }

  /// sum of old codes = first * (sum of weights) + stride * sum of new codes.
  void rewriteInput(LayerOp layer) const {
    auto weights = *constantElements(layer.getWeights(), false);
    SmallVector<double> offset;
    for (int64_t n = 0; n < layer.getGeometry().getOutput()[3]; ++n) {
      int64_t sum = 0;
      for (int64_t w : channelWeights(layer, weights, n))
        sum += w;
      offset.push_back(double(codes.first) * sum);
    }
    MLIRContext *context = layer.getContext();
    SmallVector<Attribute> steps = {AffineStepAttr::get(
        context, DenseF64ArrayAttr::get(context, {double(codes.stride)}),
        DenseF64ArrayAttr::get(context, offset))};
    llvm::append_range(steps, layer.getEpilogue());
    layer.setEpilogueAttr(ArrayAttr::get(context, steps));
    int64_t pad = int64_t(layer.getPadCode()) - codes.first;
    layer.setPadCode(std::max<int64_t>(0, pad / codes.stride));
    // An unpadded layer may have carried a code that exists no more.
    if (int64_t(layer.getPadCode()) >= codes.count)
      layer.setPadCode(0);
  }

  void rewriteAddend(LayerOp layer, int64_t index) const {
    MLIRContext *context = layer.getContext();
    auto real = [&](double value) {
      return FloatAttr::get(Float64Type::get(context), value);
    };
    SmallVector<Attribute> steps(layer.getEpilogue().getValue());
    for (Attribute &step : steps) {
      auto add = dyn_cast<AddStepAttr>(step);
      if (!add || add.getOperand() != index)
        continue;
      double scale = add.getScale().getValueAsDouble();
      double offset = add.getOffset().getValueAsDouble();
      step = AddStepAttr::get(context, index, real(scale * codes.stride),
                              real(offset + codes.first * scale));
    }
    layer.setEpilogueAttr(ArrayAttr::get(context, steps));
  }
};

/// Thresholds of a layer as plain numbers.
struct Table {
  SmallVector<int32_t> values; // [channels][count]
  SmallVector<bool> descending;
  int64_t count, falling = 0, start = 0;

  int64_t channels() const { return descending.size(); }
  ArrayRef<int32_t> row(int64_t n) const {
    return ArrayRef<int32_t>(values).slice(n * count, count);
  }

  void attach(LayerOp layer) const {
    MLIRContext *context = layer.getContext();
    auto type = RankedTensorType::get({channels(), count},
                                      IntegerType::get(context, 32));
    layer.setThresholdsAttr(
        DenseElementsAttr::get(type, ArrayRef<int32_t>(values)));
    layer.setDescendingAttr(DenseBoolArrayAttr::get(context, descending));
    layer.setFalling(falling);
    layer.setStart(start);
    layer.setEpilogueAttr(ArrayAttr::get(context, {}));
  }
};

Table tableOf(LayerOp layer) {
  auto dense = cast<DenseElementsAttr>(*layer.getThresholds());
  Table table;
  llvm::append_range(table.values, dense.getValues<int32_t>());
  llvm::append_range(table.descending, *layer.getDescending());
  table.count = dense.getType().getShape()[1];
  return table;
}

/// Marks the codes that accumulators of `range` reach in channel `n`.
void markReached(const Table &table, int64_t n, Interval range,
                 MutableArrayRef<bool> occurs) {
  ArrayRef<int32_t> row = table.row(n);
  bool down = table.descending[n];
  for (int64_t code = 0; code <= table.count; ++code) {
    int64_t low = range.min, high = range.max;
    if (code > 0)
      (down ? high : low) = down ? std::min<int64_t>(high, row[code - 1])
                                 : std::max<int64_t>(low, row[code - 1]);
    if (code < table.count)
      (down ? low : high) = down ? std::max(low, int64_t(row[code]) + 1)
                                 : std::min(high, int64_t(row[code]) - 1);
    occurs[code] = occurs[code] || low <= high;
  }
}

} // namespace

LogicalResult ulq::solveThresholds(LayerOp layer) {
  std::optional<LastStep> last = LastStep::of(layer.getEpilogue());
  bool codesOnly = layer.getNumResults() == 1 &&
                   isCodeType(tensorElement(layer.getResult(0).getType())) &&
                   isCodeType(tensorElement(layer.getInput().getType()));
  if (!codesOnly || !last)
    return failure();
  if (layer.getComputedWeights())
    return failure();
  auto weights = constantElements(layer.getWeights(), false);
  if (!weights)
    return failure();
  Table table;
  table.count = last->count;
  table.falling = last->falling;
  table.start = last->start;
  int64_t maxCode = largestInput(layer);
  for (int64_t n = 0; n < layer.getGeometry().getOutput()[3]; ++n) {
    Interval range =
        accumulatorRange(channelWeights(layer, *weights, n), maxCode);
    if (!llvm::isInt<32>(range.min - 1) || !llvm::isInt<32>(range.max + 1))
      return failure();
    bool down = last->number(n, kLargest) < last->number(n, -kLargest);
    table.descending.push_back(down);
    for (int64_t t = 0; t < last->count; ++t) {
      double bound = last->bound(n, t);
      int64_t first = firstReached(-kLargest, kLargest, [&](int64_t acc) {
        return (last->number(n, acc) >= bound) != down;
      });
      table.values.push_back(down ? first - 1 : first);
    }
  }
  table.attach(layer);
  return success();
}

void ulq::dropUnreachedCodes(LayerOp layer) {
  if (layer.getFalling() || layer.getStart())
    return;
  Table table = tableOf(layer);
  auto weights = *constantElements(layer.getWeights(), false);
  SmallVector<bool> occurs(table.count + 1, false);
  int64_t maxCode = largestInput(layer);
  for (int64_t n = 0; n < table.channels(); ++n)
    markReached(table, n,
                accumulatorRange(channelWeights(layer, weights, n), maxCode),
                occurs);
  std::optional<Progression> codes = progression(occurs);
  if (!codes)
    return;
  unsigned bits = std::max(1u, llvm::Log2_64_Ceil(codes->count));
  Value result = layer.getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  Renumbering renumbering{*codes, IntegerType::get(layer.getContext(), bits,
                                                   IntegerType::Unsigned)};
  if (bits >= tensorElement(type).getIntOrFloatBitWidth() ||
      !renumbering.admits(result))
    return;
  // New code i is reached where old code first + stride * i is.
  Table kept;
  kept.count = codes->count - 1;
  kept.descending = table.descending;
  for (int64_t n = 0; n < table.channels(); ++n)
    for (int64_t i = 1; i < codes->count; ++i)
      kept.values.push_back(table.row(n)[codes->first + codes->stride * i - 1]);
  OpBuilder builder(layer);
  auto renumbered = cast<LayerOp>(builder.clone(*layer));
  renumbered.getResult(0).setType(type.clone(renumbering.element));
  kept.attach(renumbered);
  renumbering.rewrite(result, renumbered.getResult(0));
  layer.erase();
}
