// RUN: ulq-opt %s --ulq-report-layers | FileCheck %s

#conv = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 4, 4, 2], output = [1, 2, 2, 2], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#lut = #ulq.kernel<family = "lut", isa = "avx2", rows = 4, outputs = 8, block = 16, workgroups = 2, cost = 0.25 : f64, runnerUp = "dot", margin = 1.5 : f64>

// 16 pixels of 2 channels, each a sum over 27 codes. One row for each layer, pool, copy, encode and float operation, in the order of the
// program. 54 weights of 2 bits are a blob of 64 bytes here.
// CHECK: module attributes {ulq.layers = [
// CHECK-SAME: {accumulator_max = 162 : i64, accumulator_min = -324 : i64, activation_bits = 2 : i64, function = "ulq_avx2_0_conv1", isa = "avx2", kernel = "lut", key = "1x4x4x3 1x4x4x2 k3x3 s1x1 p1x1x1x1 d1x1 g1 w2a2", macs = 864 : i64, margin = 1.500000e+00 : f64, name = "conv1", op = "Conv", runner_up = "dot", tile = "4x8", weight_bits = 2 : i64, weight_bytes = 64 : i64, workgroups = 2 : i64},
// CHECK-SAME: {activation_bits = 2 : i64, kernel = "max_pool", name = "pool1", op = "MaxPool", weight_bits = 0 : i64},
// CHECK-SAME: {activation_bits = 32 : i64, kernel = "float", name = "scale1", op = "affine", weight_bits = 0 : i64},
// CHECK-SAME: {accumulator_max = 10080 : i64, accumulator_min = -8820 : i64, activation_bits = 4 : i64, {{.*}} name = "product", op = "MatMul", {{.*}} weight_bits = 8 : i64, weight_bytes = 0 : i64, workgroups = 2 : i64},
// CHECK-SAME: {activation_bits = 2 : i64, function = "ulq_avx2_3_concat1", isa = "avx2", kernel = "copy", margin = 1.000000e+00 : f64, name = "concat1", op = "Copy", runner_up = "", tile = "1x8", weight_bits = 0 : i64, workgroups = 1 : i64},
// CHECK-SAME: {activation_bits = 32 : i64, kernel = "float32 non_max_suppression", name = "kept", op = "NonMaxSuppression", weight_bits = 0 : i64},
// CHECK-SAME: {activation_bits = 32 : i64, kernel = "float32 top_k", name = "best", op = "TopK", weight_bits = 0 : i64},
// CHECK-SAME: {activation_bits = 32 : i64, kernel = "encode", name = "quantize1", op = "QuantizeLinear", weight_bits = 0 : i64}]}
func.func @layers(%x: !ulq.packed<[1, 4, 4, 3] x ui2, <bits = 2>>, %w: tensor<64xi8>, %y: tensor<4xf32>) -> (!ulq.packed<[1, 2, 2, 2] x ui2, <bits = 2>>, tensor<4xf32>) {
  %l = ulq.layer %x, %w {geometry = #conv, op_type = "Conv", thresholds = dense<[[1, 2, 3], [1, 2, 3]]> : tensor<2x3xi32>, descending = array<i1: false, false>, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, maxCode = 3, accumulatorMin = -324, accumulatorMax = 162, kernel = #lut} : (!ulq.packed<[1, 4, 4, 3] x ui2, <bits = 2>>, tensor<64xi8>) -> !ulq.packed<[1, 4, 4, 2] x ui2, <bits = 2>> loc("conv1")
  %p = ulq.max_pool_codes %l {geometry = #pool} : (!ulq.packed<[1, 4, 4, 2] x ui2, <bits = 2>>) -> !ulq.packed<[1, 2, 2, 2] x ui2, <bits = 2>> loc("pool1")
  %a = ulq.affine %y {scale = array<f64: 2.0>, offset = array<f64: 0.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32> loc("scale1")
  return %p, %a : !ulq.packed<[1, 2, 2, 2] x ui2, <bits = 2>>, tensor<4xf32>
}

// Computed weights have the bits of their codes, and no bytes.
func.func @product(%x: !ulq.packed<[2, 3, 1, 5] x ui4, <bits = 8>>, %w: !ulq.packed<[2, 2, 1, 5] x ui8, <bits = 8>>) -> tensor<2x3x1x2xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>, inputZero = 7, weightBits = 8, weightBase = -128, weightStep = 1, weightLevels = 256, maxCode = 15, accumulatorMin = -8820, accumulatorMax = 10080, kernel = #lut} : (!ulq.packed<[2, 3, 1, 5] x ui4, <bits = 8>>, !ulq.packed<[2, 2, 1, 5] x ui8, <bits = 8>>) -> tensor<2x3x1x2xf32> loc("product")
  return %r : tensor<2x3x1x2xf32>
}

#copy = #ulq.kernel<family = "copy", isa = "avx2", rows = 1, outputs = 8, block = 2, workgroups = 1, cost = 0.0 : f64, runnerUp = "", margin = 1.0 : f64>
func.func @copy(%x: !ulq.packed<[2, 4] x ui2, <bits = 2>>) -> !ulq.packed<[2, 8] x ui2, <bits = 2>> {
  %r = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2, 2], fromStrides = [4, 0], toStrides = [8, 4], run = 4>], kernel = #copy} : (!ulq.packed<[2, 4] x ui2, <bits = 2>>) -> !ulq.packed<[2, 8] x ui2, <bits = 2>> loc("concat1")
  return %r : !ulq.packed<[2, 8] x ui2, <bits = 2>>
}

func.func @suppression(%b: tensor<1x9x4xf32>, %s: tensor<1x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>) -> tensor<3x3xi64> {
  %r:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<1x9x4xf32>, tensor<1x3x9xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<3x3xi64>, tensor<1xi64>) loc("kept")
  return %r#0 : tensor<3x3xi64>
}

func.func @top_k(%x: tensor<3x9xf32>) -> tensor<3x4xi64> {
  %r:2 = ulq.top_k %x : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>) loc("best")
  return %r#1 : tensor<3x4xi64>
}

func.func @encode(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x3xui8> {
  %r = ulq.encode %x {scale = 0.5, zeroPoint = 128, min = 0, max = 255, channelsFirst} : (tensor<1x3x4x4xf32>) -> tensor<1x4x4x3xui8> loc("quantize1")
  return %r : tensor<1x4x4x3xui8>
}
