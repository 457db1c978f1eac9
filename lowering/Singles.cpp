//===- Singles.cpp - epilogues in f32 that are proved to be exact ---------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Singles.h"
#include "lowering/ErrorBound.h"
#include "lowering/EvaluateSteps.h"
#include "lowering/Layers.h"
#include "lowering/SettleSums.h"
#include "lowering/Steps.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

namespace {

using Steps = SmallVector<PlannedStep>;

/// Fewer thresholds are compared faster.
constexpr int64_t kFewThresholds = 3;
/// Codes of an addend that are tried one by one.
constexpr int64_t kMostAddendCodes = 16;
/// Neighbouring constants that are tried for a channel.
constexpr int64_t kNudges = 8;
/// Above them, computing again what is in doubt costs more than steps in f32,
/// or a curve instead of many thresholds, spare.
constexpr double kMostDoubt = 0x1p-12, kMostDoubtOfCurve = 0x1p-8;

/// Whether every step is one that f32 lanes have, and monotone.
bool areMonotone(ArrayRef<PlannedStep> steps) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double limit = std::ldexp(1.0, 22); // of what is rounded
  double low = -infinity, high = infinity;  // of v
  for (const PlannedStep &step : steps) {
    auto [least, most] = step.values.empty()
                             ? std::pair(-infinity, infinity)
                             : std::pair(*llvm::min_element(step.values),
                                         *llvm::max_element(step.values));
    switch (step.kind) {
    case LaneKind::Count:
    case LaneKind::StoreFloat:
      return false;
    case LaneKind::Round:
      if (step.index != static_cast<int64_t>(Rounding::HalfEven) ||
          low < -limit || high > limit)
        return false;
      break;
    case LaneKind::Max:
      low = std::max(low, least);
      high = std::max(high, most);
      break;
    case LaneKind::Min:
      low = std::min(low, least);
      high = std::min(high, most);
      break;
    case LaneKind::Div:
    case LaneKind::Leaky:
      if (least < 0)
        return false;
      [[fallthrough]];
    default:
      low = -infinity;
      high = infinity;
    }
  }
  return true;
}

/// A step function of the accumulators between `min` and `max`.
struct Interval {
  int64_t min, max;
};
using Codes = function_ref<int64_t(int64_t accumulator)>;

/// The smallest accumulator beyond `low` whose code is not that of `low`, which
/// `range.max` has not either.
int64_t nextStep(Codes exact, Interval range, int64_t low, int64_t stride) {
  int64_t code = exact(low), high = low;
  do {
    low = high;
    high = std::min(range.max, high + stride);
    stride *= 2;
  } while (exact(high) == code);
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    (exact(middle) == code ? low : high) = middle;
  }
  return high;
}

bool agree(Codes exact, Codes single, Interval range) {
  int64_t last = exact(range.max), low = range.min, stride = 1;
  if (exact(low) != single(low) || last != single(range.max))
    return false;
  while (exact(low) != last) {
    int64_t next = nextStep(exact, range, low, stride);
    if (single(next - 1) != exact(next - 1) || single(next) != exact(next))
      return false;
    stride = std::max<int64_t>((next - low) / 2, 1);
    low = next;
  }
  return true;
}

/// The accumulators that `ulq-prove-ranges` found.
std::optional<Interval> accumulators(LayerOp op) {
  if (!op.getAccumulatorMin() || !op.getAccumulatorMax())
    return std::nullopt;
  return Interval{static_cast<int64_t>(*op.getAccumulatorMin()),
                  static_cast<int64_t>(*op.getAccumulatorMax())};
}

int64_t channelCount(LayerOp op) { return op.getGeometry().getOutput()[3]; }

/// The first step of that kind on the accumulator, before it is rounded, with
/// one constant per channel; null where there is none.
PlannedStep *firstConstant(Steps &steps, LaneKind kind, int64_t channels) {
  for (PlannedStep &step : steps) {
    if (step.kind == LaneKind::Round || step.kind == LaneKind::Load)
      return nullptr;
    if (step.kind != kind)
      continue;
    if (step.values.size() == 1)
      step.values.assign(channels, step.values.front());
    return &step;
  }
  return nullptr;
}

