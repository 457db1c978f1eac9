// RUN: ulq-opt %s --ulq-fuse-quantized --canonicalize | FileCheck %s

// Weights [out][in][1][2] become [out][1][2][in]. The input's zero point 1 is
// the padding, and moves out as -1 * (1 - 2 + 0 + 0) and -1 * (-1 + 1 + 1 + 1);
// then the scales, 0.5 * 0.5 and 0.5 * 0.25.
// CHECK-LABEL: @conv
// CHECK-DAG: %[[W:.*]] = ulq.constant {value = dense<{{\[\[\[\[}}1, 0], [-2, 0]]], {{\[\[\[}}-1, 1], [1, 1]]]]> : tensor<2x1x2x2xi8>}
// CHECK-DAG: %[[X:.*]] = ulq.transpose %arg0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x4xui2>) -> tensor<1x3x4x2xui2>
// CHECK: %[[L:.*]] = ulq.layer %[[X]], %[[W]]
// CHECK-SAME: epilogue = [#ulq.affine<scale = [1.000000e+00], offset = [1.000000e+00, -2.000000e+00]>, #ulq.affine<scale = [2.500000e-01, 1.250000e-01], offset = [0.000000e+00]>]
// CHECK-SAME: geometry = #ulq.geometry<input = [1, 3, 4, 2], output = [1, 3, 5, 2], kernel = [1, 2], strides = [1, 1], pads = [0, 1, 0, 1], dilations = [1, 1], groups = 1>
// CHECK-SAME: op_type = "Conv", padCode = 1 : i64
// CHECK: ulq.transpose %[[L]] {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x5x2xf32>) -> tensor<1x2x3x5xf32>
func.func @conv(%c: tensor<1x2x3x4xui2>) -> tensor<1x2x3x5xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2x3x4xui2>) -> tensor<1x2x3x4xf32>
  %k = ulq.constant {value = dense<[[[[1, -2]], [[0, 0]]], [[[-1, 1]], [[1, 1]]]]> : tensor<2x2x1x2xi8>} : tensor<2x2x1x2xsi2>
  %w = ulq.dequantize %k {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 0} : (tensor<2x2x1x2xsi2>) -> tensor<2x2x1x2xf32>
  %r = ulq.conv2d %x, %w {onnx.op = "Conv", strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x2x3x4xf32>, tensor<2x2x1x2xf32>) -> tensor<1x2x3x5xf32>
  return %r : tensor<1x2x3x5xf32>
}

// Bipolar weights {0, 1} - 0.5 are doubled to {-1, 1}, their scale is halved.
// CHECK-LABEL: @bipolar_weights
// CHECK: dense<{{\[\[\[\[}}1, -1]]]]> : tensor<1x1x1x2xi8>
// CHECK: epilogue = [#ulq.affine<scale = [5.000000e-01], offset = [0.000000e+00]>]
func.func @bipolar_weights(%c: tensor<1x2xui2>) -> tensor<1x1xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x2xui2>) -> tensor<1x2xf32>
  %k = ulq.constant {value = dense<[[1], [0]]> : tensor<2x1xi8>} : tensor<2x1xui1>
  %w = ulq.dequantize %k {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<2x1xui1>) -> tensor<2x1xf32>
  %r = ulq.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}

// 200 - 0 is no i8: weights are moved by 200 - 127 = 73, and -150 by -22.
// CHECK-LABEL: @weights_beyond_bytes
// CHECK: dense<{{\[\[\[\[}}127, -73]]], {{\[\[\[}}-128, 22]]]]> : tensor<2x1x1x2xi8>
// CHECK: weightZero = array<i32: 73, -22>
func.func @weights_beyond_bytes(%c: tensor<1x2xui2>) -> tensor<1x2xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x2xui2>) -> tensor<1x2xf32>
  %k = ulq.constant {value = dense<[[200, 0], [0, 150]]> : tensor<2x2xi16>} : tensor<2x2xui8>
  %w = ulq.dequantize %k {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0, 150.0>, axis = 1} : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %r = ulq.matmul %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

