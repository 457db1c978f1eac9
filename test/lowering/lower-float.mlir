// RUN: ulq-opt %s --ulq-lower-float --cse --canonicalize | FileCheck %s

// CHECK-DAG: #[[CHANNEL:.*]] = affine_map<(d0, d1) -> (d1)>

// Codes are bytes from here on; unsigned ones are zero-extended.
// CHECK-LABEL: @quantize
// CHECK-SAME: -> tensor<4xi8>
// CHECK: linalg.generic
// CHECK: %[[V:.*]] = arith.divf
// CHECK: %[[R:.*]] = math.roundeven %[[V]]
// CHECK: %[[Z:.*]] = arith.addf %[[R]]
// CHECK: %[[A:.*]] = arith.maximumf %[[Z]]
// CHECK: %[[B:.*]] = arith.minimumf %[[A]]
// CHECK: %[[I:.*]] = arith.fptosi %[[B]] : f32 to i32
// CHECK: arith.trunci %[[I]] : i32 to i8
func.func @quantize(%x: tensor<4xf32>) -> tensor<4xui8> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 3.0>, min = 0, max = 255, rounding = #ulq.rounding<half_even>} : (tensor<4xf32>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// The zero point and the bounds come before the rounding.
// CHECK-LABEL: @quantize_zero_point_first
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK: arith.minimumf
// CHECK: math.floor
func.func @quantize_zero_point_first(%x: tensor<4xf32>) -> tensor<4xsi4> {
  %q = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.5>, min = -8, max = 7, rounding = #ulq.rounding<floor>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xsi4>
  return %q : tensor<4xsi4>
}

