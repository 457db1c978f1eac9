// RUN: ulq-opt %s | ulq-opt | FileCheck %s
// RUN: ulq-opt %s --mlir-print-op-generic | ulq-opt | FileCheck %s

// Every operation up to the packed level survives printing and parsing.

#conv = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

//===----------------------------------------------------------------------===//
// Values and quantizers
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @constant
// CHECK: ulq.constant {value = dense<[1, -2]> : tensor<2xi8>} : tensor<2xsi2>
// CHECK: ulq.constant {value = dense<[0, 255]> : tensor<2xi16>} : tensor<2xui8>
// CHECK: ulq.constant {value = dense<1.500000e+00> : tensor<f32>} : tensor<f32>
func.func @constant() {
  ulq.constant {value = dense<[1, -2]> : tensor<2xi8>} : tensor<2xsi2>
  ulq.constant {value = dense<[0, 255]> : tensor<2xi16>} : tensor<2xui8>
  ulq.constant {value = dense<1.5> : tensor<f32>} : tensor<f32>
  return
}

// CHECK-LABEL: @quantize
// CHECK: ulq.quantize %{{.*}} {max = 3 : i64, min = 0 : i64, rounding = #ulq.rounding<half_even>, scale = array<f64: 5.000000e-01>, zeroPoint = array<f64: 0.000000e+00>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
// CHECK: ulq.quantize %{{.*}} {axis = 1 : i64, max = 1 : i64, min = -2 : i64, rounding = #ulq.rounding<floor>, scale = array<f64: 5.000000e-01, 2.500000e-01, 1.250000e-01>, zeroPoint = array<f64: 5.000000e-01>, zeroPointFirst} : (tensor<2x3xf32>) -> tensor<2x3xsi2>
func.func @quantize(%x: tensor<2x3xf32>) {
  ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  ulq.quantize %x {scale = array<f64: 0.5, 0.25, 0.125>, zeroPoint = array<f64: 0.5>, axis = 1, min = -2, max = 1, rounding = #ulq.rounding<floor>, zeroPointFirst} : (tensor<2x3xf32>) -> tensor<2x3xsi2>
  return
}

// CHECK-LABEL: @dequantize
// CHECK: ulq.dequantize %{{.*}} {scale = array<f64: 2.000000e+00>, zeroPoint = array<f64: 5.000000e-01>} : (tensor<2x3xui1>) -> tensor<2x3xf32>
// CHECK: ulq.dequantize %{{.*}} : (tensor<2xi32>) -> tensor<2xf32>
func.func @dequantize(%x: tensor<2x3xui1>, %bias: tensor<2xi32>) {
  ulq.dequantize %x {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>} : (tensor<2x3xui1>) -> tensor<2x3xf32>
  ulq.dequantize %bias {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 0} : (tensor<2xi32>) -> tensor<2xf32>
  return
}

// The smallest positive number, the second threshold of Sign, keeps its bits.
// CHECK-LABEL: @threshold
// CHECK: ulq.threshold %{{.*}} {count = 2 : i64, values = array<f64: 0.000000e+00, 4.940660e-324>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
// CHECK: ulq.threshold %{{.*}} {axis = 0 : i64, count = 1 : i64, values = array<f64: 0.000000e+00, 1.000000e+00>}
// CHECK: ulq.threshold %{{.*}} {count = 4 : i64, falling = 1 : i64, start = 1 : i64, values = array<f64: 1.000000e+00, 4.000000e+00, 6.000000e+00, -3.000000e+00>}
func.func @threshold(%x: tensor<2x3xf32>) {
  ulq.threshold %x {values = array<f64: 0.0, 4.940660e-324>, count = 2} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  ulq.threshold %x {values = array<f64: 0.0, 1.0>, count = 1, axis = 0} : (tensor<2x3xf32>) -> tensor<2x3xui1>
  ulq.threshold %x {values = array<f64: 1.0, 4.0, 6.0, -3.0>, count = 4, falling = 1, start = 1} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// CHECK-LABEL: @recode
// CHECK: ulq.recode %{{.*}} {offset = 128 : i64} : (tensor<4xsi8>) -> tensor<4xui8>
func.func @recode(%x: tensor<4xsi8>) {
  ulq.recode %x {offset = 128} : (tensor<4xsi8>) -> tensor<4xui8>
  return
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @conv2d
// CHECK: ulq.conv2d %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x4x5x5xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x3x3xf32>
func.func @conv2d(%x: tensor<1x4x5x5xf32>, %w: tensor<6x2x3x3xf32>) {
  ulq.conv2d %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2} : (tensor<1x4x5x5xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x3x3xf32>
  return
}

// CHECK-LABEL: @matmul
// CHECK: ulq.matmul %{{.*}}, %{{.*}} : (tensor<7x1x2x3xf32>, tensor<5x3x4xf32>) -> tensor<7x5x2x4xf32>
func.func @matmul(%a: tensor<7x1x2x3xf32>, %b: tensor<5x3x4xf32>) {
  ulq.matmul %a, %b : (tensor<7x1x2x3xf32>, tensor<5x3x4xf32>) -> tensor<7x5x2x4xf32>
  return
}

// CHECK-LABEL: @elementwise
// CHECK: ulq.affine %{{.*}} {offset = array<f64: 0.000000e+00>, scale = array<f64: 1.000000e+00, 2.000000e+00, 3.000000e+00>}
// CHECK: ulq.add %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: ulq.clamp %{{.*}} {max = 0x7FF0000000000000 : f64, min = 0.000000e+00 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: ulq.clamp %{{.*}} : (tensor<2x3xui2>) -> tensor<2x3xui2>
// CHECK: ulq.leaky_relu %{{.*}} {alpha = 1.250000e-01 : f64}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<half_even>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<half_up>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<half_down>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<ceil>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<floor>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<up>}
// CHECK: ulq.round %{{.*}} {rounding = #ulq.rounding<down>}
func.func @elementwise(%x: tensor<2x3xf32>, %c: tensor<2x3xui2>) {
  ulq.affine %x {scale = array<f64: 1.0, 2.0, 3.0>, offset = array<f64: 0.0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.add %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.clamp %x {min = 0.0, max = 0x7FF0000000000000 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.clamp %c {min = 1.0, max = 2.0} : (tensor<2x3xui2>) -> tensor<2x3xui2>
  ulq.leaky_relu %x {alpha = 0.125} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<half_up>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<half_down>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<ceil>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<floor>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<up>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  ulq.round %x {rounding = #ulq.rounding<down>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: @pools
// CHECK: ulq.max_pool %{{.*}} {dilations = array<i64: 1, 1>, kernel = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
// CHECK: ulq.avg_pool %{{.*}} {countIncludePad = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x3x3xf32>
func.func @pools(%x: tensor<1x3x4x4xf32>) {
  ulq.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = false} : (tensor<1x3x4x4xf32>) -> tensor<1x3x3x3xf32>
  return
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @shapes
// CHECK: ulq.reshape %{{.*}} : (tensor<2x3xui2>) -> tensor<6xui2>
// CHECK: ulq.transpose %{{.*}} {perm = array<i64: 1, 0>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
// CHECK: ulq.pad %{{.*}} {high = array<i64: 0, 2>, low = array<i64: 1, 0>, value = 1.000000e+00 : f64} : (tensor<2x3xui2>) -> tensor<3x5xui2>
// CHECK: ulq.concat %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<2x3xui2>, tensor<2x3xui2>, tensor<2x3xui2>) -> tensor<6x3xui2>
func.func @shapes(%x: tensor<2x3xui2>) {
  ulq.reshape %x : (tensor<2x3xui2>) -> tensor<6xui2>
  ulq.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
  ulq.pad %x {low = array<i64: 1, 0>, high = array<i64: 0, 2>, value = 1.0} : (tensor<2x3xui2>) -> tensor<3x5xui2>
  ulq.concat %x, %x, %x {axis = 0} : (tensor<2x3xui2>, tensor<2x3xui2>, tensor<2x3xui2>) -> tensor<6x3xui2>
  return
}

//===----------------------------------------------------------------------===//
// Integer and packed level
//===----------------------------------------------------------------------===//

// Every step, with codes and floats as results, and an addend.
// CHECK-LABEL: @layer
// CHECK: %{{.*}}:2 = ulq.layer %{{.*}}, %{{.*}} add %{{.*}} {
// CHECK-SAME: epilogue = [#ulq.affine<scale = [{{.*}}], offset = [{{.*}}]>, #ulq.quantize<{{.*}}min = 0, max = 255, rounding = <half_even>, zeroPointFirst = true>, #ulq.dequantize<{{.*}}>, #ulq.add<operand = 0, scale = 5.000000e-01 : f64, offset = -1.000000e+00 : f64>, #ulq.leaky<alpha = 1.250000e-01 : f64>, #ulq.clamp<min = 0.000000e+00 : f64, max = 6.000000e+00 : f64>, #ulq.threshold<values = {{.*}}, count = 2>]
// CHECK-SAME: geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
// CHECK-SAME: op_type = "Conv", padCode = 1 : i64, weightZero = array<i32: 0, -1>
// CHECK-SAME: : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>, tensor<1x4x4x2xui4>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xui2>)
func.func @layer(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>, %r: tensor<1x4x4x2xui4>) {
  ulq.layer %x, %w add %r {geometry = #conv, op_type = "Conv", padCode = 1, weightZero = array<i32: 0, -1>, epilogue = [
    #ulq.affine<scale = [0.5], offset = [1.0, 2.0]>,
    #ulq.quantize<scale = [0.5], zeroPoint = [128.0], min = 0, max = 255, rounding = <half_even>, zeroPointFirst = true>,
    #ulq.dequantize<scale = [0.5], zeroPoint = [128.0]>,
    #ulq.add<operand = 0, scale = 0.5 : f64, offset = -1.0 : f64>,
    #ulq.leaky<alpha = 0.125 : f64>,
    #ulq.clamp<min = 0.0 : f64, max = 6.0 : f64>,
    #ulq.threshold<values = [0.5, 1.5], count = 2>
  ]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>, tensor<1x4x4x2xui4>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xui2>)
  return
}

// No bit of an epilogue's numbers is lost: neither of these has six digits.
// CHECK-LABEL: @layer_numbers
// CHECK: #ulq.affine<scale = [0.12345678901230001], offset = [1.000000e-300]>
func.func @layer_numbers(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  ulq.layer %x, %w {geometry = #conv, epilogue = [#ulq.affine<scale = [0.1234567890123], offset = [1.0e-300]>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// CHECK-LABEL: @layer_packed
// CHECK: ulq.layer %{{.*}}, %{{.*}} {accumulatorMax = 162 : i64, accumulatorMin = -162 : i64, descending = array<i1: false, true>
// CHECK-SAME: kernel = #ulq.kernel<family = "lut", isa = "avx2", rows = 4, outputs = 8, block = 16, workgroups = 2, cost = 2.500000e-01 : f64, runnerUp = "dot", margin = 1.500000e+00 : f64>
// CHECK-SAME: maxCode = 3 : i64
// CHECK-SAME: thresholds = dense<{{\[\[}}-4, 0, 4], [4, 0, -4]]> : tensor<2x3xi32>, weightBase = -2 : i64, weightBits = 2 : i64, weightLevels = 4 : i64, weightStep = 1 : i64
// CHECK-SAME: : (!ulq.packed<[1, 4, 4, 3] x ui2, <bits = 2>>, tensor<64xi8>) -> !ulq.packed<[1, 4, 4, 2] x ui2, <bits = 2>>
func.func @layer_packed(%x: !ulq.packed<[1, 4, 4, 3] x ui2, <bits = 2>>, %w: tensor<64xi8>) {
  ulq.layer %x, %w {geometry = #conv, thresholds = dense<[[-4, 0, 4], [4, 0, -4]]> : tensor<2x3xi32>, descending = array<i1: false, true>, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, maxCode = 3, accumulatorMin = -162, accumulatorMax = 162, kernel = #ulq.kernel<family = "lut", isa = "avx2", rows = 4, outputs = 8, block = 16, workgroups = 2, cost = 0.25 : f64, runnerUp = "dot", margin = 1.5 : f64>} : (!ulq.packed<[1, 4, 4, 3] x ui2, <bits = 2>>, tensor<64xi8>) -> !ulq.packed<[1, 4, 4, 2] x ui2, <bits = 2>>
  return
}

// Weight-only quantization.
// CHECK-LABEL: @layer_float
// CHECK: ulq.layer %{{.*}} : (tensor<1x4x4x3xf32>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
func.func @layer_float(%x: tensor<1x4x4x3xf32>, %w: tensor<2x3x3x3xi8>) {
  ulq.layer %x, %w {geometry = #conv} : (tensor<1x4x4x3xf32>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// CHECK-LABEL: @max_pool_codes
// CHECK: ulq.max_pool_codes %{{.*}} {geometry = #ulq.geometry<{{.*}}>} : (tensor<1x4x4x3xui2>) -> tensor<1x2x2x3xui2>
func.func @max_pool_codes(%x: tensor<1x4x4x3xui2>) {
  ulq.max_pool_codes %x {geometry = #pool} : (tensor<1x4x4x3xui2>) -> tensor<1x2x2x3xui2>
  return
}

// CHECK-LABEL: @slice
// CHECK: ulq.slice %{{.*}} {starts = array<i64: 0, 1>, steps = array<i64: 1, 2>} : (tensor<4x6xui2>) -> tensor<4x3xui2>
func.func @slice(%x: tensor<4x6xui2>) {
  ulq.slice %x {starts = array<i64: 0, 1>, steps = array<i64: 1, 2>} : (tensor<4x6xui2>) -> tensor<4x3xui2>
  return
}

// CHECK-LABEL: @move_codes
// CHECK: ulq.move_codes %{{.*}}, %{{.*}} {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2, 2], fromStrides = [4, 0], toStrides = [8, 4], run = 4>, #ulq.block<input = 1, from = 2, to = 16, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (tensor<2x4xui2>, tensor<7xui2>) -> tensor<5x4xui2>
func.func @move_codes(%x: tensor<2x4xui2>, %y: tensor<7xui2>) {
  ulq.move_codes %x, %y {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2, 2], fromStrides = [4, 0], toStrides = [8, 4], run = 4>, #ulq.block<input = 1, from = 2, to = 16, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (tensor<2x4xui2>, tensor<7xui2>) -> tensor<5x4xui2>
  return
}

// CHECK-LABEL: @suppression
// CHECK: %[[R:.*]], %[[N:.*]] = ulq.non_max_suppression %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {centerPoint} : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>, tensor<1xf32>) -> (tensor<24x3xi64>, tensor<1xi64>)
// CHECK: ulq.first_rows %[[R]], %[[N]] : (tensor<24x3xi64>, tensor<1xi64>) -> tensor<?x3xi64>
func.func @suppression(%b: tensor<2x9x4xf32>, %s: tensor<2x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>, %u: tensor<1xf32>) -> tensor<?x3xi64> {
  %r:2 = ulq.non_max_suppression %b, %s, %n, %t, %u {centerPoint} : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>, tensor<1xf32>) -> (tensor<24x3xi64>, tensor<1xi64>)
  %k = ulq.first_rows %r#0, %r#1 : (tensor<24x3xi64>, tensor<1xi64>) -> tensor<?x3xi64>
  return %k : tensor<?x3xi64>
}

// CHECK-LABEL: @top_k
// CHECK: ulq.top_k %{{.*}} {smallest} : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>)
func.func @top_k(%x: tensor<3x9xf32>) {
  ulq.top_k %x {smallest} : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>)
  return
}

// CHECK-LABEL: @lookup
// CHECK: ulq.lookup %{{.*}} {table = array<i64: 1, 0, 1, 7>} : (tensor<1x4x4x3xui2>) -> tensor<1x4x4x3xui3>
func.func @lookup(%x: tensor<1x4x4x3xui2>) {
  ulq.lookup %x {table = array<i64: 1, 0, 1, 7>} : (tensor<1x4x4x3xui2>) -> tensor<1x4x4x3xui3>
  return
}

// CHECK-LABEL: @encode
// CHECK: ulq.encode %{{.*}} {max = 7 : i64, min = 0 : i64, scale = 5.000000e-01 : f64, zeroPoint = -3 : i64} : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xui3>
// CHECK: ulq.encode %{{.*}} {channelsFirst, max = 200 : i64, min = 1 : i64, scale = {{.*}} : f64, zeroPoint = 128 : i64, zeroPointFirst} : (tensor<1x3x4x4xf32>) -> !ulq.packed<[1, 4, 4, 3] x ui8, <bits = 8>>
func.func @encode(%x: tensor<1x3x4x4xf32>) {
  ulq.encode %x {scale = 0.5, zeroPoint = -3, min = 0, max = 7} : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xui3>
  ulq.encode %x {scale = 0.1, zeroPoint = 128, min = 1, max = 200, zeroPointFirst, channelsFirst} : (tensor<1x3x4x4xf32>) -> !ulq.packed<[1, 4, 4, 3] x ui8, <bits = 8>>
  return
}

// CHECK-LABEL: @packing
// CHECK: ulq.pack %{{.*}} : (tensor<2x3xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
// CHECK: ulq.unpack %{{.*}} : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui2>
func.func @packing(%x: tensor<2x3xui2>) {
  %p = ulq.pack %x : (tensor<2x3xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  ulq.unpack %p : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui2>
  return
}

// CHECK-LABEL: @layer_computed
// CHECK: ulq.layer %{{.*}}, %{{.*}} {computedWeights, {{.*}} inputZero = 7 : i64, weightZero = array<i32: -3, -3, -3, -3>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xui8>) -> tensor<2x3x1x4xf32>
func.func @layer_computed(%x: tensor<2x3x1x5xui4>, %w: tensor<2x4x1x5xui8>) {
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>, inputZero = 7, weightZero = array<i32: -3, -3, -3, -3>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xui8>) -> tensor<2x3x1x4xf32>
  return
}