/// Moves the constants of a channel to neighbours in f32 until `holds`.
bool nudge(Steps &steps, int64_t channel, int64_t channels,
           function_ref<bool()> holds) {
  if (holds())
    return true;
  PlannedStep *factor = firstConstant(steps, LaneKind::Mul, channels);
  PlannedStep *offset = firstConstant(steps, LaneKind::Add, channels);
  if (!factor || !offset)
    return false;
  auto scale = static_cast<float>(factor->values[channel]);
  auto start = static_cast<float>(offset->values[channel]);
  float step = std::ldexp(1.0f, -21); // of sums between 4 and 8
  for (float near :
       {scale, std::nextafter(scale, 0.0f), std::nextafter(scale, 2 * scale)})
    for (int64_t n = 1; n <= 2 * kNudges; ++n) {
      factor->values[channel] = near;
      offset->values[channel] =
          start + float(n % 2 ? n / 2 + 1 : -n / 2) * step;
      if (holds())
        return true;
    }
  return false;
}

/// A line p + q * t that keeps furthest away from the ends of the intervals
/// (low[t], high[t]); infinite ends do not count.
struct Line {
  double p, q, margin;
};
Line centralLine(ArrayRef<double> low, ArrayRef<double> high) {
  auto through = [&](double q) {
    double above = std::numeric_limits<double>::infinity(), below = -above;
    for (auto [t, ends] : llvm::enumerate(llvm::zip_equal(low, high))) {
      below = std::max(below, std::get<0>(ends) - q * double(t));
      above = std::min(above, std::get<1>(ends) - q * double(t));
    }
    if (std::isinf(below) || std::isinf(above))
      return Line{std::isinf(below) ? above - 1 : below + 1, q, 1};
    return Line{(below + above) / 2, q, (above - below) / 2};
  };
  // The margin is a concave function of the slope.
  double from = 0, to = 0;
  for (auto [l, h] : llvm::zip_equal(low, high))
    for (double end : {l, h})
      if (!std::isinf(end))
        to = std::max(to, 2 * std::abs(end) + 2);
  for (int64_t i = 0; i < 120; ++i) {
    double left = from + (to - from) / 3, right = to - (to - from) / 3;
    (through(left).margin < through(right).margin ? from : to) =
        through(left).margin < through(right).margin ? left : right;
  }
  return through((from + to) / 2);
}

/// The largest code of an addend, 0 without one; none where one has floats.
std::optional<int64_t> largestAddend(LayerOp op) {
  int64_t largest = 0;
  for (Value addend : op.getAddends()) {
    Type element = tensorElement(addend.getType());
    if (!isCodeType(element))
      return std::nullopt;
    largest = std::max(largest, maxCode(element));
  }
  return largest;
}

/// `steps` with the doubts that they leave.
std::optional<SingleSteps> inDoubt(LayerOp op, ArrayRef<PlannedStep> planned,
                                   Interval range, double most = kMostDoubt) {
  std::optional<int64_t> addend = largestAddend(op);
  if (!addend)
    return std::nullopt;
  auto errors = boundErrors(planned, channelCount(op),
                            std::max(-range.min, range.max), *addend);
  if (!errors)
    return std::nullopt;
  SingleSteps singles{Steps(planned)};
  settleSums(singles.steps, *errors, *addend);
  size_t rounding = 0;
  for (PlannedStep &step : singles.steps) {
    if (step.kind != LaneKind::Round)
      continue;
    double error = (*errors)[rounding++];
    if (!(error <= most))
      return std::nullopt;
    if (error == 0)
      continue;
    step.values = {error};
    singles.leavesDoubt = true;
  }
  return singles;
}

} // namespace

