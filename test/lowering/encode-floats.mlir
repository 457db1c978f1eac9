// RUN: ulq-opt %s --ulq-encode-floats --split-input-file | FileCheck %s

// An image: with its transpose, in front of which a reshape moves to the floats.
// CHECK-LABEL: @image
// CHECK-NEXT: %[[X:.*]] = ulq.reshape %arg0 : (tensor<2x3x20xf32>) -> tensor<2x3x4x5xf32>
// CHECK-NEXT: %[[E:.*]] = ulq.encode %[[X]] {channelsFirst, max = 255 : i64, min = 0 : i64, scale = 5.000000e-01 : f64, zeroPoint = 128 : i64} : (tensor<2x3x4x5xf32>) -> tensor<2x4x5x3xui8>
// CHECK-NEXT: ulq.max_pool_codes %[[E]]
func.func @image(%x: tensor<2x3x20xf32>) -> tensor<2x4x5x3xui8> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 128.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<2x3x20xf32>) -> tensor<2x3x20xui8>
  %r = ulq.reshape %q : (tensor<2x3x20xui8>) -> tensor<2x3x4x5xui8>
  %t = ulq.transpose %r {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x3x4x5xui8>) -> tensor<2x4x5x3xui8>
  %l = ulq.max_pool_codes %t {geometry = #ulq.geometry<input = [2, 4, 5, 3], output = [2, 4, 5, 3], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x4x5x3xui8>) -> tensor<2x4x5x3xui8>
  return %l : tensor<2x4x5x3xui8>
}

// -----

// In place.
// CHECK-LABEL: @rows
// CHECK-NEXT: %[[X:.*]] = ulq.reshape %arg0 : (tensor<4x8xf32>) -> tensor<2x16xf32>
// CHECK-NEXT: %[[E:.*]] = ulq.encode %[[X]] {max = 3 : i64, {{.*}} zeroPointFirst} : (tensor<2x16xf32>) -> tensor<2x16xui2>
// CHECK-NEXT: ulq.lookup %[[E]]
func.func @rows(%x: tensor<4x8xf32>) -> tensor<2x16xui2> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>, zeroPointFirst} : (tensor<4x8xf32>) -> tensor<4x8xui2>
  %r = ulq.reshape %q : (tensor<4x8xui2>) -> tensor<2x16xui2>
  %l = ulq.lookup %r {table = array<i64: 3, 2, 1, 0>} : (tensor<2x16xui2>) -> tensor<2x16xui2>
  return %l : tensor<2x16xui2>
}

// -----

// Floats of a layer are encoded wherever their codes go.
#point = #ulq.geometry<input = [1, 1, 1, 8], output = [1, 1, 1, 8], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
// CHECK-LABEL: @layer_floats
// CHECK: %[[L:.*]] = ulq.layer
// CHECK-NEXT: %[[E:.*]] = ulq.encode %[[L]] {{.*}} : (tensor<1x1x1x8xf32>) -> tensor<1x1x1x8xui8>
// CHECK-NEXT: ulq.slice %[[E]]
func.func @layer_floats(%x: tensor<1x1x1x8xui2>) -> (tensor<1x1x1x8xf32>, tensor<1x1x1x4xui8>) {
  %w = ulq.constant {value = dense<1> : tensor<8x1x1x8xi8>} : tensor<8x1x1x8xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x8xui2>, tensor<8x1x1x8xi8>) -> tensor<1x1x1x8xf32>
  %q = ulq.quantize %l {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x8xf32>) -> tensor<1x1x1x8xui8>
  %s = ulq.slice %q {starts = array<i64: 0, 0, 0, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x1x8xui8>) -> tensor<1x1x1x4xui8>
  %p = ulq.max_pool_codes %s {geometry = #ulq.geometry<input = [1, 1, 1, 4], output = [1, 1, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x1x1x4xui8>) -> tensor<1x1x1x4xui8>
  return %l, %p : tensor<1x1x1x8xf32>, tensor<1x1x1x4xui8>
}

// -----

// Another rounding, a grid for each channel, a fraction as zero point, floats that IREE computes, many channels first, and
// codes that nobody reads packed.
// CHECK-LABEL: @left_to_iree
// CHECK-NOT: ulq.encode
// CHECK: return
func.func @left_to_iree(%x: tensor<2x8xf32>, %i: tensor<1x8x2x4xf32>) -> (tensor<2x8xui2>, tensor<2x8xui2>, tensor<2x8xui2>, tensor<2x8xui2>, tensor<1x2x4x8xui2>, tensor<2x8xui2>) {
  %a = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<floor>} : (tensor<2x8xf32>) -> tensor<2x8xui2>
  %b = ulq.quantize %x {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 0, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x8xf32>) -> tensor<2x8xui2>
  %c = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.5>, min = 0, max = 3, rounding = #ulq.rounding<half_even>, zeroPointFirst} : (tensor<2x8xf32>) -> tensor<2x8xui2>
  %y = ulq.add %x, %x : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %d = ulq.quantize %y {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x8xf32>) -> tensor<2x8xui2>
  %q = ulq.quantize %i {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x8x2x4xf32>) -> tensor<1x8x2x4xui2>
  %t = ulq.transpose %q {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x8x2x4xui2>) -> tensor<1x2x4x8xui2>
  %f = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x8xf32>) -> tensor<2x8xui2>
  %la = ulq.lookup %a {table = array<i64: 3, 2, 1, 0>} : (tensor<2x8xui2>) -> tensor<2x8xui2>
  %lb = ulq.lookup %b {table = array<i64: 3, 2, 1, 0>} : (tensor<2x8xui2>) -> tensor<2x8xui2>
  %lc = ulq.lookup %c {table = array<i64: 3, 2, 1, 0>} : (tensor<2x8xui2>) -> tensor<2x8xui2>
  %ld = ulq.lookup %d {table = array<i64: 3, 2, 1, 0>} : (tensor<2x8xui2>) -> tensor<2x8xui2>
  %le = ulq.lookup %t {table = array<i64: 3, 2, 1, 0>} : (tensor<1x2x4x8xui2>) -> tensor<1x2x4x8xui2>
  return %la, %lb, %lc, %ld, %le, %f : tensor<2x8xui2>, tensor<2x8xui2>, tensor<2x8xui2>, tensor<2x8xui2>, tensor<1x2x4x8xui2>, tensor<2x8xui2>
}
