//===- Curve.h - thresholds as a curve that is rounded --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A quantizer behind a function (SiLU, Gelu, Tanh, ...) is a list of thresholds
// of the function's argument: the code at x is start + rising ones that x
// reaches - falling ones. To count some hundred of them is slow. Instead, a
// piecewise cubic passes close to the middle between two codes at each
// threshold, and is rounded; where it comes too close to such a middle, the
// thresholds decide.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_CURVE_H
#define ULQ_LOWERING_CURVE_H

#include "dialect/Ulq.h"
#include <array>

namespace ulq {

/// With u = scale * x + offset, kept between `low` and `high`, s the nearest
/// integer and z = u - s, the curve is the polynomial of segment s at z.
struct Curve {
  /// A table of words for each power.
  static constexpr int64_t kSegments = WordLookupOp::kWords, kPowers = 5;
  /// How far u may be from the exact one.
  static constexpr double kSlack = 0x1p-14;

  double scale, offset, low, high;
  int64_t maxCode; // the rounded curve is clamped to 0 .. maxCode
  /// [power of z][s mod kSegments]
  std::array<std::array<float, kSegments>, kPowers> coefficients;
  double slope; // the curve changes by at most this much per u
  /// Where the curve at an exact u, in f32 and clamped, is further than this
  /// from every middle between two codes, its nearest integer is the code.
  double error;
};

/// None where the thresholds are few, differ from channel to channel, or no
/// curve passes close enough.
std::optional<Curve> fitCurve(ThresholdStepAttr stairs);

} // namespace ulq

#endif // ULQ_LOWERING_CURVE_H