std::optional<SingleSteps> ulq::thresholdsInSingles(LayerOp op) {
  std::optional<Interval> range = accumulators(op);
  auto type = cast<ShapedType>(op.getThresholds()->getType());
  int64_t channels = channelCount(op), count = type.getShape()[1];
  if (!range || count <= kFewThresholds || op.getFalling() || op.getStart())
    return std::nullopt;
  auto values = llvm::to_vector(
      cast<DenseElementsAttr>(*op.getThresholds()).getValues<int32_t>());
  Steps steps = {{LaneKind::Mul, SmallVector<double>(channels)},
                 {LaneKind::Add, SmallVector<double>(channels)},
                 {LaneKind::Max, {0.0}, /*index=*/1},
                 {LaneKind::Min, {double(count)}},
                 {LaneKind::Round, {}},
                 {LaneKind::StoreCode, {}}};
  double infinity = std::numeric_limits<double>::infinity();
  for (int64_t n = 0; n < channels; ++n) {
    ArrayRef<int32_t> row = ArrayRef<int32_t>(values).slice(n * count, count);
    bool down = (*op.getDescending())[n];
    int64_t min = down ? -range->max : range->min;
    int64_t max = down ? -range->min : range->max;
    // Code t + 1 is reached from threshold t on, along sign * accumulator.
    SmallVector<double> low, high;
    for (int32_t value : row) {
      int64_t first = down ? -int64_t(value) : int64_t(value);
      low.push_back(first <= min ? -infinity
                                 : double(std::min(first - 1, max)));
      high.push_back(first > max ? infinity : double(std::max(first, min)));
    }
    Line line = centralLine(low, high);
    if (!(line.margin > 0) || !(line.q > 0))
      return std::nullopt;
    double scale = 1 / line.q;
    steps[0].values[n] = down ? -scale : scale;
    steps[1].values[n] = 0.5 - line.p * scale;
  }
  auto agrees = [&](int64_t n, Codes evaluated) {
    ArrayRef<int32_t> row = ArrayRef<int32_t>(values).slice(n * count, count);
    bool down = (*op.getDescending())[n];
    auto exact = [&](int64_t acc) -> int64_t {
      return llvm::count_if(
          row, [&](int32_t t) { return down ? acc <= t : acc >= t; });
    };
    return agree(exact, evaluated, *range);
  };
  Steps nudged(steps);
  auto all = llvm::seq<int64_t>(0, channels);
  bool proved = llvm::all_of(all, [&](int64_t n) {
    return nudge(nudged, n, channels, [&] {
      return agrees(n, [&](int64_t acc) -> int64_t {
        return evaluate<float>(nudged, n, acc, 0);
      });
    });
  });
  if (proved)
    return SingleSteps{nudged};
  bool liesBetween = llvm::all_of(all, [&](int64_t n) {
    return agrees(n, [&](int64_t acc) -> int64_t {
      return evaluate<double>(steps, n, acc, 0);
    });
  });
  return liesBetween ? inDoubt(op, steps, *range) : std::nullopt;
}

/// `planned` with the constants of the channels moved until f32 yields the
/// codes of the epilogue, or none.
static std::optional<Steps> proved(LayerOp op, ArrayRef<PlannedStep> planned,
                                   Interval range) {
  std::optional<int64_t> last = largestAddend(op);
  if (!areMonotone(planned) || op.getAddends().size() > 1 || !last ||
      *last >= kMostAddendCodes)
    return std::nullopt;
  Steps steps(planned);
  int64_t channels = channelCount(op);
  for (int64_t n = 0; n < channels; ++n) {
    auto holds = [&] {
      for (int64_t code = 0; code <= *last; ++code) {
        auto addend = static_cast<double>(code);
        auto exact = [&](int64_t acc) -> int64_t {
          return evaluateSteps(op.getEpilogue(), n, double(acc), addend);
        };
        auto single = [&](int64_t acc) -> int64_t {
          return evaluate<float>(steps, n, acc, addend);
        };
        if (!agree(exact, single, range))
          return false;
      }
      return true;
    };
    if (!nudge(steps, n, channels, holds))
      return std::nullopt;
  }
  return steps;
}

std::optional<SingleSteps> ulq::curvesInSingles(LayerOp op) {
  std::optional<Interval> range = accumulators(op);
  if (!range)
    return std::nullopt;
  std::optional<Steps> steps = planCurves(op.getEpilogue());
  return steps ? inDoubt(op, *steps, *range, kMostDoubtOfCurve) : std::nullopt;
}

std::optional<SingleSteps> ulq::stepsInSingles(LayerOp op,
                                               ArrayRef<PlannedStep> planned) {
  std::optional<Interval> range = accumulators(op);
  if (!range || op.getNumResults() != 1)
    return std::nullopt;
  if (std::optional<Steps> steps = proved(op, planned, *range))
    return SingleSteps{*steps};
  return inDoubt(op, planned, *range);
}
