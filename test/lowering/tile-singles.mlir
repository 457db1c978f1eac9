// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --ulq-pack-weights --ulq-tile | FileCheck %s

// Epilogues of --ulq-tile in f32, where that is proved to yield the same codes,
// or says which values are in doubt.

#point = #ulq.geometry<input = [1, 4, 4, 8], output = [1, 4, 4, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Thresholds 3, 6, .., 21 of an accumulator of 0 to 24 lie on a line, those of
// the other channel on a falling one.
// CHECK-LABEL: func.func @ulq_avx2_0_line
// CHECK: ulq.epilogue_tile
// CHECK-SAME: singles, steps = [#ulq.lane<kind = mul, slot = {{.*}}>, #ulq.lane<kind = add, slot = {{.*}}>, #ulq.lane<kind = max, value = 0.000000e+00 : f64, index = 1>, #ulq.lane<kind = min, value = 7.000000e+00 : f64>, #ulq.lane<kind = round>, #ulq.lane<kind = store_code>]

// No line passes between 3, 4 and 5 and between 20, 21 and 22: integers.
// CHECK-LABEL: func.func @ulq_avx2_1_bent
// CHECK: ulq.epilogue_tile
// CHECK-SAME: levels = 7 : i64
// CHECK-NOT: singles
// CHECK-SAME: steps = []

// A sum with codes of 2 bits.
// CHECK-LABEL: func.func @ulq_avx2_2_residual
// CHECK: ulq.epilogue_tile
// CHECK-SAME: singles

// With codes of 8 bits a proof is not tried.
// CHECK-LABEL: func.func @ulq_avx2_3_wide
// CHECK: ulq.epilogue_tile
// CHECK-SAME: exactSteps = [#ulq.lane<kind = mul
// CHECK-SAME: singles
// CHECK-SAME: #ulq.lane<kind = round, value = {{[0-9.]+}}E-5 : f64>

// The middle between two codes moves by less than f32 tells.
// CHECK-LABEL: func.func @ulq_avx2_4_close
// CHECK: ulq.epilogue_tile
// CHECK-SAME: exactSteps = [#ulq.lane<kind = mul
// CHECK-SAME: #ulq.lane<kind = round, value = {{[0-9.]+}}E-5 : f64>