// Leading dimensions are rows.
// CHECK-LABEL: @matmul_of_rows
// CHECK: %[[X:.*]] = ulq.reshape %arg0 : (tensor<2x3x2xui2>) -> tensor<1x6x1x2xui2>
// CHECK: %[[L:.*]] = ulq.layer %[[X]], {{.*}} output = [1, 6, 1, 1], kernel = [1, 1]
// CHECK: ulq.reshape %[[L]] : (tensor<1x6x1x1xf32>) -> tensor<2x3x1xf32>
func.func @matmul_of_rows(%c: tensor<2x3x2xui2>) -> tensor<2x3x1xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<2x3x2xui2>) -> tensor<2x3x2xf32>
  %k = ulq.constant {value = dense<[[1], [0]]> : tensor<2x1xi8>} : tensor<2x1xsi2>
  %w = ulq.dequantize %k {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.0>} : (tensor<2x1xsi2>) -> tensor<2x1xf32>
  %r = ulq.matmul %x, %w : (tensor<2x3x2xf32>, tensor<2x1xf32>) -> tensor<2x3x1xf32>
  return %r : tensor<2x3x1xf32>
}

// A flattened image of 2 channels by 1 x 2 pixels: the kernel covers it, and
// row c * 2 + x of the weights becomes [x][c].
// CHECK-LABEL: @matmul_of_image
// CHECK-DAG: ulq.constant {value = dense<{{\[\[\[\[}}1, 3], [2, 4]]]]> : tensor<1x1x2x2xi8>}
// CHECK-DAG: %[[X:.*]] = ulq.transpose %arg0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<3x2x1x2xui2>) -> tensor<3x1x2x2xui2>
// CHECK: ulq.layer %[[X]], {{.*}}input = [3, 1, 2, 2], output = [3, 1, 1, 1], kernel = [1, 2]
func.func @matmul_of_image(%c: tensor<3x2x1x2xui2>) -> tensor<3x1xf32> {
  %f = ulq.reshape %c : (tensor<3x2x1x2xui2>) -> tensor<3x4xui2>
  %x = ulq.dequantize %f {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<3x4xui2>) -> tensor<3x4xf32>
  %k = ulq.constant {value = dense<[[1], [2], [3], [4]]> : tensor<4x1xi8>} : tensor<4x1xsi4>
  %w = ulq.dequantize %k {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.0>} : (tensor<4x1xsi4>) -> tensor<4x1xf32>
  %r = ulq.matmul %x, %w : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// The mean of 4 codes: a depthwise layer of ones, 0.5 / 4, zero point 4 * 1.
// CHECK-LABEL: @avg_pool
// CHECK-DAG: ulq.constant {value = dense<1> : tensor<2x2x2x1xi8>}
// CHECK: ulq.layer {{.*}}epilogue = [#ulq.affine<scale = [1.000000e+00], offset = [-4.000000e+00, -4.000000e+00]>, #ulq.affine<scale = [1.250000e-01], offset = [0.000000e+00]>]
// CHECK-SAME: groups = 2
func.func @avg_pool(%c: tensor<1x2x2x2xui2>) -> tensor<1x2x1x1xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2x2x2xui2>) -> tensor<1x2x2x2xf32>
  %r = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = false} : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32>
  return %r : tensor<1x2x1x1xf32>
}

// Windows at the border have fewer elements: stays.
// CHECK-LABEL: @avg_pool_of_many_sizes
// CHECK: ulq.avg_pool
func.func @avg_pool_of_many_sizes(%c: tensor<1x2x2x2xui2>) -> tensor<1x2x3x3xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2x2x2xui2>) -> tensor<1x2x2x2xf32>
  %r = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, countIncludePad = false} : (tensor<1x2x2x2xf32>) -> tensor<1x2x3x3xf32>
  return %r : tensor<1x2x3x3xf32>
}

// CHECK-LABEL: @max_pool
// CHECK: %[[X:.*]] = ulq.transpose %arg0
// CHECK: %[[P:.*]] = ulq.max_pool_codes %[[X]] {geometry = #ulq.geometry<input = [1, 2, 2, 3], output = [1, 1, 1, 3], kernel = [2, 2], {{.*}} groups = 1>} : (tensor<1x2x2x3xui2>) -> tensor<1x1x1x3xui2>
// CHECK: %[[T:.*]] = ulq.transpose %[[P]] {{.*}} -> tensor<1x3x1x1xui2>
// CHECK: ulq.dequantize %[[T]] {scale = array<f64: 5.000000e-01>, zeroPoint = array<f64: 1.000000e+00>}
func.func @max_pool(%c: tensor<1x3x2x2xui2>) -> tensor<1x3x1x1xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x3x2x2xui2>) -> tensor<1x3x2x2xf32>
  %r = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x2x2xf32>) -> tensor<1x3x1x1xf32>
  return %r : tensor<1x3x1x1xf32>
}

