//===- Epilogue.cpp - the lane steps of a layer and their constants -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Epilogue.h"
#include "lowering/Singles.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace ulq {

int64_t ParameterBlob::append(ArrayRef<uint8_t> bytes) {
  data.resize(roundUp(static_cast<int64_t>(data.size()), 64), 0);
  int64_t offset = static_cast<int64_t>(data.size());
  data.append(bytes.begin(), bytes.end());
  return offset;
}

namespace {

using Values = SmallVector<double>;

using Step = PlannedStep;

/// Spreads the constants of steps over the lanes of panels.
struct Placer {
  const PanelLanes &lanes;
  ParameterBlob &blob;
  MLIRContext *context;
  bool singles;

  int64_t channels() const { return lanes.groups * lanes.outputs; }

  /// `count` numbers for all channels, or arrays from values channel after
  /// channel.
  int64_t placeCounts(const Values &values, int64_t count) {
    if (isShared(values, count))
      return blob.appendArray<double>(values);
    Values arrays;
    for (int64_t t = 0; t < count; ++t) {
      Values level;
      for (int64_t n = 0; n < channels(); ++n)
        level.push_back(values[n * count + t]);
      arrays.append(lanes.spread<double>(level, 0));
    }
    return blob.appendArray<double>(arrays);
  }
  static bool isShared(const Values &values, int64_t count) {
    return static_cast<int64_t>(values.size()) == count;
  }

  int64_t placeCurve(const Curve &curve) {
    SmallVector<float> tables;
    for (const auto &power : curve.coefficients)
      tables.append(power.begin(), power.end());
    return blob.appendArray<float>(tables);
  }

  LaneStepAttr place(const Step &step) {
    if (step.kind == LaneKind::Count)
      return make(step, FloatAttr(), placeCounts(step.values, step.index));
    if (step.kind == LaneKind::Curve)
      return make(step, FloatAttr(), placeCurve(*step.curve));
    if (step.values.empty())
      return make(step, FloatAttr(), -1);
    if (llvm::all_equal(step.values)) {
      Builder builder(context);
      auto value = builder.getF64FloatAttr(step.values.front());
      return make(step, value, -1);
    }
    // Lanes that hold no channel have v = 1, which is in no doubt, and 1 is
    // harmless as a divisor.
    double unused = step.kind == LaneKind::Mul ? 0 : 1;
    SmallVector<double> spread = lanes.spread<double>(step.values, unused);
    int64_t slot = singles ? blob.appendArray<float>(SmallVector<float>(
                                 spread.begin(), spread.end()))
                           : blob.appendArray<double>(spread);
    return make(step, FloatAttr(), slot);
  }

  LaneStepAttr make(const Step &step, FloatAttr value, int64_t slot) {
    bool shared =
        step.kind == LaneKind::Count && isShared(step.values, step.index);
    return LaneStepAttr::get(context, step.kind, value, slot, step.index,
                             step.falling, step.start, shared);
  }
};

/// The thresholds of one lane, for `a > t`, and what a can be there. A lane
/// whose thresholds descend compares ~a, which reverses the order of all 32-bit
/// integers. Thresholds beyond the range are moved to its ends.
struct LaneThresholds {
  bool descends;
  int64_t min, max; // of a, complemented where they descend

  LaneThresholds(LayerOp op, bool descends) : descends(descends) {
    min = op.getAccumulatorMin().value_or(-llvm::maxIntN(32));
    max = op.getAccumulatorMax().value_or(llvm::maxIntN(32) - 1);
    if (descends)
      std::tie(min, max) = std::pair(~max, ~min);
  }

