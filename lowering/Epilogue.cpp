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

/// Thresholds for `a > t`. A lane whose thresholds descend compares ~a, which
/// reverses the order of all 32-bit integers. Thresholds beyond the
/// accumulator's range are moved to its ends.
void planThresholds(LayerOp op, const PanelLanes &lanes, ParameterBlob &blob,
                    EpiloguePlan &plan) {
  auto values = llvm::to_vector(llvm::map_range(
      cast<DenseElementsAttr>(*op.getThresholds()).getValues<APInt>(),
      [](const APInt &value) { return value.getSExtValue(); }));
  ArrayRef<bool> descending = *op.getDescending();
  int64_t channels = static_cast<int64_t>(descending.size());
  int64_t levels = static_cast<int64_t>(values.size()) / channels;
  int64_t min = op.getAccumulatorMin().value_or(-llvm::maxIntN(32));
  int64_t max = op.getAccumulatorMax().value_or(llvm::maxIntN(32) - 1);
  SmallVector<int32_t> arrays;
  for (int64_t t = 0; t < levels; ++t) {
    SmallVector<int32_t> level;
    for (int64_t n = 0; n < channels; ++n) {
      int64_t value = values[n * levels + t];
      value = descending[n] ? ~std::clamp(value, min - 1, max)
                            : std::clamp(value, min, max + 1);
      level.push_back(static_cast<int32_t>(value - 1));
    }
    arrays.append(lanes.spread<int32_t>(level, 0));
  }
  plan.levels = levels;
  plan.falling = op.getFalling();
  plan.start = op.getStart();
  plan.thresholdSlot = blob.appendArray<int32_t>(arrays);
  if (!llvm::is_contained(descending, true))
    return;
  SmallVector<int32_t> flips;
  for (bool reversed : descending)
    flips.push_back(reversed ? -1 : 0);
  plan.flipSlot = blob.appendArray<int32_t>(lanes.spread<int32_t>(flips, 0));
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