//===----------------------------------------------------------------------===//
// Products of floats
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @float_conv
// CHECK-DAG: ulq.constant {value = dense<1.500000e+00> : tensor<1x1x1x1xf32>}
// CHECK: ulq.layer {{.*}} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
func.func @float_conv(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %w = ulq.constant {value = dense<1.5> : tensor<1x1x1x1xf32>} : tensor<1x1x1x1xf32>
  %r = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  return %r : tensor<1x1x2x2xf32>
}

// Weight-only quantization keeps the integers.
// CHECK-LABEL: @float_by_codes
// CHECK: ulq.layer {{.*}}epilogue = [#ulq.affine<scale = [2.500000e-01], offset = [0.000000e+00]>]
// CHECK-SAME: (tensor<1x1x1x2xf32>, tensor<1x1x1x2xi8>) -> tensor<1x1x1x1xf32>
func.func @float_by_codes(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %k = ulq.constant {value = dense<[[1], [0]]> : tensor<2x1xi8>} : tensor<2x1xsi2>
  %w = ulq.dequantize %k {scale = array<f64: 0.25>, zeroPoint = array<f64: 0.0>} : (tensor<2x1xsi2>) -> tensor<2x1xf32>
  %r = ulq.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}

// No code of a bipolar input is the real number 0 that pads it.
// CHECK-LABEL: @padding_without_code
// CHECK: %[[X:.*]] = ulq.dequantize %arg0
// CHECK: ulq.transpose %[[X]]
// CHECK: ulq.layer {{.*}} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xi8>) -> tensor<1x4x4x1xf32>
func.func @padding_without_code(%c: tensor<1x1x2x2xui1>) -> tensor<1x1x4x4xf32> {
  %x = ulq.dequantize %c {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<1x1x2x2xui1>) -> tensor<1x1x2x2xf32>
  %k = ulq.constant {value = dense<1> : tensor<1x1x1x1xi8>} : tensor<1x1x1x1xsi2>
  %w = ulq.dequantize %k {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x1x1x1xsi2>) -> tensor<1x1x1x1xf32>
  %r = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %r : tensor<1x1x4x4xf32>
}

// The right operand of floats is transposed, its columns are the channels.
// CHECK-LABEL: @product_of_values
// CHECK: %[[A:.*]] = ulq.reshape %arg0 : (tensor<2x3xf32>) -> tensor<1x2x1x3xf32>
// CHECK: %[[T:.*]] = ulq.transpose %arg1 {perm = array<i64: 1, 0>} : (tensor<3x5xf32>) -> tensor<5x3xf32>
// CHECK: %[[B:.*]] = ulq.reshape %[[T]] : (tensor<5x3xf32>) -> tensor<1x5x1x3xf32>
// CHECK: ulq.layer %[[A]], %[[B]] {computedWeights, geometry
// CHECK-SAME: op_type = "MatMul"
// CHECK-SAME: -> tensor<1x2x1x5xf32>
func.func @product_of_values(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) -> tensor<2x5xf32> {
  %r = ulq.matmul %a, %b {onnx.op = "MatMul"} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %r : tensor<2x5xf32>
}

// Codes by codes: a transposed operand comes as it is stored; zero points are
// integers, the scales are one factor.
// CHECK-LABEL: @product_of_codes
// CHECK-NOT: ulq.transpose
// CHECK: %[[A:.*]] = ulq.reshape %arg0 : (tensor<2x4x3xui4>) -> tensor<2x4x1x3xui4>
// CHECK: %[[B:.*]] = ulq.reshape %arg1 : (tensor<2x5x3xui8>) -> tensor<2x5x1x3xui8>
// CHECK: ulq.layer %[[A]], %[[B]] {computedWeights, epilogue = [#ulq.affine<scale = [1.250000e-01], offset = [0.000000e+00]>]
// CHECK-SAME: inputZero = 7 : i64, weightZero = array<i32: -3, -3, -3, -3, -3>
func.func @product_of_codes(%c: tensor<2x4x3xui4>, %d: tensor<2x5x3xui8>) -> tensor<2x4x5xf32> {
  %a = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 7.0>} : (tensor<2x4x3xui4>) -> tensor<2x4x3xf32>
  %e = ulq.dequantize %d {scale = array<f64: 0.25>, zeroPoint = array<f64: 3.0>} : (tensor<2x5x3xui8>) -> tensor<2x5x3xf32>
  %b = ulq.transpose %e {perm = array<i64: 0, 2, 1>} : (tensor<2x5x3xf32>) -> tensor<2x3x5xf32>
  %r = ulq.matmul %a, %b : (tensor<2x4x3xf32>, tensor<2x3x5xf32>) -> tensor<2x4x5xf32>
  return %r : tensor<2x4x5xf32>
}