// Powers of two are exact: what is added does not leave the 24 bits of f32.
// CHECK-LABEL: func.func @ulq_avx2_5_fixed
// CHECK: ulq.epilogue_tile
// CHECK-SAME: singles{{.*}} #ulq.lane<kind = round>
// Many thresholds are a curve, whose doubt they settle.
// CHECK-LABEL: func.func @ulq_avx2_6_curve
// CHECK: ulq.epilogue_tile
// CHECK-SAME: exactSteps = [#ulq.lane<kind = mul{{.*}} #ulq.lane<kind = count, slot = {{[0-9]+}}, index = 15, shared = true>, #ulq.lane<kind = store_code>]
// CHECK-SAME: singles
// CHECK-SAME: #ulq.lane<kind = max, value = -1.650000e+01 : f64, index = 1>, #ulq.lane<kind = min, value = {{[0-9.Ee+]+}} : f64>, #ulq.lane<kind = curve, slot = {{[0-9]+}}>, #ulq.lane<kind = max, value = 0.000000e+00 : f64, index = 1>, #ulq.lane<kind = min, value = 1.500000e+01 : f64>, #ulq.lane<kind = round, value = {{[0-9.]+E-[56]}} : f64>
func.func @layers(%x: tensor<1x4x4x8xui2>, %r: tensor<1x4x4x2xui2>, %s: tensor<1x4x4x2xui8>, %s8: tensor<1x4x4x8xui8>) -> (tensor<1x4x4x2xui3>, tensor<1x4x4x2xui3>, tensor<1x4x4x2xui2>, tensor<1x4x4x2xui2>, tensor<1x4x4x2xui8>, tensor<1x4x4x2xui8>, tensor<1x4x4x2xui4>) {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x8xi8>} : tensor<2x1x1x8xsi2>
  %line = ulq.layer %x, %w {geometry = #point, thresholds = dense<[[3, 6, 9, 12, 15, 18, 21], [21, 18, 15, 12, 9, 6, 3]]> : tensor<2x7xi32>, descending = array<i1: false, true>} : (tensor<1x4x4x8xui2>, tensor<2x1x1x8xsi2>) -> tensor<1x4x4x2xui3> loc("line")
  %bent = ulq.layer %x, %w {geometry = #point, thresholds = dense<[[3, 4, 5, 12, 20, 21, 22], [3, 4, 5, 12, 20, 21, 22]]> : tensor<2x7xi32>, descending = array<i1: false, false>} : (tensor<1x4x4x8xui2>, tensor<2x1x1x8xsi2>) -> tensor<1x4x4x2xui3> loc("bent")
  %residual = ulq.layer %x, %w add %r {geometry = #point, epilogue = [#ulq.affine<scale = [0.21, 0.37], offset = [0.11, -0.7]>, #ulq.add<operand = 0, scale = 0.33 : f64, offset = 0.0 : f64>, #ulq.quantize<scale = [0.91], zeroPoint = [0.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x8xui2>, tensor<2x1x1x8xsi2>, tensor<1x4x4x2xui2>) -> tensor<1x4x4x2xui2> loc("residual")
  %wide = ulq.layer %x, %w add %s {geometry = #point, epilogue = [#ulq.affine<scale = [0.21, 0.37], offset = [0.11, -0.7]>, #ulq.add<operand = 0, scale = 0.33 : f64, offset = 0.0 : f64>, #ulq.quantize<scale = [0.91], zeroPoint = [0.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x8xui2>, tensor<2x1x1x8xsi2>, tensor<1x4x4x2xui8>) -> tensor<1x4x4x2xui2> loc("wide")
  %v = ulq.constant {value = dense<1> : tensor<2x1x1x8xi8>} : tensor<2x1x1x8xsi8>
  %close = ulq.layer %s8, %v {geometry = #point, epilogue = [#ulq.affine<scale = [0.0078125001164153218, 0.0078124998835846782], offset = [100.0, 100.0]>, #ulq.quantize<scale = [1.0], zeroPoint = [0.0], min = 0, max = 255, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x8xui8>, tensor<2x1x1x8xsi8>) -> tensor<1x4x4x2xui8> loc("close")
  %fixed = ulq.layer %s8, %v add %s {geometry = #point, epilogue = [#ulq.affine<scale = [0.0078125, 0.00390625], offset = [0.75, 0.5]>, #ulq.add<operand = 0, scale = 0.125 : f64, offset = 0.0 : f64>, #ulq.quantize<scale = [1.0], zeroPoint = [0.0], min = 0, max = 255, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x8xui8>, tensor<2x1x1x8xsi8>, tensor<1x4x4x2xui8>) -> tensor<1x4x4x2xui8> loc("fixed")
  %curve = ulq.layer %s8, %v {geometry = #point, epilogue = [#ulq.affine<scale = [0.0023, -0.0017], offset = [-2.0, 2.5]>, #ulq.threshold<values = [-3.433987, -2.268684, -1.686399, -1.272966, -0.93827, -0.646627, -0.37949, -0.125163, 0.125163, 0.37949, 0.646627, 0.93827, 1.272966, 1.686399, 2.268684], count = 15>]} : (tensor<1x4x4x8xui8>, tensor<2x1x1x8xsi8>) -> tensor<1x4x4x2xui4> loc("curve")
  return %line, %bent, %residual, %wide, %close, %fixed, %curve : tensor<1x4x4x2xui3>, tensor<1x4x4x2xui3>, tensor<1x4x4x2xui2>, tensor<1x4x4x2xui2>, tensor<1x4x4x2xui8>, tensor<1x4x4x2xui8>, tensor<1x4x4x2xui4>
}
