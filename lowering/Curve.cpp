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

/// Coefficients of the powers of z.
using Polynomial = std::array<double, kPowers>;

double valueAt(const Polynomial &polynomial, double z) {
  double sum = 0;
  for (double coefficient : llvm::reverse(polynomial))
    sum = sum * z + coefficient;
  return sum;
}

Polynomial derivative(const Polynomial &polynomial) {
  Polynomial result = {};
  for (size_t i = 1; i < kPowers; ++i)
    result[i - 1] = double(i) * polynomial[i];
  return result;
}

/// Bounds the polynomial where |z| <= 0.5 + kSlack.
double boundOf(const Polynomial &polynomial) {
  double sum = 0;
  for (double coefficient : llvm::reverse(polynomial))
    sum = sum * (0.5 + Curve::kSlack) + std::abs(coefficient);
  return sum;
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

  /// Beyond the first event, or the last, where the curve is about a middle
  /// again, but far enough for its values to be in no doubt.
  double before() const {
    return events[0].x - (events[1].x - events[0].x) / 8;
  }
  double behind() const {
    size_t last = events.size() - 1;
    return events[last].x + (events[last].x - events[last - 1].x) / 8;
  }
};

/// Least squares of as many powers as there are points, at most all: the normal
/// equations, by elimination.
Polynomial fitPolynomial(ArrayRef<std::pair<double, double>> points) {
  size_t count = std::min(kPowers, points.size());
  std::array<std::array<double, kPowers + 1>, kPowers> rows = {};
  for (auto [z, y] : points) {
    Polynomial powers = {1};
    for (size_t i = 1; i < count; ++i)
      powers[i] = powers[i - 1] * z;
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < count; ++j)
        rows[i][j] += powers[i] * powers[j];
      rows[i][count] += powers[i] * y;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    size_t best = i;
    for (size_t k = i + 1; k < count; ++k)
      if (std::abs(rows[k][i]) > std::abs(rows[best][i]))
        best = k;
    std::swap(rows[i], rows[best]);
    for (size_t k = 0; k < count; ++k) {
      if (k == i)
        continue;
      double factor = rows[k][i] / rows[i][i];
      for (size_t j = i; j <= count; ++j)
        rows[k][j] -= factor * rows[i][j];
    }
  }
  Polynomial result = {};
  for (size_t i = 0; i < count; ++i)
    result[i] = float(rows[i][count] / rows[i][i]);
  return result;
}

/// The largest and the smallest value between two numbers, as far as halving
/// tells where the slope changes its sign.
class Extrema {
public:
  explicit Extrema(const Polynomial &polynomial)
      : polynomial(polynomial), slope(derivative(polynomial)),
        bend(boundOf(derivative(slope))) {}

  void forEach(double from, double to, function_ref<void(double)> visit) const {
    double half = (to - from) / 2, middle = from + half;
    if (half < kSmallest || std::abs(valueAt(slope, middle)) > half * bend) {
      visit(valueAt(polynomial, from));
      visit(valueAt(polynomial, to));
      return;
    }
    forEach(from, middle, visit);
    forEach(middle, to, visit);
  }

  /// What the polynomial may exceed visited values by.
  double error() const { return kSmallest * kSmallest * bend; }

private:
  static constexpr double kSmallest = 0x1p-13;
  Polynomial polynomial, slope;
  double bend;
};

/// How far the polynomial of segment s leaves the codes of the stairs, `kSlack`
/// beyond its ends included.
double misfit(const Stairs &stairs, const Curve &curve,
              const Polynomial &polynomial, int64_t s) {
  Extrema extrema(polynomial);
  double from = std::max(double(s) - 0.5 - Curve::kSlack, curve.low);
  double end = std::min(double(s) + 0.5 + Curve::kSlack, curve.high);
  double most = 0;
  int64_t code = stairs.start;
  auto check = [&](double y) {
    if (code < curve.maxCode)
      most = std::max(most, y - (double(code) + 0.5));
    if (code > 0)
      most = std::max(most, (double(code) - 0.5) - y);
  };
  for (const Event &event : stairs.events) {
    double change = event.x * curve.scale + curve.offset;
    if (change > from) {
      double to = std::min(change, end);
      extrema.forEach(from - double(s), to - double(s), check);
      from = to;
    }
    if (from >= end)
      return most + extrema.error();
    code = event.code;
  }
  extrema.forEach(from - double(s), end - double(s), check);
  return most + extrema.error();
}

/// The polynomial of segment s, in f32, and its misfit: of its own thresholds,
/// or of the nearest ones, where fewer may be better.
std::pair<Polynomial, double> fitSegment(const Stairs &stairs,
                                         const Curve &curve, int64_t s) {
  SmallVector<std::pair<double, double>> points;
  for (const Event &event : stairs.events)
    points.push_back(
        {event.x * curve.scale + curve.offset - double(s), event.middle});
  auto isOwn = [](auto point) { return std::abs(point.first) <= 0.5; };
  size_t own = llvm::count_if(points, isOwn);
  llvm::sort(points, [](auto a, auto b) {
    return std::pair(std::abs(a.first), a.second) <
           std::pair(std::abs(b.first), b.second);
  });
  std::pair<Polynomial, double> best = {
      {}, std::numeric_limits<double>::infinity()};
  for (size_t count = std::max(own, kPowers); count > 1; --count) {
    Polynomial fitted = fitPolynomial(ArrayRef(points).take_front(count));
    double error = misfit(stairs, curve, fitted, s);
    if (error < best.second)
      best = {fitted, error};
    if (count > kPowers || best.second < kGoodError)
      break;
  }
  return best;
}

/// A curve whose first segment is -16, so that u is small, and begins where the
/// stairs do.
std::optional<Curve> fit(const Stairs &stairs, double segments) {
  Curve curve;
  double from = stairs.before(), to = stairs.behind();
  curve.scale = segments / (to - from);
  curve.low = -double(Curve::kSegments / 2) - 0.5;
  curve.high = double(float(curve.low + segments));
  curve.offset = curve.low - from * curve.scale;
  curve.maxCode = stairs.maxCode;
  curve.slope = curve.error = 0;
  curve.coefficients = {};
  for (int64_t s = -Curve::kSegments / 2; double(s) - 0.5 <= curve.high; ++s) {
    auto [polynomial, misfit] = fitSegment(stairs, curve, s);
    for (size_t power = 0; power < kPowers; ++power)
      curve.coefficients[power][s & (Curve::kSegments - 1)] =
          float(polynomial[power]);
    curve.slope = std::max(curve.slope, boundOf(derivative(polynomial)));
    // The last sum, and two operations for each power on no more than the rest.
    double all = boundOf(polynomial), first = std::abs(polynomial[0]);
    double own = misfit + (first + 2 * kPowers * (all - first)) * 0x1p-24;
    if (!std::isfinite(own))
      return std::nullopt;
    curve.error = std::max(curve.error, own);
  }
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
    std::optional<Curve> curve = fit(stairs, segments);
    if (curve && (!best || curve->error < best->error))
      best = curve;
    if (best && best->error < kGoodError)
      break;
  }
  return best;
}
