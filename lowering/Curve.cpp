//===- Curve.cpp - thresholds as a curve that is rounded ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Curve.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

namespace {

constexpr size_t kPowers = Curve::kPowers;
/// Counting fewer thresholds is cheaper.
constexpr int64_t kFewest = 8;
/// An error that no other division into segments has to undercut.
constexpr double kGoodError = 0x1p-14;

using Cubic = std::array<double, kPowers>;

double valueAt(const Cubic &cubic, double z) {
  return cubic[0] + z * (cubic[1] + z * (cubic[2] + z * cubic[3]));
}

/// Where the code changes: the middle between two codes at `x`, `code` behind.
struct Event {
  double x, middle;
  int64_t code;
};

struct Stairs {
  SmallVector<Event> events; // ascending
  int64_t start, maxCode;

  explicit Stairs(ThresholdStepAttr step)
      : start(step.getStart()), maxCode(step.getStart()) {
    ArrayRef<double> values = step.getValues();
    int64_t rising = step.getCount() - step.getFalling();
    for (auto [i, x] : llvm::enumerate(values))
      events.push_back({x, int64_t(i) < rising ? 0.5 : -0.5, 0});
    llvm::sort(events, [](Event a, Event b) {
      return std::pair(a.x, a.middle) < std::pair(b.x, b.middle);
    });
    int64_t code = start;
    for (Event &event : events) {
      event.code = code + (event.middle > 0 ? 1 : -1);
      event.middle += double(code);
      code = event.code;
      maxCode = std::max(maxCode, code);
    }
  }