  /// For `a >= value`, or `a <= value` where they descend.
  int64_t place(int64_t value) const {
    return std::clamp(descends ? ~value : value, min, max + 1) - 1;
  }
  bool fits31Bits() const {
    return llvm::isInt<31>(min - 1) && llvm::isInt<31>(max);
  }
  /// The same threshold for a saturated to 16 bits, none where that loses
  /// something.
  std::optional<int64_t> narrow(int64_t threshold) const {
    if (threshold >= max)
      return INT16_MAX;
    if (threshold < INT16_MIN || threshold >= INT16_MAX)
      return std::nullopt;
    return threshold;
  }
};

/// Fewer thresholds are not worth the saturation.
constexpr int64_t kNarrowLevels = 2;

/// Places thresholds and the mask of the lanes that compare the complement.
template <typename T>
void placeThresholds(ArrayRef<SmallVector<int64_t>> levels,
                     ArrayRef<bool> descending, const PanelLanes &lanes,
                     ParameterBlob &blob, EpiloguePlan &plan) {
  auto spread = [&](auto values) {
    SmallVector<T> channels(values.begin(), values.end());
    return lanes.spread<T>(channels, 0);
  };
  SmallVector<T> arrays;
  for (ArrayRef<int64_t> level : levels)
    arrays.append(spread(level));
  plan.thresholdSlot = blob.appendArray<T>(arrays);
  if (llvm::is_contained(descending, true))
    plan.flipSlot = blob.appendArray<T>(spread(llvm::map_range(
        descending, [](bool flips) { return flips ? T(-1) : T(0); })));
}

void planThresholds(LayerOp op, const PanelLanes &lanes, ParameterBlob &blob,
                    EpiloguePlan &plan) {
  auto values = llvm::to_vector(llvm::map_range(
      cast<DenseElementsAttr>(*op.getThresholds()).getValues<APInt>(),
      [](const APInt &value) { return value.getSExtValue(); }));
  ArrayRef<bool> descending = *op.getDescending();
  plan.levels = int64_t(values.size() / descending.size());
  plan.falling = op.getFalling();
  plan.start = op.getStart();
  bool fit16 = plan.levels >= kNarrowLevels, fit31 = true;
  SmallVector<SmallVector<int64_t>> levels(plan.levels), narrow(plan.levels);
  for (auto [n, descends] : llvm::enumerate(descending)) {
    LaneThresholds lane(op, descends);
    fit31 &= lane.fits31Bits();
    for (int64_t t = 0; t < plan.levels; ++t) {
      int64_t threshold = lane.place(values[n * plan.levels + t]);
      std::optional<int64_t> half = lane.narrow(threshold);
      levels[t].push_back(threshold);
      narrow[t].push_back(half.value_or(0));
      fit16 &= half.has_value();
    }
  }
  plan.thresholdBits = fit16 ? 16 : fit31 ? 31 : 32;
  if (fit16)
    return placeThresholds<int16_t>(narrow, descending, lanes, blob, plan);
  placeThresholds<int32_t>(levels, descending, lanes, blob, plan);
}

} // namespace

EpiloguePlan planEpilogue(LayerOp op, const PanelLanes &lanes,
                          ParameterBlob &blob) {
  EpiloguePlan plan;
  bool codes = false, floats = false;
  for (Value output : op.getOutputs()) {
    bool isFloat = tensorElement(output.getType()).isF32();
    (isFloat ? floats : codes) = true;
  }
  if (op.getWeightZero())
    plan.zeroSlot = blob.appendArray<int32_t>(
        lanes.spread<int32_t>(*op.getWeightZero(), 0));
  bool byThresholds = codes && op.getThresholds();
  std::optional<SingleSteps> singles;
  if (byThresholds && !floats)
    singles = thresholdsInSingles(op);
  if (byThresholds && (!singles || singles->leavesDoubt))
    planThresholds(op, lanes, blob, plan);
  if (byThresholds && !floats && !singles)
    return plan;

  ArrayRef<Attribute> steps = op.getEpilogue().getValue();
  bool quantizes =
      !steps.empty() && isa<QuantizeStepAttr, ThresholdStepAttr>(steps.back());
  ArrayRef<Attribute> before = codes && quantizes ? steps.drop_back() : steps;
  Attribute last = codes && !byThresholds ? steps.back() : Attribute();
  SmallVector<Step> planned = planSteps(before, floats, last);
  if (!singles && !floats && codes)
    singles = curvesInSingles(op);
  if (!singles && !floats)
    singles = stepsInSingles(op, planned);
  auto place = [&](ArrayRef<Step> steps, bool inSingles) {
    Placer placer{lanes, blob, op.getContext(), inSingles};
    return llvm::map_to_vector(steps, [&](const Step &step) -> Attribute {
      return placer.place(step);
    });
  };
  if (!singles) {
    plan.steps = place(planned, false);
    return plan;
  }
  plan.singles = true;
  plan.steps = place(singles->steps, true);
  if (singles->leavesDoubt && !byThresholds)
    plan.exactSteps = place(planned, false);
  return plan;
}

} // namespace ulq
