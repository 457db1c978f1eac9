// RUN: ulq-opt %s --canonicalize | FileCheck %s

//===----------------------------------------------------------------------===//
// quantize
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @quantize_same_grid
// CHECK-SAME: %[[C:.*]]: tensor<4xsi4>
// CHECK-NEXT: return %[[C]]
func.func @quantize_same_grid(%c: tensor<4xsi4>) -> tensor<4xsi4> {
  %x = ulq.dequantize %c {scale = array<f64: 0.1>, zeroPoint = array<f64: 3.0>} : (tensor<4xsi4>) -> tensor<4xf32>
  %q = ulq.quantize %x {scale = array<f64: 0.1>, zeroPoint = array<f64: 3.0>, min = -8, max = 7, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xsi4>
  return %q : tensor<4xsi4>
}

// 15 becomes 14.
// CHECK-LABEL: @quantize_keeps_clip
// CHECK: ulq.quantize
func.func @quantize_keeps_clip(%c: tensor<4xui4>) -> tensor<4xui4> {
  %x = ulq.dequantize %c {scale = array<f64: 0.1>, zeroPoint = array<f64: 0.0>} : (tensor<4xui4>) -> tensor<4xf32>
  %q = ulq.quantize %x {scale = array<f64: 0.1>, zeroPoint = array<f64: 0.0>, min = 0, max = 14, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui4>
  return %q : tensor<4xui4>
}

// CHECK-LABEL: @quantize_keeps_other_scale
// CHECK: ulq.quantize
func.func @quantize_keeps_other_scale(%c: tensor<4xui4>) -> tensor<4xui4> {
  %x = ulq.dequantize %c {scale = array<f64: 0.1>, zeroPoint = array<f64: 0.0>} : (tensor<4xui4>) -> tensor<4xf32>
  %q = ulq.quantize %x {scale = array<f64: 0.2>, zeroPoint = array<f64: 0.0>, min = 0, max = 15, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui4>
  return %q : tensor<4xui4>
}

// (0 - 0.5) + 0.5 rounds before the zero point: round(-0.5) + 0.5 = 0.5.
// CHECK-LABEL: @quantize_keeps_fraction
// CHECK: ulq.quantize
func.func @quantize_keeps_fraction(%c: tensor<4xui1>) -> tensor<4xui1> {
  %x = ulq.dequantize %c {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<4xui1>) -> tensor<4xf32>
  %q = ulq.quantize %x {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>, min = 0, max = 1, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui1>
  return %q : tensor<4xui1>
}

// Equal zero points along different axes are different grids.
// CHECK-LABEL: @quantize_keeps_other_axis
// CHECK: ulq.quantize
func.func @quantize_keeps_other_axis(%c: tensor<2x2xui4>) -> tensor<2x2xui4> {
  %x = ulq.dequantize %c {scale = array<f64: 1.0>, zeroPoint = array<f64: 1.0, 2.0>, axis = 0} : (tensor<2x2xui4>) -> tensor<2x2xf32>
  %q = ulq.quantize %x {scale = array<f64: 1.0>, zeroPoint = array<f64: 1.0, 2.0>, axis = 1, min = 0, max = 15, rounding = #ulq.rounding<half_even>} : (tensor<2x2xf32>) -> tensor<2x2xui4>
  return %q : tensor<2x2xui4>
}

//===----------------------------------------------------------------------===//
// recode
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @recode_by_nothing
// CHECK-SAME: %[[C:.*]]: tensor<4xui8>
// CHECK-NEXT: return %[[C]]
func.func @recode_by_nothing(%c: tensor<4xui8>) -> tensor<4xui8> {
  %r = ulq.recode %c {offset = 0} : (tensor<4xui8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// CHECK-LABEL: @recode_keeps_type_change
// CHECK: ulq.recode
func.func @recode_keeps_type_change(%c: tensor<4xui2>) -> tensor<4xui8> {
  %r = ulq.recode %c {offset = 0} : (tensor<4xui2>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// CHECK-LABEL: @recode_there_and_back
// CHECK-SAME: %[[C:.*]]: tensor<4xui8>
// CHECK-NEXT: return %[[C]]
func.func @recode_there_and_back(%c: tensor<4xui8>) -> tensor<4xui8> {
  %s = ulq.recode %c {offset = -128} : (tensor<4xui8>) -> tensor<4xsi8>
  %r = ulq.recode %s {offset = 128} : (tensor<4xsi8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

//===----------------------------------------------------------------------===//
// reshape
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @reshape_to_itself
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]]
func.func @reshape_to_itself(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = ulq.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// CHECK-LABEL: @reshape_twice
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>
// CHECK-NEXT: %[[R:.*]] = ulq.reshape %[[X]] : (tensor<2x6xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @reshape_twice(%x: tensor<2x6xf32>) -> tensor<3x4xf32> {
  %a = ulq.reshape %x : (tensor<2x6xf32>) -> tensor<12xf32>
  %r = ulq.reshape %a : (tensor<12xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}

// CHECK-LABEL: @reshape_there_and_back
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>
// CHECK-NEXT: return %[[X]]
func.func @reshape_there_and_back(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %a = ulq.reshape %x : (tensor<2x6xf32>) -> tensor<12xf32>
  %r = ulq.reshape %a : (tensor<12xf32>) -> tensor<2x6xf32>
  return %r : tensor<2x6xf32>
}

// The attribute stays in bytes, the result in codes.
// CHECK-LABEL: @reshape_constant
// CHECK-NEXT: %[[R:.*]] = ulq.constant {value = dense<{{\[\[}}0, 1], [2, 3]]> : tensor<2x2xi8>} : tensor<2x2xui2>
// CHECK-NEXT: return %[[R]]
func.func @reshape_constant() -> tensor<2x2xui2> {
  %c = ulq.constant {value = dense<[0, 1, 2, 3]> : tensor<4xi8>} : tensor<4xui2>
  %r = ulq.reshape %c : (tensor<4xui2>) -> tensor<2x2xui2>
  return %r : tensor<2x2xui2>
}

//===----------------------------------------------------------------------===//
// transpose
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @transpose_by_identity
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]]
func.func @transpose_by_identity(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = ulq.transpose %x {perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// Extents 2, 3, 4 become 3, 4, 2 and then 4, 2, 3.
// CHECK-LABEL: @transpose_twice
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: %[[R:.*]] = ulq.transpose %[[X]] {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @transpose_twice(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %a = ulq.transpose %x {perm = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %r = ulq.transpose %a {perm = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %r : tensor<4x2x3xf32>
}

// CHECK-LABEL: @transpose_there_and_back
// CHECK-SAME: %[[X:.*]]: tensor<1x2x3x4xui2>
// CHECK-NEXT: return %[[X]]
func.func @transpose_there_and_back(%x: tensor<1x2x3x4xui2>) -> tensor<1x2x3x4xui2> {
  %a = ulq.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x4xui2>) -> tensor<1x3x4x2xui2>
  %r = ulq.transpose %a {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x4x2xui2>) -> tensor<1x2x3x4xui2>
  return %r : tensor<1x2x3x4xui2>
}

// One function for each type that holds constants.
// CHECK-LABEL: @transpose_constant_i8
// CHECK-NEXT: ulq.constant {value = dense<{{\[\[}}0, -2], [1, -1], [1, 0]]> : tensor<3x2xi8>} : tensor<3x2xsi2>
// CHECK-NEXT: return
func.func @transpose_constant_i8() -> tensor<3x2xsi2> {
  %c = ulq.constant {value = dense<[[0, 1, 1], [-2, -1, 0]]> : tensor<2x3xi8>} : tensor<2x3xsi2>
  %r = ulq.transpose %c {perm = array<i64: 1, 0>} : (tensor<2x3xsi2>) -> tensor<3x2xsi2>
  return %r : tensor<3x2xsi2>
}

// CHECK-LABEL: @transpose_constant_i16
// CHECK-NEXT: ulq.constant {value = dense<{{\[\[}}1, 300], [2, 400]]> : tensor<2x2xi16>} : tensor<2x2xi16>
// CHECK-NEXT: return
func.func @transpose_constant_i16() -> tensor<2x2xi16> {
  %c = ulq.constant {value = dense<[[1, 2], [300, 400]]> : tensor<2x2xi16>} : tensor<2x2xi16>
  %r = ulq.transpose %c {perm = array<i64: 1, 0>} : (tensor<2x2xi16>) -> tensor<2x2xi16>
  return %r : tensor<2x2xi16>
}

// CHECK-LABEL: @transpose_constant_i32
// CHECK-NEXT: ulq.constant {value = dense<{{\[\[\[}}1, 3], [2, 4]]]> : tensor<1x2x2xi32>} : tensor<1x2x2xi32>
// CHECK-NEXT: return
func.func @transpose_constant_i32() -> tensor<1x2x2xi32> {
  %c = ulq.constant {value = dense<[[[1, 2], [3, 4]]]> : tensor<1x2x2xi32>} : tensor<1x2x2xi32>
  %r = ulq.transpose %c {perm = array<i64: 0, 2, 1>} : (tensor<1x2x2xi32>) -> tensor<1x2x2xi32>
  return %r : tensor<1x2x2xi32>
}

// Image 0 holds 1 to 4, image 1 holds 5 to 8; [i, j, k] comes from [j, k, i].
// CHECK-LABEL: @transpose_constant_f32
// CHECK-NEXT: ulq.constant {value = dense<{{\[\[\[}}1.000000e+00, 3.000000e+00], [5.000000e+00, 7.000000e+00]],
// CHECK-SAME: {{\[\[}}2.000000e+00, 4.000000e+00], [6.000000e+00, 8.000000e+00]]]> : tensor<2x2x2xf32>}
// CHECK-NEXT: return
func.func @transpose_constant_f32() -> tensor<2x2x2xf32> {
  %c = ulq.constant {value = dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>} : tensor<2x2x2xf32>
  %r = ulq.transpose %c {perm = array<i64: 2, 0, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  return %r : tensor<2x2x2xf32>
}

// CHECK-LABEL: @transpose_splat
// CHECK-NEXT: ulq.constant {value = dense<1> : tensor<3x2xi8>} : tensor<3x2xui2>
// CHECK-NEXT: return
func.func @transpose_splat() -> tensor<3x2xui2> {
  %c = ulq.constant {value = dense<1> : tensor<2x3xi8>} : tensor<2x3xui2>
  %r = ulq.transpose %c {perm = array<i64: 1, 0>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
  return %r : tensor<3x2xui2>
}

//===----------------------------------------------------------------------===//
// pack, unpack, to_bytes, from_bytes
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @unpack_packed
// CHECK-SAME: %[[X:.*]]: tensor<2x3xui2>
// CHECK-NEXT: return %[[X]]
func.func @unpack_packed(%x: tensor<2x3xui2>) -> tensor<2x3xui2> {
  %p = ulq.pack %x : (tensor<2x3xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 8>>
  %r = ulq.unpack %p : (!ulq.packed<[2, 3] x ui2, <bits = 8>>) -> tensor<2x3xui2>
  return %r : tensor<2x3xui2>
}

// CHECK-LABEL: @pack_unpacked
// CHECK-SAME: %[[X:.*]]: !ulq.packed<[2, 3] x ui2, <bits = 2>>
// CHECK-NEXT: return %[[X]]
func.func @pack_unpacked(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>> {
  %u = ulq.unpack %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui2>
  %r = ulq.pack %u : (tensor<2x3xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return %r : !ulq.packed<[2, 3] x ui2, <bits = 2>>
}

// CHECK-LABEL: @pack_keeps_other_layout
// CHECK: ulq.unpack
// CHECK: ulq.pack
func.func @pack_keeps_other_layout(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[2, 3] x ui2, <bits = 8>> {
  %u = ulq.unpack %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui2>
  %r = ulq.pack %u : (tensor<2x3xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 8>>
  return %r : !ulq.packed<[2, 3] x ui2, <bits = 8>>
}

// Rows keep their bytes, also with filling bits behind them.
// CHECK-LABEL: @pack_of_reshaped_rows
// CHECK-NEXT: %[[B:.*]] = ulq.to_bytes %{{.*}} -> tensor<2xi8>
// CHECK-NEXT: %[[P:.*]] = ulq.from_bytes %[[B]] : (tensor<2xi8>) -> !ulq.packed<[1, 2, 3] x ui2, <bits = 2>>
// CHECK-NEXT: return %[[P]]
func.func @pack_of_reshaped_rows(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[1, 2, 3] x ui2, <bits = 2>> {
  %u = ulq.unpack %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui2>
  %s = ulq.reshape %u : (tensor<2x3xui2>) -> tensor<1x2x3xui2>
  %r = ulq.pack %s : (tensor<1x2x3xui2>) -> !ulq.packed<[1, 2, 3] x ui2, <bits = 2>>
  return %r : !ulq.packed<[1, 2, 3] x ui2, <bits = 2>>
}

// CHECK-LABEL: @pack_of_reshaped_bytes
// CHECK-NEXT: %[[B:.*]] = ulq.to_bytes %{{.*}} -> tensor<4xi8>
// CHECK-NEXT: ulq.from_bytes %[[B]] : (tensor<4xi8>) -> !ulq.packed<[16] x ui2, <bits = 2>>
func.func @pack_of_reshaped_bytes(%x: !ulq.packed<[2, 8] x ui2, <bits = 2>>) -> !ulq.packed<[16] x ui2, <bits = 2>> {
  %u = ulq.unpack %x : (!ulq.packed<[2, 8] x ui2, <bits = 2>>) -> tensor<2x8xui2>
  %s = ulq.reshape %u : (tensor<2x8xui2>) -> tensor<16xui2>
  %r = ulq.pack %s : (tensor<16xui2>) -> !ulq.packed<[16] x ui2, <bits = 2>>
  return %r : !ulq.packed<[16] x ui2, <bits = 2>>
}

// Filling bits would move, or come to be; other widths are another layout.
// CHECK-LABEL: @pack_of_reshaped_filling
// CHECK: ulq.reshape
// CHECK-NEXT: ulq.pack
// CHECK: ulq.reshape
// CHECK-NEXT: ulq.pack
// CHECK: ulq.reshape
// CHECK-NEXT: ulq.pack
func.func @pack_of_reshaped_filling(%x: !ulq.packed<[2, 10] x ui2, <bits = 2>>, %y: !ulq.packed<[5, 4] x ui1, <bits = 1>>, %z: !ulq.packed<[4] x ui2, <bits = 2>>) -> (!ulq.packed<[5, 4] x ui2, <bits = 2>>, !ulq.packed<[2, 10] x ui1, <bits = 1>>, !ulq.packed<[2, 2] x ui2, <bits = 4>>) {
  %u = ulq.unpack %x : (!ulq.packed<[2, 10] x ui2, <bits = 2>>) -> tensor<2x10xui2>
  %s = ulq.reshape %u : (tensor<2x10xui2>) -> tensor<5x4xui2>
  %r = ulq.pack %s : (tensor<5x4xui2>) -> !ulq.packed<[5, 4] x ui2, <bits = 2>>
  %u1 = ulq.unpack %y : (!ulq.packed<[5, 4] x ui1, <bits = 1>>) -> tensor<5x4xui1>
  %s1 = ulq.reshape %u1 : (tensor<5x4xui1>) -> tensor<2x10xui1>
  %r1 = ulq.pack %s1 : (tensor<2x10xui1>) -> !ulq.packed<[2, 10] x ui1, <bits = 1>>
  %u2 = ulq.unpack %z : (!ulq.packed<[4] x ui2, <bits = 2>>) -> tensor<4xui2>
  %s2 = ulq.reshape %u2 : (tensor<4xui2>) -> tensor<2x2xui2>
  %r2 = ulq.pack %s2 : (tensor<2x2xui2>) -> !ulq.packed<[2, 2] x ui2, <bits = 4>>
  return %r, %r1, %r2 : !ulq.packed<[5, 4] x ui2, <bits = 2>>, !ulq.packed<[2, 10] x ui1, <bits = 1>>, !ulq.packed<[2, 2] x ui2, <bits = 4>>
}

// CHECK-LABEL: @to_bytes_of_bytes
// CHECK-SAME: %[[X:.*]]: tensor<2xi8>
// CHECK-NEXT: return %[[X]]
func.func @to_bytes_of_bytes(%x: tensor<2xi8>) -> tensor<2xi8> {
  %p = ulq.from_bytes %x : (tensor<2xi8>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  %r = ulq.to_bytes %p : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2xi8>
  return %r : tensor<2xi8>
}

// CHECK-LABEL: @from_bytes_of_packed
// CHECK-SAME: %[[X:.*]]: !ulq.packed<[2, 3] x ui2, <bits = 2>>
// CHECK-NEXT: return %[[X]]
func.func @from_bytes_of_packed(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>> {
  %b = ulq.to_bytes %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2xi8>
  %r = ulq.from_bytes %b : (tensor<2xi8>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return %r : !ulq.packed<[2, 3] x ui2, <bits = 2>>
}

// As many bytes, but other codes.
// CHECK-LABEL: @from_bytes_keeps_other_type
// CHECK: ulq.to_bytes
// CHECK: ulq.from_bytes
func.func @from_bytes_keeps_other_type(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[2, 4] x ui2, <bits = 2>> {
  %b = ulq.to_bytes %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2xi8>
  %r = ulq.from_bytes %b : (tensor<2xi8>) -> !ulq.packed<[2, 4] x ui2, <bits = 2>>
  return %r : !ulq.packed<[2, 4] x ui2, <bits = 2>>
}