// BipolarQuant compares: x >= 0.
// CHECK-LABEL: @quantize_bipolar
// CHECK-NOT: arith.divf
// CHECK: arith.cmpf oge
// CHECK: return
func.func @quantize_bipolar(%x: tensor<4xf32>) -> tensor<4xui1> {
  %q = ulq.quantize %x {scale = array<f64: 2.0>, zeroPoint = array<f64: 0.5>, min = 0, max = 1, rounding = #ulq.rounding<half_up>, zeroPointFirst} : (tensor<4xf32>) -> tensor<4xui1>
  return %q : tensor<4xui1>
}

// Scales along an axis are an operand with its own map.
// CHECK-LABEL: @dequantize
// CHECK: %[[S:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[CHANNEL]], #{{.*}}], {{.*}} ins(%{{.*}}, %[[S]] :
// CHECK: arith.uitofp
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: linalg.generic
// CHECK: arith.sitofp
func.func @dequantize(%u: tensor<3x2xui8>, %s: tensor<3x2xsi8>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %a = ulq.dequantize %u {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 1.0>, axis = 1} : (tensor<3x2xui8>) -> tensor<3x2xf32>
  %b = ulq.dequantize %s {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 1.0>, axis = 1} : (tensor<3x2xsi8>) -> tensor<3x2xf32>
  return %a, %b : tensor<3x2xf32>, tensor<3x2xf32>
}

// The smallest positive f64 is no f32: greater than 0 is meant.
// CHECK-LABEL: @sign
// CHECK: arith.cmpf oge
// CHECK: arith.cmpf ogt
func.func @sign(%x: tensor<1x4xf32>) -> tensor<1x4xui2> {
  %q = ulq.threshold %x {values = array<f64: 0.0, 4.940660e-324>, count = 2} : (tensor<1x4xf32>) -> tensor<1x4xui2>
  return %q : tensor<1x4xui2>
}

// Thresholds are rounded up to f32; the second one lowers the code.
// CHECK-LABEL: @falling
// CHECK-DAG: %[[UP:.*]] = arith.constant 1.000000e-01 : f32
// CHECK-DAG: %[[DOWN:.*]] = arith.constant -0.299999982 : f32
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG: %[[MINUS:.*]] = arith.constant -1.000000e+00 : f32
// CHECK: %[[A:.*]] = arith.cmpf oge, %{{.*}}, %[[UP]]
// CHECK: arith.select %[[A]], %[[ONE]]
// CHECK: %[[B:.*]] = arith.cmpf oge, %{{.*}}, %[[DOWN]]
// CHECK: arith.select %[[B]], %[[MINUS]]
func.func @falling(%x: tensor<1x4xf32>) -> tensor<1x4xui2> {
  %q = ulq.threshold %x {values = array<f64: 0.1, -0.3>, count = 2, falling = 1, start = 1} : (tensor<1x4xf32>) -> tensor<1x4xui2>
  return %q : tensor<1x4xui2>
}

// 128 wraps to -128 in a byte.
// CHECK-LABEL: @recode
// CHECK: %[[O:.*]] = arith.constant -128 : i8
// CHECK: arith.addi %{{.*}}, %[[O]] : i8
func.func @recode(%x: tensor<4xsi8>) -> tensor<4xui8> {
  %r = ulq.recode %x {offset = 128} : (tensor<4xsi8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// An infinite bound costs nothing.
// CHECK-LABEL: @relu
// CHECK: arith.maximumf
// CHECK-NOT: arith.minimumf
// CHECK: return
func.func @relu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %r = ulq.clamp %x {min = 0.0, max = 0x7FF0000000000000 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @arithmetic
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: arith.addf
// CHECK: arith.cmpf olt
// CHECK: arith.select
// CHECK: math.copysign
func.func @arithmetic(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = ulq.affine %x {scale = array<f64: 2.0>, offset = array<f64: 1.0>, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %b = ulq.add %a, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %c = ulq.leaky_relu %b {alpha = 0.125} : (tensor<4xf32>) -> tensor<4xf32>
  %d = ulq.round %c {rounding = #ulq.rounding<half_down>} : (tensor<4xf32>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// Padding is minus infinity, which never wins.
// CHECK-LABEL: @max_pool
// CHECK: %[[LOWEST:.*]] = arith.constant 0xFF800000 : f32
// CHECK: tensor.pad %arg0 low[0, 0, 1, 1] high[0, 0, 0, 0]
// CHECK: tensor.yield %[[LOWEST]]
// CHECK: linalg.pooling_nchw_max {{.*}} strides = dense<2> : tensor<2xi64>
func.func @max_pool(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32> {
  %r = ulq.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  return %r : tensor<1x3x2x2xf32>
}

// Windows of 2 x 2 over 2 x 2 pixels, padded by one at the top and the left,
// hold 1, 2, 2 and 4 of them.
// CHECK-LABEL: @avg_pool
// CHECK: %[[SIZES:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [2.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK: linalg.pooling_nchw_sum
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[SIZES]] :
// CHECK: arith.divf
func.func @avg_pool(%x: tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32> {
  %r = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = false} : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  return %r : tensor<1x3x2x2xf32>
}

// CHECK-LABEL: @shapes
// CHECK: tensor.collapse_shape
// CHECK: linalg.transpose {{.*}} permutation = [1, 0]
// CHECK: tensor.pad %{{.*}} low[1, 0] high[0, 0]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [4, 2] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[4, 0] [4, 2] [1, 1]
func.func @shapes(%x: tensor<1x2x3xui2>) -> tensor<8x2xui2> {
  %a = ulq.reshape %x : (tensor<1x2x3xui2>) -> tensor<2x3xui2>
  %b = ulq.transpose %a {perm = array<i64: 1, 0>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
  %c = ulq.pad %b {low = array<i64: 1, 0>, high = array<i64: 0, 0>, value = 1.0} : (tensor<3x2xui2>) -> tensor<4x2xui2>
  %d = ulq.concat %c, %c {axis = 0} : (tensor<4x2xui2>, tensor<4x2xui2>) -> tensor<8x2xui2>
  return %d : tensor<8x2xui2>
}

// Rows of 5 codes of 2 bits: 3 codes of padding, 2 bytes.
// CHECK-LABEL: @pack
// CHECK-SAME: (%{{.*}}: tensor<2x5xi8>) -> tensor<4xi8>
// CHECK: tensor.pad %{{.*}} low[0, 0] high[0, 3]
// CHECK: linalg.generic {{.*}} "reduction"]
// CHECK: linalg.index 2
// CHECK: arith.shli
// CHECK: arith.ori
func.func @pack(%x: tensor<2x5xui2>) -> !ulq.packed<[2, 5] x ui2, <bits = 2>> {
  %p = ulq.pack %x : (tensor<2x5xui2>) -> !ulq.packed<[2, 5] x ui2, <bits = 2>>
  return %p : !ulq.packed<[2, 5] x ui2, <bits = 2>>
}

// CHECK-LABEL: @unpack
// CHECK-SAME: (%{{.*}}: tensor<4xi8>) -> tensor<2x5xi8>
// CHECK: arith.shrui
// CHECK: arith.andi
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [2, 5] [1, 1]
func.func @unpack(%x: !ulq.packed<[2, 5] x ui2, <bits = 2>>) -> tensor<2x5xui2> {
  %p = ulq.unpack %x : (!ulq.packed<[2, 5] x ui2, <bits = 2>>) -> tensor<2x5xui2>
  return %p : tensor<2x5xui2>
}

// The casts vanish, the dispatch stays.
// CHECK-LABEL: @bytes
// CHECK-NEXT: %[[R:.*]] = ulq.dispatch "conv1"(%arg0) workgroups 1 : (tensor<4xi8>) -> tensor<4xi8>
// CHECK-NEXT: return %[[R]]
func.func @bytes(%x: !ulq.packed<[2, 5] x ui2, <bits = 2>>) -> !ulq.packed<[2, 5] x ui2, <bits = 2>> {
  %a = ulq.to_bytes %x : (!ulq.packed<[2, 5] x ui2, <bits = 2>>) -> tensor<4xi8>
  %b = ulq.dispatch "conv1"(%a) workgroups 1 : (tensor<4xi8>) -> tensor<4xi8>
  %c = ulq.from_bytes %b : (tensor<4xi8>) -> !ulq.packed<[2, 5] x ui2, <bits = 2>>
  return %c : !ulq.packed<[2, 5] x ui2, <bits = 2>>
}

// CHECK-LABEL: @slice
// CHECK: tensor.extract_slice %arg0[0, 1] [4, 3] [1, 2] : tensor<4x6xi8> to tensor<4x3xi8>
func.func @slice(%x: tensor<4x6xui2>) -> tensor<4x3xui2> {
  %s = ulq.slice %x {starts = array<i64: 0, 1>, steps = array<i64: 1, 2>} : (tensor<4x6xui2>) -> tensor<4x3xui2>
  return %s : tensor<4x3xui2>
}

// CHECK-LABEL: @first_rows
// CHECK: %[[C:.*]] = tensor.extract %arg1[%{{.*}}] : tensor<1xi64>
// CHECK: %[[N:.*]] = arith.index_cast %[[C]] : i64 to index
// CHECK: tensor.extract_slice %arg0[0, 0] [%[[N]], 3] [1, 1] : tensor<5x3xi64> to tensor<?x3xi64>
func.func @first_rows(%x: tensor<5x3xi64>, %n: tensor<1xi64>) -> tensor<?x3xi64> {
  %r = ulq.first_rows %x, %n : (tensor<5x3xi64>, tensor<1xi64>) -> tensor<?x3xi64>
  return %r : tensor<?x3xi64>
}