// One right matrix takes the rows of all batches.
// CHECK-LABEL: @product_by_one_matrix
// CHECK: ulq.layer {{.*}} : (tensor<1x24x1x3xf32>, tensor<1x5x1x3xf32>) -> tensor<1x24x1x5xf32>
func.func @product_by_one_matrix(%a: tensor<2x3x4x3xf32>, %b: tensor<1x3x5xf32>) -> tensor<2x3x4x5xf32> {
  %r = ulq.matmul %a, %b : (tensor<2x3x4x3xf32>, tensor<1x3x5xf32>) -> tensor<2x3x4x5xf32>
  return %r : tensor<2x3x4x5xf32>
}

// Other batches are repeated.
// CHECK-LABEL: @product_of_broadcast_batches
// CHECK: ulq.concat %arg0, %arg0, %arg0 {axis = 1 : i64}
// CHECK: ulq.concat {{.*}} {axis = 0 : i64} : {{.*}} -> tensor<2x3x3x5xf32>
// CHECK: ulq.layer {{.*}} : (tensor<6x4x1x3xf32>, tensor<6x5x1x3xf32>) -> tensor<6x4x1x5xf32>
func.func @product_of_broadcast_batches(%a: tensor<2x1x4x3xf32>, %b: tensor<3x3x5xf32>) -> tensor<2x3x4x5xf32> {
  %r = ulq.matmul %a, %b : (tensor<2x1x4x3xf32>, tensor<3x3x5xf32>) -> tensor<2x3x4x5xf32>
  return %r : tensor<2x3x4x5xf32>
}

// A fractional zero point leaves no integer product.
// CHECK-LABEL: @product_of_fractions
// CHECK: ulq.layer {{.*}} {computedWeights
// CHECK-SAME: : (tensor<1x2x1x3xf32>, tensor<1x5x1x3xf32>)
func.func @product_of_fractions(%c: tensor<2x3xui1>, %d: tensor<3x5xui8>) -> tensor<2x5xf32> {
  %a = ulq.dequantize %c {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<2x3xui1>) -> tensor<2x3xf32>
  %b = ulq.dequantize %d {scale = array<f64: 1.0>, zeroPoint = array<f64: 3.0>} : (tensor<3x5xui8>) -> tensor<3x5xf32>
  %r = ulq.matmul %a, %b : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %r : tensor<2x5xf32>
}

// 255 * 255 * 40000 is beyond 32 bits.
// CHECK-LABEL: @product_too_deep
// CHECK: ulq.layer {{.*}} : (tensor<1x1x1x40000xf32>, tensor<1x1x1x40000xf32>)
func.func @product_too_deep(%c: tensor<1x40000xui8>, %d: tensor<40000x1xui8>) -> tensor<1x1xf32> {
  %a = ulq.dequantize %c {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>} : (tensor<1x40000xui8>) -> tensor<1x40000xf32>
  %b = ulq.dequantize %d {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>} : (tensor<40000x1xui8>) -> tensor<40000x1xf32>
  %r = ulq.matmul %a, %b : (tensor<1x40000xf32>, tensor<40000x1xf32>) -> tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}

// A constant on the left becomes the weights of the transposed product.
// CHECK-LABEL: @constant_on_the_left
// CHECK: %[[W:.*]] = ulq.constant {value = dense<{{\[\[\[\[}}1, 2, 3]]], {{\[\[\[}}4, 5, 6]]]]> : tensor<2x1x1x3xi8>}
// CHECK: ulq.transpose %arg0 {perm = array<i64: 0, 2, 1>} : (tensor<2x3x5xui8>) -> tensor<2x5x3xui8>
// CHECK: ulq.layer %{{.*}}, %[[W]] {epilogue
// CHECK-SAME: op_type = "MatMul"
// CHECK: ulq.transpose %{{.*}} {perm = array<i64: 0, 2, 1>} : (tensor<2x5x2xf32>) -> tensor<2x2x5xf32>
func.func @constant_on_the_left(%d: tensor<2x3x5xui8>) -> tensor<2x2x5xf32> {
  %c = ulq.constant {value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>} : tensor<2x3xsi4>
  %a = ulq.dequantize %c {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<2x3xsi4>) -> tensor<2x3xf32>
  %b = ulq.dequantize %d {scale = array<f64: 1.0>, zeroPoint = array<f64: 3.0>} : (tensor<2x3x5xui8>) -> tensor<2x3x5xf32>
  %r = ulq.matmul %a, %b {onnx.op = "MatMul"} : (tensor<2x3xf32>, tensor<2x3x5xf32>) -> tensor<2x2x5xf32>
  return %r : tensor<2x2x5xf32>
}

