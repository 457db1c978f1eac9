// RUN: ulq-opt %s --ulq-fold-epilogue --cse --canonicalize | FileCheck %s

#point = #ulq.geometry<input = [1, 1, 1, 2], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#image = #ulq.geometry<input = [1, 2, 2, 2], output = [1, 2, 2, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

//===----------------------------------------------------------------------===//
// Thresholds. Weights [1, 1] and codes up to 3: accumulators are 0 .. 6.
//===----------------------------------------------------------------------===//

// ReLU(acc - 1) / 2 rounded half to even: 0, 0, 0 (0.5), 1, 2 (1.5), 2, 2 (2.5)
// for acc = 0 .. 6. Code 1 is reached at 3, code 2 at 4, code 3 never (7).
// The second channel has offset 0: 0, 0, 1, 2, 2, 2, 3.
// CHECK-LABEL: @affine_relu_quantize
// CHECK: ulq.layer %{{.*}} {descending = array<i1: false, false>, geometry = #ulq.geometry<{{.*}}>, thresholds = dense<{{\[\[}}3, 4, 7], [2, 3, 6]]> : tensor<2x3xi32>}
// CHECK-SAME: -> tensor<1x1x1x2xui2>
// CHECK-NOT: ulq.quantize
func.func @affine_relu_quantize(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 1.0>, offset = array<f64: -1.0, 0.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %r = ulq.clamp %a {min = 0.0, max = 0x7FF0000000000000 : f64} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %r {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// round(-acc / 2 + 3 = 3, 2.5, 2, 1.5, 1, 0.5, 0) half to even is
// 3, 2, 2, 2, 1, 0, 0: code 1 up to acc = 4, code 2 up to 3, code 3 up to 0.
// CHECK-LABEL: @descending
// CHECK: ulq.layer %{{.*}} {descending = array<i1: true, false>, {{.*}} thresholds = dense<{{\[\[}}4, 3, 0], [1, 2, 3]]> : tensor<2x3xi32>}
func.func @descending(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: -0.5, 1.0>, offset = array<f64: 3.0, 0.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// weightZero counts: weights [1, 1] + 1, accumulators 0 .. 12, code 1 from 1 on.
// CHECK-LABEL: @weight_zero
// CHECK: thresholds = dense<{{\[\[}}1], [12]]> : tensor<2x1xi32>, weightZero = array<i32: 1, 0>
func.func @weight_zero(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui1> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point, weightZero = array<i32: 1, 0>} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %q = ulq.threshold %l {values = array<f64: 0.5, 11.5>, count = 1, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui1>
  return %q : tensor<1x1x1x2xui1>
}

// 17 codes are too many; two neighbouring affine steps become one:
// (v * 2 + 1) * 3 - 1 = v * 6 + 2.
// CHECK-LABEL: @many_codes
// CHECK: ulq.layer
// CHECK-SAME: epilogue = [#ulq.affine<scale = [6.000000e+00], offset = [2.000000e+00]>, #ulq.quantize<{{.*}}min = 0, max = 16
// CHECK-NOT: thresholds
func.func @many_codes(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui5> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 2.0>, offset = array<f64: 1.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %b = ulq.affine %a {scale = array<f64: 3.0>, offset = array<f64: -1.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %b {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 16, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui5>
  return %q : tensor<1x1x1x2xui5>
}

// A negative slope turns the curve around: no thresholds.
// CHECK-LABEL: @not_monotone
// CHECK: epilogue = [#ulq.leaky<alpha = -1.000000e+00 : f64>, #ulq.quantize<
// CHECK-NOT: thresholds
func.func @not_monotone(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<[[[[1, -1]]], [[[-1, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.leaky_relu %l {alpha = -1.0} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// Codes that fall at -1.5 and rise at 0.5, 1.5 and 2.5, each as a threshold of
// the accumulator; the second channel has it with the other sign.
// CHECK-LABEL: @falls_and_rises
// CHECK: descending = array<i1: false, true>, falling = 1 : i64,
// CHECK-SAME: start = 1 : i64, thresholds = dense<{{\[\[}}1, 2, 3, -1], [-1, -2, -3, 1]]> : tensor<2x4xi32>
func.func @falls_and_rises(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<[[[[1, -1]]], [[[-1, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 1.0, -1.0>, offset = array<f64: 0.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.threshold %a {values = array<f64: 0.5, 1.5, 2.5, -1.5>, count = 4, falling = 1, start = 1} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// Beside a residual they stay steps.
// CHECK-LABEL: @falls_behind_sum
// CHECK: epilogue = [#ulq.add<{{.*}}>, #ulq.threshold<values = [5.000000e-01, -1.500000e+00], count = 2, falling = 1, start = 1>]
// CHECK-NOT: thresholds
func.func @falls_behind_sum(%x: tensor<1x1x1x2xui2>, %r: tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %d = ulq.dequantize %r {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xf32>
  %a = ulq.add %l, %d : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.threshold %a {values = array<f64: 0.5, -1.5>, count = 2, falling = 1, start = 1} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// Weights that are no constant leave the steps.
// CHECK-LABEL: @weights_at_run_time
// CHECK: epilogue = [#ulq.quantize<
func.func @weights_at_run_time(%x: tensor<1x1x1x2xui2>, %w: tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xui2> {
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %l {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

//===----------------------------------------------------------------------===//
// Codes that no accumulator reaches
//===----------------------------------------------------------------------===//

// 2 acc - 3, with acc = 0 .. 3, is -3, -1, 1 or 3: Sign's code 1 (zero) cannot
// occur. New code 1 is old code 2, from acc = 2 on. The consumer has weights
// [2, -1] and [1, 1], so its old sum is 2 * new sum + 0 and v = 2 * acc; v - 1
// is rounded to a code: acc = 0, 1, 2 give 0, 1, 3 and thresholds 1, 2, 2.
// CHECK-LABEL: @sign
// CHECK: %[[A:.*]] = ulq.layer %arg0, %{{.*}} {descending = array<i1: false, false>, {{.*}} thresholds = dense<2> : tensor<2x1xi32>} : {{.*}} -> tensor<1x1x1x2xui1>
// CHECK: ulq.layer %[[A]], {{.*}} thresholds = dense<{{\[\[}}1, 2, 2], [1, 2, 2]]> : tensor<2x3xi32>}
// CHECK-SAME: (tensor<1x1x1x2xui1>, {{.*}} -> tensor<1x1x1x2xui2>
func.func @sign(%x: tensor<1x1x1x2xui1>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<[[[[1, 2]]], [[[2, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %v = ulq.constant {value = dense<[[[[2, -1]]], [[[1, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui1>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 2.0>, offset = array<f64: -3.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %s = ulq.threshold %a {values = array<f64: 0.0, 4.940660e-324>, count = 2, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %m = ulq.layer %s, %v {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %b = ulq.affine %m {scale = array<f64: 1.0>, offset = array<f64: -1.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %b {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// Codes of a computed product stay: its zero points are integers, and so they
// are kept by every use of them. Steps after the product are no thresholds,
// since nothing is known of its accumulators here.
// CHECK-LABEL: @sign_multiplied
// CHECK: %[[A:.*]] = ulq.layer %arg0, {{.*}} -> tensor<1x1x1x2xui2>
// CHECK: ulq.layer %[[A]], %[[A]] {computedWeights, epilogue = [#ulq.quantize
// CHECK-NOT: thresholds
func.func @sign_multiplied(%x: tensor<1x1x1x2xui1>) -> tensor<1x1x1x1xui2> {
  %w = ulq.constant {value = dense<[[[[1, 2]]], [[[2, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui1>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 2.0>, offset = array<f64: -3.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %s = ulq.threshold %a {values = array<f64: 0.0, 4.940660e-324>, count = 2, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %m = ulq.layer %s, %s {computedWeights, geometry = #ulq.geometry<input = [1, 1, 1, 2], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x1x1x2xui2>, tensor<1x1x1x2xui2>) -> tensor<1x1x1x1xf32>
  %q = ulq.quantize %m {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xui2>
  return %q : tensor<1x1x1x1xui2>
}

// The values of the codes stay: (2 new - 1) * 0.5 = (new - 0.5) * 1.
// CHECK-LABEL: @sign_dequantized
// CHECK: %[[A:.*]] = ulq.layer {{.*}} -> tensor<1x1x1x2xui1>
// CHECK: ulq.dequantize %[[A]] {scale = array<f64: 1.000000e+00>, zeroPoint = array<f64: 5.000000e-01>} : (tensor<1x1x1x2xui1>) -> tensor<1x1x1x2xf32>
func.func @sign_dequantized(%x: tensor<1x1x1x2xui1>) -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) {
  %w = ulq.constant {value = dense<[[[[1, 2]]], [[[2, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui1>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 2.0>, offset = array<f64: -3.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %s = ulq.threshold %a {values = array<f64: 0.0, 4.940660e-324>, count = 2, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %d = ulq.dequantize %s {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xf32>
  %e = ulq.dequantize %s {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x1x1x2xui2>) -> tensor<1x1x1x2xf32>
  return %d, %e : tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>
}

// A result of the model keeps its codes.
// CHECK-LABEL: @sign_returned
// CHECK: ulq.layer {{.*}} thresholds = dense<2> : tensor<2x2xi32>} : {{.*}} -> tensor<1x1x1x2xui2>
func.func @sign_returned(%x: tensor<1x1x1x2xui1>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<[[[[1, 2]]], [[[2, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui1>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.affine %l {scale = array<f64: 2.0>, offset = array<f64: -3.0>, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %s = ulq.threshold %a {values = array<f64: 0.0, 4.940660e-324>, count = 2, axis = 3} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %s : tensor<1x1x1x2xui2>
}

//===----------------------------------------------------------------------===//
// Residuals and shared results
//===----------------------------------------------------------------------===//

// The other side comes as codes: r * 0.5 - 1.5, its grid's real value.
// CHECK-LABEL: @residual_codes
// CHECK: ulq.layer %arg0, %{{.*}} add %arg1 {epilogue = [#ulq.add<operand = 0, scale = 5.000000e-01 : f64, offset = -1.500000e+00 : f64>, #ulq.clamp<min = 0.000000e+00 : f64, max = 0x7FF0000000000000 : f64>, #ulq.quantize<
// CHECK-SAME: -> tensor<1x1x1x2xui2>
// CHECK-NOT: ulq.add %
func.func @residual_codes(%x: tensor<1x1x1x2xui2>, %r: tensor<1x1x1x2xui4>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %d = ulq.dequantize %r {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<1x1x1x2xui4>) -> tensor<1x1x1x2xf32>
  %s = ulq.add %d, %l : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %a = ulq.clamp %s {min = 0.0, max = 0x7FF0000000000000 : f64} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %a {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

// Of two layers the later one takes the sum; the addend is f32, channels last.
// CHECK-LABEL: @residual_floats
// CHECK: %[[A:.*]] = ulq.layer %arg0, %{{.*}} -> tensor<1x2x2x2xf32>
// CHECK: %[[B:.*]] = ulq.layer %arg0, %{{.*}} add %[[A]] {epilogue = [#ulq.add<operand = 0, scale = 1.000000e+00 : f64, offset = 0.000000e+00 : f64>]
// CHECK: ulq.transpose %[[B]]
// CHECK-NOT: ulq.add %
func.func @residual_floats(%x: tensor<1x2x2x2xui2>) -> tensor<1x2x2x2xf32> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %v = ulq.constant {value = dense<2> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %a = ulq.layer %x, %w {geometry = #image} : (tensor<1x2x2x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x2x2x2xf32>
  %b = ulq.layer %x, %v {geometry = #image} : (tensor<1x2x2x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x2x2x2xf32>
  %c = ulq.transpose %a {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %d = ulq.transpose %b {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %s = ulq.add %c, %d : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  return %s : tensor<1x2x2x2xf32>
}

// The sum is needed in f32 too: one layer, two results.
// CHECK-LABEL: @shared_floats
// CHECK: %[[L:.*]]:2 = ulq.layer {{.*}} -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xui2>)
// CHECK: return %[[L]]#0, %[[L]]#1
func.func @shared_floats(%x: tensor<1x1x1x2xui2>) -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xui2>) {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %l {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %l, %q : tensor<1x1x1x2xf32>, tensor<1x1x1x2xui2>
}

// Channels are dimension 1 after the transpose, so scales along it are per
// channel, and scales along the height are not.
// CHECK-LABEL: @channels_first
// CHECK: %[[L:.*]] = ulq.layer {{.*}}epilogue = [#ulq.affine<scale = [2.000000e+00, 3.000000e+00], offset = [0.000000e+00]>]
// CHECK: %[[T:.*]] = ulq.transpose %[[L]]
// CHECK: ulq.affine %[[T]] {axis = 2 : i64
func.func @channels_first(%x: tensor<1x2x2x2xui2>) -> tensor<1x2x2x2xf32> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #image} : (tensor<1x2x2x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x2x2x2xf32>
  %t = ulq.transpose %l {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %a = ulq.affine %t {scale = array<f64: 2.0, 3.0>, offset = array<f64: 0.0>, axis = 1} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %b = ulq.affine %a {scale = array<f64: 5.0, 7.0>, offset = array<f64: 0.0>, axis = 2} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  return %b : tensor<1x2x2x2xf32>
}

//===----------------------------------------------------------------------===//
// Codes to codes
//===----------------------------------------------------------------------===//

// Codes that another operation reads too: a depthwise layer with weights 1,
// here code * 0.5 - 1.5 rounded half to even: 1 from 5 on, 2 from 6, 3 from 9.
// CHECK-LABEL: @requantize
// CHECK: %[[ONES:.*]] = ulq.constant {value = dense<1> : tensor<2x1x1x1xi8>}
// CHECK: %[[X:.*]] = ulq.reshape %arg0 {{.*}} -> tensor<1x1x1x2xui4>
// CHECK: %[[L:.*]] = ulq.layer %[[X]], %[[ONES]] {
// CHECK-SAME: groups = 2>
// CHECK-SAME: thresholds = dense<{{\[\[}}5, 6, 9], [5, 6, 9]]>
// CHECK-SAME: (tensor<1x1x1x2xui4>, tensor<2x1x1x1xi8>) -> tensor<1x1x1x2xui2>
// CHECK: ulq.reshape %[[L]]
func.func @requantize(%x: tensor<1x2xui4>) -> tensor<1x2xui2> {
  %d = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<1x2xui4>) -> tensor<1x2xf32>
  %q = ulq.quantize %d {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x2xf32>) -> tensor<1x2xui2>
  return %q : tensor<1x2xui2>
}

// Constants along the rows are no channels of the image that rows make.
// CHECK-LABEL: @requantize_rows
// CHECK-NOT: ulq.layer
// CHECK: ulq.quantize
func.func @requantize_rows(%x: tensor<3x2x2x4x5xui4>) -> tensor<3x2x2x4x5xui2> {
  %d = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<3x2x2x4x5xui4>) -> tensor<3x2x2x4x5xf32>
  %a = ulq.affine %d {scale = array<f64: 5.0, 7.0>, offset = array<f64: 0.0>, axis = 2} : (tensor<3x2x2x4x5xf32>) -> tensor<3x2x2x4x5xf32>
  %q = ulq.quantize %a {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<3x2x2x4x5xf32>) -> tensor<3x2x2x4x5xui2>
  return %q : tensor<3x2x2x4x5xui2>
}

// A sum of codes of two grids is one layer with an addend.
// CHECK-LABEL: @sum_of_codes
// CHECK: ulq.layer %{{.*}}, %{{.*}} add %{{.*}} {epilogue = [#ulq.affine<{{.*}}#ulq.add<{{.*}}#ulq.quantize<
// CHECK-NOT: ulq.add %
// CHECK: return
func.func @sum_of_codes(%x: tensor<6x2xui4>, %y: tensor<6x2xui8>) -> tensor<6x2xui2> {
  %d = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>} : (tensor<6x2xui4>) -> tensor<6x2xf32>
  %e = ulq.dequantize %y {scale = array<f64: 0.25>, zeroPoint = array<f64: 128.0>} : (tensor<6x2xui8>) -> tensor<6x2xf32>
  %s = ulq.add %d, %e : (tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<6x2xf32>
  %q = ulq.quantize %s {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<6x2xf32>) -> tensor<6x2xui2>
  return %q : tensor<6x2xui2>
}

// Codes are subtracted by -1 times their grid.
// CHECK-LABEL: @difference
// CHECK: ulq.layer %arg0, %{{.*}} add %arg1 {epilogue = [#ulq.add<operand = 0, scale = -2.500000e-01 : f64, offset = 3.200000e+01 : f64>, #ulq.quantize<
// CHECK-NOT: ulq.affine
// CHECK: return
func.func @difference(%x: tensor<1x1x1x2xui2>, %r: tensor<1x1x1x2xui8>) -> tensor<1x1x1x2xui2> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %d = ulq.dequantize %r {scale = array<f64: 0.25>, zeroPoint = array<f64: 128.0>} : (tensor<1x1x1x2xui8>) -> tensor<1x1x1x2xf32>
  %n = ulq.affine %d {scale = array<f64: -1.0>, offset = array<f64: 0.0>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %s = ulq.add %l, %n : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %q = ulq.quantize %s {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  return %q : tensor<1x1x1x2xui2>
}

//===----------------------------------------------------------------------===//
// Transposes
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @between_transposes
// CHECK-NEXT: %[[C:.*]] = ulq.concat %arg0, %arg1 {axis = 3 : i64} : (tensor<1x4x5x2xui2>, tensor<1x4x5x3xui2>) -> tensor<1x4x5x5xui2>
// CHECK-NEXT: %[[S:.*]] = ulq.slice %[[C]] {starts = array<i64: 0, 2, 0, 1>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x5x5xui2>) -> tensor<1x2x5x4xui2>
// CHECK-NEXT: return %[[S]]
func.func @between_transposes(%x: tensor<1x4x5x2xui2>, %y: tensor<1x4x5x3xui2>) -> tensor<1x2x5x4xui2> {
  %a = ulq.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x2xui2>) -> tensor<1x2x4x5xui2>
  %b = ulq.transpose %y {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x3xui2>) -> tensor<1x3x4x5xui2>
  %c = ulq.concat %a, %b {axis = 1} : (tensor<1x2x4x5xui2>, tensor<1x3x4x5xui2>) -> tensor<1x5x4x5xui2>
  %s = ulq.slice %c {starts = array<i64: 0, 1, 2, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x5x4x5xui2>) -> tensor<1x4x2x5xui2>
  %t = ulq.transpose %s {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x4x2x5xui2>) -> tensor<1x2x5x4xui2>
  return %t : tensor<1x2x5x4xui2>
}

// CHECK-LABEL: @quantized_behind_transpose
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %arg0 {axis = 3 : i64, {{.*}} : (tensor<1x4x5x2xf32>) -> tensor<1x4x5x2xui2>
// CHECK-NEXT: %[[T:.*]] = ulq.threshold %arg0 {axis = 3 : i64, {{.*}} : (tensor<1x4x5x2xf32>) -> tensor<1x4x5x2xui2>
// CHECK-NEXT: ulq.concat %[[Q]], %[[T]] {axis = 3 : i64}
// CHECK-NEXT: return
func.func @quantized_behind_transpose(%x: tensor<1x4x5x2xf32>) -> tensor<1x4x5x4xui2> {
  %a = ulq.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x2xf32>) -> tensor<1x2x4x5xf32>
  %q = ulq.quantize %a {scale = array<f64: 1.0, 2.0>, zeroPoint = array<f64: 0.0>, axis = 1, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x2x4x5xf32>) -> tensor<1x2x4x5xui2>
  %t = ulq.threshold %a {values = array<f64: 0.0, 1.0, 2.0, 3.0, 4.0, 5.0>, count = 3, axis = 1} : (tensor<1x2x4x5xf32>) -> tensor<1x2x4x5xui2>
  %c = ulq.concat %q, %t {axis = 1} : (tensor<1x2x4x5xui2>, tensor<1x2x4x5xui2>) -> tensor<1x4x4x5xui2>
  %r = ulq.transpose %c {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x4x4x5xui2>) -> tensor<1x4x5x4xui2>
  return %r : tensor<1x4x5x4xui2>
}

//===----------------------------------------------------------------------===//
// Floats of a layer on several grids
//===----------------------------------------------------------------------===//

// The layer has the codes of one quantizer. Those of another one are the result of a layer with weights 1 where a layer
// reads them, moved or not; what a caller alone reads is quantized as floats are.
// CHECK-LABEL: @two_grids
// CHECK: %[[L:.*]]:2 = ulq.layer %arg0, %{{.*}} -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xui2>)
// CHECK: ulq.quantize %[[L]]#0
// CHECK: %[[U:.*]] = ulq.layer %[[L]]#0, %{{.*}} {epilogue = [#ulq.quantize<scale = [1.000000e+00, 2.000000e+00], {{.*}}groups = 2>{{.*}} (tensor<1x1x1x2xf32>, tensor<2x1x1x1xi8>) -> tensor<1x1x1x2xui2>
// CHECK: %[[C:.*]] = ulq.concat %[[U]], %[[L]]#1
// CHECK: ulq.lookup %[[C]]
func.func @two_grids(%x: tensor<1x1x1x2xui2>) -> (tensor<1x1x1x4xui2>, tensor<1x1x1x2xui2>) {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %o = ulq.quantize %l {scale = array<f64: 5.0, 6.0>, zeroPoint = array<f64: 0.0>, axis = 3, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %p = ulq.quantize %l {scale = array<f64: 1.0, 2.0>, zeroPoint = array<f64: 0.0>, axis = 3, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %q = ulq.quantize %l {scale = array<f64: 3.0, 4.0>, zeroPoint = array<f64: 0.0>, axis = 3, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %c = ulq.concat %p, %q {axis = 3} : (tensor<1x1x1x2xui2>, tensor<1x1x1x2xui2>) -> tensor<1x1x1x4xui2>
  %r = ulq.lookup %c {table = array<i64: 3, 2, 1, 0>} : (tensor<1x1x1x4xui2>) -> tensor<1x1x1x4xui2>
  return %r, %o : tensor<1x1x1x4xui2>, tensor<1x1x1x2xui2>
}

// One grid for all channels is left to ulq-encode-floats.
// CHECK-LABEL: @two_plain_grids
// CHECK: %[[L:.*]]:2 = ulq.layer {{.*}} -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xui8>)
// CHECK-NEXT: %[[Q:.*]] = ulq.quantize %[[L]]#0
// CHECK-NEXT: ulq.concat %[[Q]], %[[L]]#1
func.func @two_plain_grids(%x: tensor<1x1x1x2xui2>) -> tensor<1x1x1x4xui8> {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %p = ulq.quantize %l {scale = array<f64: 0.01>, zeroPoint = array<f64: 0.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui8>
  %q = ulq.quantize %l {scale = array<f64: 0.02>, zeroPoint = array<f64: 0.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui8>
  %c = ulq.concat %p, %q {axis = 3} : (tensor<1x1x1x2xui8>, tensor<1x1x1x2xui8>) -> tensor<1x1x1x4xui8>
  %r = ulq.max_pool_codes %c {geometry = #ulq.geometry<input = [1, 1, 1, 4], output = [1, 1, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x1x1x4xui8>) -> tensor<1x1x1x4xui8>
  return %r : tensor<1x1x1x4xui8>
}

//===----------------------------------------------------------------------===//
// Several quantizers of one result
//===----------------------------------------------------------------------===//

// Codes 0, 1 from 0.5 on, 2 from 1.5 on (a tie goes to 2) and 3 beyond 2.5; the
// other quantizer steps at 1 and falls at -2: both are tables over the stairs
// -2, 0.5 (beyond: ties go to 0), 1, 1.5, 2.5 of the accumulator.
// CHECK-LABEL: @two_quantizers
// CHECK: %[[J:.*]] = ulq.layer {{.*}} thresholds = dense<{{\[\[}}-2, 1, 1, 2, 3], [-2, 1, 1, 2, 3]]> : tensor<2x5xi32>} : {{.*}} -> tensor<1x1x1x2xui3>
// CHECK-DAG: %[[A:.*]] = ulq.lookup %[[J]] {table = array<i64: 0, 0, 1, 1, 2, 3, 3, 3>} : (tensor<1x1x1x2xui3>) -> tensor<1x1x1x2xui2>
// CHECK-DAG: %[[B:.*]] = ulq.lookup %[[J]] {table = array<i64: 1, 0, 0, 1, 1, 1, 1, 1>} : (tensor<1x1x1x2xui3>) -> tensor<1x1x1x2xui1>
// CHECK: return %[[A]], %[[B]]
func.func @two_quantizers(%x: tensor<1x1x1x2xui2>) -> (tensor<1x1x1x2xui2>, tensor<1x1x1x2xui1>) {
  %w = ulq.constant {value = dense<[[[[1, -1]]], [[[-1, 1]]]]> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.quantize %l {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %b = ulq.threshold %l {values = array<f64: 1.0, -2.0>, count = 2, falling = 1, start = 1} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui1>
  return %a, %b : tensor<1x1x1x2xui2>, tensor<1x1x1x2xui1>
}

// A quantizer of many codes keeps the floats; so does one by channels.
// CHECK-LABEL: @fine_quantizer
// CHECK: ulq.layer {{.*}} -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xui{{[28]}}>)
// CHECK-NOT: ulq.lookup
// CHECK: ulq.quantize
func.func @fine_quantizer(%x: tensor<1x1x1x2xui2>) -> (tensor<1x1x1x2xui2>, tensor<1x1x1x2xui8>) {
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x2xi8>} : tensor<2x1x1x2xi8>
  %l = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x2xui2>, tensor<2x1x1x2xi8>) -> tensor<1x1x1x2xf32>
  %a = ulq.quantize %l {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui2>
  %b = ulq.quantize %l {scale = array<f64: 0.01>, zeroPoint = array<f64: 0.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui8>
  return %a, %b : tensor<1x1x1x2xui2>, tensor<1x1x1x2xui8>
}