  /// Half the way to the neighbour from the first event, or from the last.
  double before() const {
    return events[0].x - (events[1].x - events[0].x) / 2;
  }
  double behind() const {
    size_t last = events.size() - 1;
    return events[last].x + (events[last].x - events[last - 1].x) / 2;
  }
};

/// Least squares: the normal equations, by elimination.
Cubic fitCubic(ArrayRef<std::pair<double, double>> points) {
  std::array<std::array<double, kPowers + 1>, kPowers> rows = {};
  for (auto [z, y] : points) {
    Cubic powers = {1, z, z * z, z * z * z};
    for (size_t i = 0; i < kPowers; ++i) {
      for (size_t j = 0; j < kPowers; ++j)
        rows[i][j] += powers[i] * powers[j];
      rows[i][kPowers] += powers[i] * y;
    }
  }
  for (size_t i = 0; i < kPowers; ++i) {
    size_t best = i;
    for (size_t k = i + 1; k < kPowers; ++k)
      if (std::abs(rows[k][i]) > std::abs(rows[best][i]))
        best = k;
    std::swap(rows[i], rows[best]);
    for (size_t k = 0; k < kPowers; ++k) {
      if (k == i)
        continue;
      double factor = rows[k][i] / rows[i][i];
      for (size_t j = i; j <= kPowers; ++j)
        rows[k][j] -= factor * rows[i][j];
    }
  }
  Cubic cubic;
  for (size_t i = 0; i < kPowers; ++i)
    cubic[i] = rows[i][kPowers] / rows[i][i];
  return cubic;
}

/// The cubic of segment s, from its own thresholds, or the nearest ones.
Cubic fitSegment(ArrayRef<Event> events, const Curve &curve, int64_t s) {
  SmallVector<std::pair<double, double>> points;
  for (const Event &event : events)
    points.push_back(
        {event.x * curve.scale + curve.offset - double(s), event.middle});
  auto isOwn = [](auto point) { return std::abs(point.first) <= 0.5; };
  size_t own = llvm::count_if(points, isOwn);
  llvm::sort(points, [](auto a, auto b) {
    return std::pair(std::abs(a.first), a.second) <
           std::pair(std::abs(b.first), b.second);
  });
  return fitCubic(ArrayRef(points).take_front(std::max(own, kPowers)));
}

/// Calls `visit` with the ends and extrema of a cubic between two numbers.
void forEachExtremum(const Cubic &cubic, double from, double to,
                     function_ref<void(double)> visit) {
  visit(from);
  visit(to);
  double a = 3 * cubic[3], b = cubic[2], c = cubic[1]; // a z^2 + 2 b z + c
  double root = b * b - a * c;
  if (root < 0)
    return;
  // Without cancellation; a root at infinity is no extremum.
  double q = -(b + std::copysign(std::sqrt(root), b));
  for (double z : {q / a, c / q})
    if (z > from && z < to)
      visit(z);
}

/// How far the cubic of segment s leaves the codes of the stairs, `kSlack`
/// beyond its ends included.
double misfit(const Stairs &stairs, const Curve &curve, const Cubic &cubic,
              int64_t s) {
  double from = std::max(double(s) - 0.5 - Curve::kSlack, curve.low);
  double end = std::min(double(s) + 0.5 + Curve::kSlack, curve.high);
  double most = 0;
  int64_t code = stairs.start;
  auto check = [&](double z) {
    double y = valueAt(cubic, z);
    if (code < curve.maxCode)
      most = std::max(most, y - (double(code) + 0.5));
    if (code > 0)
      most = std::max(most, (double(code) - 0.5) - y);
  };
  for (const Event &event : stairs.events) {
    double change = event.x * curve.scale + curve.offset;
    if (change > from) {
      double to = std::min(change, end);
      forEachExtremum(cubic, from - double(s), to - double(s), check);
      from = to;
    }
    if (from >= end)
      return most;
    code = event.code;
  }
  forEachExtremum(cubic, from - double(s), end - double(s), check);
  return most;
}

/// A curve with the ends of the stairs at -0.5 and `segments` - 0.5.
Curve fit(const Stairs &stairs, double segments) {
  Curve curve;
  double from = stairs.before(), to = stairs.behind();
  curve.scale = segments / (to - from);
  curve.offset = -0.5 - from * curve.scale;
  curve.low = -0.5;
  curve.high = double(float(segments - 0.5));
  curve.maxCode = stairs.maxCode;
  curve.slope = 0;
  curve.coefficients = {};
  double rounding = 0, most = 0;
  for (int64_t s = 0; double(s) - 0.5 < curve.high; ++s) {
    Cubic cubic = fitSegment(stairs.events, curve, s);
    for (size_t power = 0; power < kPowers; ++power) {
      curve.coefficients[power][s] = float(cubic[power]);
      cubic[power] = curve.coefficients[power][s];
    }
    double rest = std::abs(cubic[1]) / 2 + std::abs(cubic[2]) / 4 +
                  std::abs(cubic[3]) / 8;
    // The last sum, and five operations on no more than `rest`.
    rounding = std::max(rounding, std::abs(cubic[0]) + 6 * rest);
    curve.slope =
        std::max(curve.slope, std::abs(cubic[1]) + std::abs(cubic[2]) +
                                  0.75 * std::abs(cubic[3]));
    most = std::max(most, misfit(stairs, curve, cubic, s));
  }
  curve.error = most + rounding * 0x1p-24;
  return curve;
}

} // namespace

std::optional<Curve> ulq::fitCurve(ThresholdStepAttr step) {
  if (step.getCount() < kFewest ||
      int64_t(step.getValues().size()) != step.getCount())
    return std::nullopt;
  Stairs stairs(step);
  if (!(stairs.before() < stairs.behind()))
    return std::nullopt;
  // A function may have a kink (HardSwish): some division has it between two
  // segments.
  std::optional<Curve> best;
  for (double segments = Curve::kSegments - 0.125; segments > 20;
       segments -= 0.0625) {
    Curve curve = fit(stairs, segments);
    if (std::isfinite(curve.error) && (!best || curve.error < best->error))
      best = curve;
    if (best && best->error < kGoodError)
      break;
  }
  return best;
}
