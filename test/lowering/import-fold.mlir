// RUN: ulq-opt %s --ulq-import-fold --canonicalize | FileCheck %s

//===----------------------------------------------------------------------===//
// Clip
//===----------------------------------------------------------------------===//

// 4-bit codes in int8: the Clip is the quantizer's range, moved to 0 .. 15.
// CHECK-LABEL: @clip_between
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 15 : i64, min = 0 : i64, {{.*}} zeroPoint = array<f64: 8.000000e+00>} : (tensor<4xf32>) -> tensor<4xui4>
// CHECK-NEXT: %[[X:.*]] = ulq.dequantize %[[Q]] {scale = array<f64: 5.000000e-01>, zeroPoint = array<f64: 8.000000e+00>} : (tensor<4xui4>) -> tensor<4xf32>
// CHECK-NEXT: return %[[X]]
func.func @clip_between(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = -128, max = 127, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xsi8>
  %c = ulq.clamp %q {min = -8.0, max = 7.0} : (tensor<4xsi8>) -> tensor<4xsi8>
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<4xsi8>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// Bounds between codes admit the codes inside: 1 .. 6.
// CHECK-LABEL: @clip_at_fractions
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 5 : i64, min = 0 : i64, {{.*}} zeroPoint = array<f64: -1.000000e+00>} : (tensor<4xf32>) -> tensor<4xui3>
// CHECK-NEXT: ulq.dequantize %[[Q]] {{.*}} zeroPoint = array<f64: -1.000000e+00>
func.func @clip_at_fractions(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui8>
  %c = ulq.clamp %q {min = 0.5, max = 6.5} : (tensor<4xui8>) -> tensor<4xui8>
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<4xui8>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// CHECK-LABEL: @clip_constant
// CHECK: ulq.constant {value = dense<[-2, -1, 1, 1]> : tensor<4xi8>} : tensor<4xsi8>
func.func @clip_constant() -> tensor<4xf32> {
  %w = ulq.constant {value = dense<[-7, -1, 1, 5]> : tensor<4xi8>} : tensor<4xsi8>
  %c = ulq.clamp %w {min = -2.0, max = 1.0} : (tensor<4xsi8>) -> tensor<4xsi8>
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<4xsi8>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

//===----------------------------------------------------------------------===//
// Quantizers written as arithmetic
//===----------------------------------------------------------------------===//

// x / 0.25, round, clamp to -2 .. 1, times 0.25.
// CHECK-LABEL: @written_quantizer
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 3 : i64, min = 0 : i64, rounding = #ulq.rounding<half_even>, scale = array<f64: 2.500000e-01>, zeroPoint = array<f64: 2.000000e+00>} : (tensor<4xf32>) -> tensor<4xui2>
// CHECK-NEXT: %[[X:.*]] = ulq.dequantize %[[Q]] {scale = array<f64: 2.500000e-01>, zeroPoint = array<f64: 2.000000e+00>} : (tensor<4xui2>) -> tensor<4xf32>
// CHECK-NEXT: return %[[X]]
func.func @written_quantizer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = ulq.affine %x {scale = array<f64: 4.0>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.round %0 {rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = ulq.clamp %1 {min = -2.0, max = 1.0} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = ulq.affine %2 {scale = array<f64: 0.25>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// With integer bounds clamp and round commute.
// CHECK-LABEL: @written_clamp_first
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 1 : i64, min = 0 : i64, rounding = #ulq.rounding<floor>, {{.*}} -> tensor<4xui1>
// CHECK-NEXT: ulq.dequantize %[[Q]] {scale = array<f64: 1.000000e+00>
func.func @written_clamp_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = ulq.clamp %x {min = 0.0, max = 1.0} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.round %0 {rounding = #ulq.rounding<floor>} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Bounds before the scale, as DoReFa writes it: codes 0 .. 3 of x / (1 / 3).
// CHECK-LABEL: @written_scale_after_clamp
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 3 : i64, min = 0 : i64, {{.*}} scale = array<f64: 0.333333{{.*}}>, zeroPoint = array<f64: -0.000000e+00>} : (tensor<4xf32>) -> tensor<4xui2>
// CHECK-NEXT: ulq.dequantize %[[Q]] {scale = array<f64: 2.500000e-01>
func.func @written_scale_after_clamp(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = ulq.clamp %x {min = 0.0, max = 1.0} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.affine %0 {scale = array<f64: 3.0>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = ulq.round %1 {rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = ulq.affine %2 {scale = array<f64: 0.25>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// A scaled bound that is no integer is no code.
// CHECK-LABEL: @written_scale_between_codes
// CHECK-NOT: ulq.quantize
// CHECK: return
func.func @written_scale_between_codes(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = ulq.clamp %x {min = 0.0, max = 1.5} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.affine %0 {scale = array<f64: 3.0>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = ulq.round %1 {rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// Both bounds by operators of their own, the upper one last: -2 .. 1.
// CHECK-LABEL: @written_bounds_apart
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 3 : i64, min = 0 : i64, {{.*}} zeroPoint = array<f64: 2.000000e+00>} : (tensor<4xf32>) -> tensor<4xui2>
// CHECK-NEXT: ulq.dequantize %[[Q]]
func.func @written_bounds_apart(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = ulq.clamp %x {min = -2.0, max = 0x7FF0000000000000 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.clamp %0 {min = 0xFFF0000000000000 : f64, max = 1.0} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = ulq.round %1 {rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// 257 levels are no code of 8 bits, and 0.5 is no integer.
// CHECK-LABEL: @written_otherwise
// CHECK-NOT: ulq.quantize
// CHECK: return
func.func @written_otherwise(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = ulq.round %x {rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = ulq.clamp %0 {min = 0.0, max = 256.0} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = ulq.clamp %0 {min = 0.0, max = 3.5} : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

//===----------------------------------------------------------------------===//
// Unsigned codes from 0
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @signed_to_unsigned
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 255 : i64, min = 0 : i64, {{.*}} zeroPoint = array<f64: 1.310000e+02>} : (tensor<4xf32>) -> tensor<4xui8>
// CHECK-NEXT: ulq.dequantize %[[Q]] {{.*}} zeroPoint = array<f64: 1.310000e+02>
func.func @signed_to_unsigned(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>, min = -128, max = 127, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xsi8>
  %d = ulq.dequantize %q {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<4xsi8>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// The result of the model keeps its type.
// CHECK-LABEL: @signed_result
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 3 : i64, min = 0 : i64, {{.*}} -> tensor<4xui2>
// CHECK-NEXT: %[[R:.*]] = ulq.recode %[[Q]] {offset = -2 : i64} : (tensor<4xui2>) -> tensor<4xsi2>
// CHECK-NEXT: return %[[R]]
func.func @signed_result(%x: tensor<4xf32>) -> tensor<4xsi2> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = -2, max = 1, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xsi2>
  return %q : tensor<4xsi2>
}

// CHECK-LABEL: @signed_argument
// CHECK-NEXT: %[[R:.*]] = ulq.recode %arg0 {offset = 8 : i64} : (tensor<4xsi4>) -> tensor<4xui4>
// CHECK-NEXT: ulq.dequantize %[[R]] {scale = array<f64: 5.000000e-01>, zeroPoint = array<f64: 9.000000e+00>} : (tensor<4xui4>) -> tensor<4xf32>
func.func @signed_argument(%c: tensor<4xsi4>) -> tensor<4xf32> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<4xsi4>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// Half-even rounding after the zero point: round(v + 1) = round(v) + 1 is false
// at ties (v = 0.5: 2, not 1), so the shift by 3 becomes one by 4.
// CHECK-LABEL: @zero_point_first
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 8 : i64, min = 1 : i64, {{.*}} zeroPoint = array<f64: 5.000000e+00>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xui4>
// CHECK-NEXT: ulq.dequantize %[[Q]] {{.*}} zeroPoint = array<f64: 5.000000e+00>
func.func @zero_point_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>, min = -3, max = 4, rounding = #ulq.rounding<half_even>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xsi4>
  %d = ulq.dequantize %q {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<4xsi4>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// An even zero point commutes with half-even rounding.
// CHECK-LABEL: @zero_point_last
// CHECK: ulq.quantize
// CHECK-NOT: zeroPointFirst
// CHECK: return
func.func @zero_point_last(%x: tensor<4xf32>) -> tensor<4xui4> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 2.0>, min = 0, max = 15, rounding = #ulq.rounding<half_even>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xui4>
  return %q : tensor<4xui4>
}

// BipolarQuant has its codes from 0 already: nothing changes.
// CHECK-LABEL: @bipolar
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {max = 1 : i64, min = 0 : i64, rounding = #ulq.rounding<half_up>, scale = array<f64: 2.000000e+00>, zeroPoint = array<f64: 5.000000e-01>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xui1>
// CHECK-NEXT: ulq.dequantize %[[Q]] {scale = array<f64: 2.000000e+00>, zeroPoint = array<f64: 5.000000e-01>} : (tensor<4xui1>) -> tensor<4xf32>
func.func @bipolar(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = ulq.quantize %x {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>, min = 0, max = 1, rounding = #ulq.rounding<half_up>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xui1>
  %d = ulq.dequantize %q {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<4xui1>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

//===----------------------------------------------------------------------===//
// Requantization
//===----------------------------------------------------------------------===//

// The second quantizer has the grid of the first, 2 codes up; 17 is no code of
// 4 bits, but 5 bits hold it.
// CHECK-LABEL: @requantize_shift
// CHECK-NEXT: ulq.recode %arg0 {offset = 2 : i64} : (tensor<4xui4>) -> tensor<4xui5>
// CHECK-NEXT: return
func.func @requantize_shift(%c: tensor<4xui4>) -> tensor<4xui5> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<4xui4>) -> tensor<4xf32>
  %q = ulq.quantize %d {scale = array<f64: 0.5>, zeroPoint = array<f64: 5.0>, min = 0, max = 31, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui5>
  return %q : tensor<4xui5>
}

// CHECK-LABEL: @requantize_clips
// CHECK: ulq.quantize
func.func @requantize_clips(%c: tensor<4xui4>) -> tensor<4xui4> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<4xui4>) -> tensor<4xf32>
  %q = ulq.quantize %d {scale = array<f64: 0.5>, zeroPoint = array<f64: 5.0>, min = 0, max = 15, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui4>
  return %q : tensor<4xui4>
}

// CHECK-LABEL: @recode_twice
// CHECK-NEXT: ulq.recode %arg0 {offset = 3 : i64} : (tensor<4xui2>) -> tensor<4xui4>
// CHECK-NEXT: return
func.func @recode_twice(%c: tensor<4xui2>) -> tensor<4xui4> {
  %a = ulq.recode %c {offset = -2} : (tensor<4xui2>) -> tensor<4xsi2>
  %b = ulq.recode %a {offset = 5} : (tensor<4xsi2>) -> tensor<4xui4>
  return %b : tensor<4xui4>
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

// The axis of the scales moves with its dimension: 0 becomes 1.
// CHECK-LABEL: @transpose_codes
// CHECK-NEXT: %[[T:.*]] = ulq.transpose %arg0 {perm = array<i64: 1, 0>} : (tensor<2x3xui4>) -> tensor<3x2xui4>
// CHECK-NEXT: ulq.dequantize %[[T]] {axis = 1 : i64, scale = array<f64: 5.000000e-01, 2.500000e-01>, zeroPoint = array<f64: 0.000000e+00>}
func.func @transpose_codes(%c: tensor<2x3xui4>) -> tensor<3x2xf32> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 0} : (tensor<2x3xui4>) -> tensor<2x3xf32>
  %t = ulq.transpose %d {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %t : tensor<3x2xf32>
}

// CHECK-LABEL: @transpose_constant
// CHECK-NEXT: %[[W:.*]] = ulq.constant {value = dense<{{\[\[}}0, 2], [1, 3]]> : tensor<2x2xi8>} : tensor<2x2xui2>
// CHECK-NEXT: ulq.dequantize %[[W]]
func.func @transpose_constant() -> tensor<2x2xf32> {
  %w = ulq.constant {value = dense<[[0, 1], [2, 3]]> : tensor<2x2xi8>} : tensor<2x2xui2>
  %d = ulq.dequantize %w {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<2x2xui2>) -> tensor<2x2xf32>
  %t = ulq.transpose %d {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %t : tensor<2x2xf32>
}

// CHECK-LABEL: @reshape_codes
// CHECK-NEXT: %[[R:.*]] = ulq.reshape %arg0 : (tensor<2x3x4xui4>) -> tensor<2x12xui4>
// CHECK-NEXT: ulq.dequantize %[[R]]
func.func @reshape_codes(%c: tensor<2x3x4xui4>) -> tensor<2x12xf32> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 0} : (tensor<2x3x4xui4>) -> tensor<2x3x4xf32>
  %r = ulq.reshape %d : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  return %r : tensor<2x12xf32>
}

// Axis 1 with its scales is gone from the result.
// CHECK-LABEL: @reshape_mixes_channels
// CHECK: ulq.dequantize %arg0
// CHECK: ulq.reshape
func.func @reshape_mixes_channels(%c: tensor<2x2x4xui4>) -> tensor<2x8xf32> {
  %d = ulq.dequantize %c {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 1} : (tensor<2x2x4xui4>) -> tensor<2x2x4xf32>
  %r = ulq.reshape %d : (tensor<2x2x4xf32>) -> tensor<2x8xf32>
  return %r : tensor<2x8xf32>
}

// CHECK-LABEL: @movement_before_recode
// CHECK-NEXT: %[[T:.*]] = ulq.transpose %arg0 {{.*}} -> tensor<3x2xsi4>
// CHECK-NEXT: %[[R:.*]] = ulq.recode %[[T]] {offset = 8 : i64} : (tensor<3x2xsi4>) -> tensor<3x2xui4>
// CHECK-NEXT: ulq.dequantize %[[R]]
func.func @movement_before_recode(%c: tensor<2x3xsi4>) -> tensor<3x2xf32> {
  %r = ulq.recode %c {offset = 8} : (tensor<2x3xsi4>) -> tensor<2x3xui4>
  %t = ulq.transpose %r {perm = array<i64: 1, 0>} : (tensor<2x3xui4>) -> tensor<3x2xui4>
  %d = ulq.dequantize %t {scale = array<f64: 0.5>, zeroPoint = array<f64: 8.0>} : (tensor<3x2xui4>) -> tensor<3x2xf32>
  return %d : tensor<3x2xf32>
}

// CHECK-LABEL: @concat_codes
// CHECK-NEXT: %[[C:.*]] = ulq.concat %arg0, %arg1 {axis = 1 : i64} : (tensor<1x2xui4>, tensor<1x3xui4>) -> tensor<1x5xui4>
// CHECK-NEXT: ulq.dequantize %[[C]]
func.func @concat_codes(%a: tensor<1x2xui4>, %b: tensor<1x3xui4>) -> tensor<1x5xf32> {
  %c = ulq.dequantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2xui4>) -> tensor<1x2xf32>
  %d = ulq.dequantize %b {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x3xui4>) -> tensor<1x3xf32>
  %r = ulq.concat %c, %d {axis = 1} : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
  return %r : tensor<1x5xf32>
}

// Of one grid, but of two widths.
// CHECK-LABEL: @concat_of_widths
// CHECK-NEXT: %[[W:.*]] = ulq.recode %arg0 {offset = 0 : i64} : (tensor<1x2xui2>) -> tensor<1x2xui4>
// CHECK-NEXT: ulq.concat %[[W]], %arg1
func.func @concat_of_widths(%a: tensor<1x2xui2>, %b: tensor<1x3xui4>) -> tensor<1x5xf32> {
  %c = ulq.dequantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2xui2>) -> tensor<1x2xf32>
  %d = ulq.dequantize %b {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x3xui4>) -> tensor<1x3xf32>
  %r = ulq.concat %c, %d {axis = 1} : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
  return %r : tensor<1x5xf32>
}

// CHECK-LABEL: @concat_of_two_grids
// CHECK: ulq.concat {{.*}} -> tensor<1x5xf32>
func.func @concat_of_two_grids(%a: tensor<1x2xui4>, %b: tensor<1x3xui4>) -> tensor<1x5xf32> {
  %c = ulq.dequantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2xui4>) -> tensor<1x2xf32>
  %d = ulq.dequantize %b {scale = array<f64: 0.5>, zeroPoint = array<f64: 2.0>} : (tensor<1x3xui4>) -> tensor<1x3xf32>
  %r = ulq.concat %c, %d {axis = 1} : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
  return %r : tensor<1x5xf32>
}

//===----------------------------------------------------------------------===//
// Operands of products
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @pad_into_conv
// CHECK-NEXT: ulq.conv2d %arg0, %arg1 {{.*}} pads = array<i64: 1, 3, 2, 0>
func.func @pad_into_conv(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x7x7xf32> {
  %p = ulq.pad %x {low = array<i64: 0, 0, 1, 2>, high = array<i64: 0, 0, 2, 0>, value = 0.0} : (tensor<1x1x4x4xf32>) -> tensor<1x1x7x6xf32>
  %r = ulq.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x7x6xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x7x7xf32>
  return %r : tensor<1x1x7x7xf32>
}

// CHECK-LABEL: @pad_with_another_value
// CHECK: ulq.pad
func.func @pad_with_another_value(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x6x6xf32> {
  %p = ulq.pad %x {low = array<i64: 0, 0, 1, 1>, high = array<i64: 0, 0, 1, 1>, value = 1.0} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %r = ulq.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x6x6xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x6x6xf32>
  return %r : tensor<1x1x6x6xf32>
}

// A padded convolution needs a code for zero: {-1, 1} become {0, 2} around 1,
// behind a pool, too. Without padding they stay.
// CHECK-LABEL: @bipolar_pads
// CHECK: %[[T:.*]] = ulq.threshold %arg0 {count = 2 : i64, values = array<f64: 0.000000e+00, 0.000000e+00>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xui2>
// CHECK: ulq.dequantize %[[T]] {scale = array<f64: 5.000000e-01>, zeroPoint = array<f64: 1.000000e+00>}
// CHECK: ulq.threshold %arg0 {count = 1 : i64
func.func @bipolar_pads(%x: tensor<1x2x4x4xf32>, %w: tensor<2x2x3x3xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x2x2xf32>) {
  %t = ulq.threshold %x {values = array<f64: 0.0>, count = 1 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xui1>
  %d = ulq.dequantize %t {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.5>} : (tensor<1x2x4x4xui1>) -> tensor<1x2x4x4xf32>
  %p = ulq.max_pool %d {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %a = ulq.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x4x4xf32>
  %u = ulq.threshold %x {values = array<f64: 1.0>, count = 1 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xui1>
  %e = ulq.dequantize %u {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.5>} : (tensor<1x2x4x4xui1>) -> tensor<1x2x4x4xf32>
  %b = ulq.conv2d %e, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x2x2xf32>
  return %a, %b : tensor<1x2x4x4xf32>, tensor<1x2x2x2xf32>
}

//===----------------------------------------------------------------------===//
// Quantizers before pools and concats
//===----------------------------------------------------------------------===//

// What never falls moves in front of the pool of a product.
// CHECK-LABEL: @quantizer_after_pool
// CHECK: %[[C:.*]] = ulq.conv2d
// CHECK: %[[A:.*]] = ulq.affine %[[C]] {{.*}} -> tensor<1x1x4x4xf32>
// CHECK: %[[Q:.*]] = ulq.quantize %[[A]] {{.*}} -> tensor<1x1x4x4xui2>
// CHECK: %[[X:.*]] = ulq.dequantize %[[Q]]
// CHECK: %[[P:.*]] = ulq.max_pool %[[X]]
// CHECK: return %[[P]]
func.func @quantizer_after_pool(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32> {
  %c = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %p = ulq.max_pool %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  %a = ulq.affine %p {scale = array<f64: 2.0>, offset = array<f64: 1.0>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xui2>
  %d = ulq.dequantize %q {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x1x2x2xui2>) -> tensor<1x1x2x2xf32>
  return %d : tensor<1x1x2x2xf32>
}

// A negative factor would exchange largest and smallest.
// CHECK-LABEL: @falling_after_pool
// CHECK: ulq.conv2d
// CHECK-NEXT: ulq.max_pool
// CHECK-NEXT: ulq.affine
func.func @falling_after_pool(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32> {
  %c = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %p = ulq.max_pool %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  %a = ulq.affine %p {scale = array<f64: -2.0>, offset = array<f64: 1.0>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xui2>
  %d = ulq.dequantize %q {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x1x2x2xui2>) -> tensor<1x1x2x2xf32>
  return %d : tensor<1x1x2x2xf32>
}

// Each part gets its channels of the constants, and codes are joined.
// CHECK-LABEL: @quantizer_after_concat
// CHECK-DAG: %[[A:.*]] = ulq.affine %arg0 {offset = array<f64: 0.000000e+00>, scale = array<f64: 2.000000e+00>}
// CHECK-DAG: %[[B:.*]] = ulq.affine %arg1 {offset = array<f64: 0.000000e+00>, scale = array<f64: -3.000000e+00, 5.000000e+00>}
// CHECK-DAG: %[[P:.*]] = ulq.quantize %[[A]]
// CHECK-DAG: %[[Q:.*]] = ulq.quantize %[[B]]
// CHECK: %[[C:.*]] = ulq.concat %[[P]], %[[Q]] {axis = 1 : i64} : (tensor<1x1x2x2xui2>, tensor<1x2x2x2xui2>)
// CHECK: %[[X:.*]] = ulq.dequantize %[[C]]
// CHECK: return %[[X]]
func.func @quantizer_after_concat(%x: tensor<1x1x2x2xf32>, %y: tensor<1x2x2x2xf32>) -> tensor<1x3x2x2xf32> {
  %c = ulq.concat %x, %y {axis = 1} : (tensor<1x1x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x3x2x2xf32>
  %a = ulq.affine %c {scale = array<f64: 2.0, -3.0, 5.0>, offset = array<f64: 0.0>, axis = 1} : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xui2>
  %d = ulq.dequantize %q {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x3x2x2xui2>) -> tensor<1x3x2x2xf32>
  return %d : tensor<1x3x2x2xf32>
}

// 3-bit codes in bytes are joined before they are widened.
// CHECK-LABEL: @concat_recoded
// CHECK: %[[C:.*]] = ulq.concat %arg0, %arg1 {{.*}} -> tensor<1x5xui3>
// CHECK: ulq.recode %[[C]] {offset = -4 : i64} : (tensor<1x5xui3>) -> tensor<1x5xsi8>
func.func @concat_recoded(%x: tensor<1x2xui3>, %y: tensor<1x3xui3>) -> tensor<1x5xsi8> {
  %a = ulq.recode %x {offset = -4} : (tensor<1x2xui3>) -> tensor<1x2xsi8>
  %b = ulq.recode %y {offset = -4} : (tensor<1x3xui3>) -> tensor<1x3xsi8>
  %c = ulq.concat %a, %b {axis = 1} : (tensor<1x2xsi8>, tensor<1x3xsi8>) -> tensor<1x5xsi8>
  return %c : tensor<1x5xsi8>
}

//===----------------------------------------------------------------------===//
// Lookups
//===----------------------------------------------------------------------===//

// Only the codes that the recode yields are looked up, before they move.
// CHECK-LABEL: @lookup_recoded
// CHECK-NEXT: %[[L:.*]] = ulq.lookup %arg0 {table = array<i64: 2, 0>} : (tensor<2x3xui1>) -> tensor<2x3xui2>
// CHECK-NEXT: %[[T:.*]] = ulq.transpose %[[L]] {{.*}} -> tensor<3x2xui2>
// CHECK-NEXT: return %[[T]]
func.func @lookup_recoded(%x: tensor<2x3xui1>) -> tensor<3x2xui2> {
  %r = ulq.recode %x {offset = 1} : (tensor<2x3xui1>) -> tensor<2x3xui2>
  %t = ulq.transpose %r {perm = array<i64: 1, 0>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
  %l = ulq.lookup %t {table = array<i64: 1, 2, 0, 3>} : (tensor<3x2xui2>) -> tensor<3x2xui2>
  return %l : tensor<3x2xui2>
}

// A part of codes is codes; scales along a whole dimension stay.
// CHECK-LABEL: @slice_codes
// CHECK-NEXT: %[[S:.*]] = ulq.slice %arg0 {{.*}} : (tensor<4x2xui2>) -> tensor<3x2xui2>
// CHECK-NEXT: %[[X:.*]] = ulq.dequantize %[[S]] {axis = 1 : i64, scale = array<f64: 5.000000e-01, 2.500000e-01>
// CHECK-NEXT: return %[[X]]
func.func @slice_codes(%x: tensor<4x2xui2>) -> tensor<3x2xf32> {
  %d = ulq.dequantize %x {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 1} : (tensor<4x2xui2>) -> tensor<4x2xf32>
  %s = ulq.slice %d {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<4x2xf32>) -> tensor<3x2xf32>
  return %s : tensor<3x2xf32>
}