// One group of channels for each matrix of the batch.
// CHECK-LABEL: @batched_matmul
// CHECK: %[[W:.*]] = ulq.constant {{.*}} : tensor<6x1x1x2xi8>
// CHECK: ulq.layer %{{.*}}, %[[W]] {epilogue = [#ulq.affine<scale = [5.000000e-01, 1.000000e+00, 2.000000e+00, 5.000000e-01, 1.000000e+00, 2.000000e+00]
// CHECK-SAME: input = [1, 4, 1, 4], output = [1, 4, 1, 6]
// CHECK-SAME: groups = 2
func.func @batched_matmul(%x: tensor<2x4x2xui4>) -> tensor<2x4x3xf32> {
  %c = ulq.constant {value = dense<1> : tensor<2x2x3xi8>} : tensor<2x2x3xsi4>
  %w = ulq.dequantize %c {scale = array<f64: 0.5, 1.0, 2.0>, zeroPoint = array<f64: 0.0>, axis = 2 : i64} : (tensor<2x2x3xsi4>) -> tensor<2x2x3xf32>
  %a = ulq.dequantize %x {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>} : (tensor<2x4x2xui4>) -> tensor<2x4x2xf32>
  %y = ulq.matmul %a, %w : (tensor<2x4x2xf32>, tensor<2x2x3xf32>) -> tensor<2x4x3xf32>
  return %y : tensor<2x4x3xf32>
}

// Flattening after a pool finds the pool's codes.
// CHECK-LABEL: @matmul_of_pool
// CHECK: %[[P:.*]] = ulq.max_pool_codes
// CHECK: ulq.layer %[[P]]
// CHECK-SAME: (tensor<1x2x2x3xui2>, tensor<5x2x2x3xi8>)
func.func @matmul_of_pool(%x: tensor<1x3x4x4xui2>) -> tensor<1x5xf32> {
  %c = ulq.constant {value = dense<1> : tensor<12x5xi8>} : tensor<12x5xsi2>
  %w = ulq.dequantize %c {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>} : (tensor<12x5xsi2>) -> tensor<12x5xf32>
  %a = ulq.dequantize %x {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>} : (tensor<1x3x4x4xui2>) -> tensor<1x3x4x4xf32>
  %p = ulq.max_pool %a {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  %f = ulq.reshape %p : (tensor<1x3x2x2xf32>) -> tensor<1x12xf32>
  %y = ulq.matmul %f, %w : (tensor<1x12xf32>, tensor<12x5xf32>) -> tensor<1x5xf32>
  return %y : tensor<1x5xf32>
}

// -----

// A border of the value of code 3 is the layer's own.
// CHECK-LABEL: @border
// CHECK-NOT: ulq.pad
// CHECK: ulq.layer {{.*}} pads = [1, 1, 0, 0]
// CHECK-SAME: padCode = 3 : i64
func.func @border(%x: tensor<1x2x4x4xui2>) -> tensor<1x2x3x3xf32> {
  %d = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 1.0>} : (tensor<1x2x4x4xui2>) -> tensor<1x2x4x4xf32>
  %p = ulq.pad %d {low = array<i64: 0, 0, 1, 1>, high = array<i64: 0, 0, 0, 0>, value = 1.0 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %c = ulq.constant {value = dense<1> : tensor<2x2x3x3xi8>} : tensor<2x2x3x3xsi2>
  %w = ulq.dequantize %c {scale = array<f64: 0.25>, zeroPoint = array<f64: 0.0>} : (tensor<2x2x3x3xsi2>) -> tensor<2x2x3x3xf32>
  %y = ulq.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x5x5xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  return %y : tensor<1x2x3x3xf32>
}
