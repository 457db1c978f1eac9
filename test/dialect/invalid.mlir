// RUN: ulq-opt %s --split-input-file --verify-diagnostics

// One case for each numbered constraint of the operation descriptions, in the
// order of UlqOps.td: values, quantizers and shapes of the graph level.
// arithmetic-invalid.mlir, layer-invalid.mlir and tile-invalid.mlir go on.

func.func @constant_c1() {
  // expected-error@below {{'ulq.constant' op expected a value of the result's shape, got 'tensor<3xi8>'}}
  %0 = ulq.constant {value = dense<[0, 1, 2]> : tensor<3xi8>} : tensor<2xui2>
  return
}

// -----

func.func @constant_c2() {
  // expected-error@below {{'ulq.constant' op expected codes of 'ui2', got 4}}
  %0 = ulq.constant {value = dense<[0, 4]> : tensor<2xi8>} : tensor<2xui2>
  return
}

// -----

func.func @constant_c2_signed() {
  // expected-error@below {{'ulq.constant' op expected codes of 'si2', got -3}}
  %0 = ulq.constant {value = dense<[1, -3]> : tensor<2xi8>} : tensor<2xsi2>
  return
}

// -----

func.func @constant_c3() {
  // expected-error@below {{'ulq.constant' op expected values that hold 'ui2', got 'ui8'}}
  %0 = ulq.constant {value = dense<[0, 1]> : tensor<2xui8>} : tensor<2xui2>
  return
}

// -----

func.func @constant_c3_float() {
  // expected-error@below {{'ulq.constant' op expected values that hold 'f32', got 'i8'}}
  %0 = ulq.constant {value = dense<[0, 1]> : tensor<2xi8>} : tensor<2xf32>
  return
}

// -----

func.func @quantize_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected equal shapes, got [2, 3] and [3, 2]}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<3x2xui2>
  return
}

// -----

func.func @quantize_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected 1 or 3 values of scale, got 2}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 1, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @quantize_c2_zero_point(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected 1 or 2 values of zeroPoint, got 3}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0, 1.0, 2.0>, axis = 0, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @quantize_c3(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected positive finite scales, got 0.000000e+00}}
  %0 = ulq.quantize %x {scale = array<f64: 0.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @quantize_c3_infinite(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected positive finite scales, got INF}}
  %0 = ulq.quantize %x {scale = array<f64: 0x7FF0000000000000>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @quantize_c4(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected min <= max in the range of 'ui2', got 2 and 1}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 2, max = 1, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @quantize_c4_range(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected min <= max in the range of 'si3', got -4 and 4}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = -4, max = 4, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xsi3>
  return
}

// -----

func.func @quantize_c5(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.quantize' op expected an axis below 2, got 2}}
  %0 = ulq.quantize %x {scale = array<f64: 0.5, 0.25>, zeroPoint = array<f64: 0.0>, axis = 2, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @dequantize_c1(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.dequantize' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<2x3xui2>) -> tensor<6xf32>
  return
}

// -----

func.func @dequantize_c2(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.dequantize' op expected 1 or 3 values of zeroPoint, got 2}}
  %0 = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0, 1.0>, axis = 1} : (tensor<2x3xui2>) -> tensor<2x3xf32>
  return
}

// -----

func.func @dequantize_c3(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.dequantize' op expected positive finite scales, got -5.000000e-01}}
  %0 = ulq.dequantize %x {scale = array<f64: -0.5>, zeroPoint = array<f64: 0.0>} : (tensor<2x3xui2>) -> tensor<2x3xf32>
  return
}

// -----

func.func @dequantize_c5(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.dequantize' op expected an axis below 2, got -1}}
  %0 = ulq.dequantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0, 1.0>, axis = -1} : (tensor<2x3xui2>) -> tensor<2x3xf32>
  return
}

// -----

func.func @threshold_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected equal shapes, got [2, 3] and [2, 4]}}
  %0 = ulq.threshold %x {values = array<f64: 0.0>, count = 1} : (tensor<2x3xf32>) -> tensor<2x4xui1>
  return
}

// -----

func.func @threshold_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected 2 thresholds, or as many per channel, got 4}}
  %0 = ulq.threshold %x {values = array<f64: 0.0, 1.0, 0.0, 1.0>, count = 2} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @threshold_c2_axis(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected an axis below 2, got 2}}
  %0 = ulq.threshold %x {values = array<f64: 0.0, 1.0, 0.0, 1.0>, count = 2, axis = 2} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @threshold_c2_empty(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected at least one threshold, got 0}}
  %0 = ulq.threshold %x {values = array<f64>, count = 0} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @threshold_c3(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected ascending thresholds, got 5.000000e-01 after 1.000000e+00}}
  %0 = ulq.threshold %x {values = array<f64: 1.0, 0.5>, count = 2} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @threshold_c4(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected codes that hold 0 to 2, got 'ui1'}}
  %0 = ulq.threshold %x {values = array<f64: 0.5, 1.0>, count = 2} : (tensor<2x3xf32>) -> tensor<2x3xui1>
  return
}

// -----

// 0 falls to -1 between -1 and 0.5.
func.func @threshold_c4_falling(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected codes that hold -1 to 1, got 'ui1'}}
  %0 = ulq.threshold %x {values = array<f64: 0.5, 1.0, -1.0>, count = 3, falling = 1} : (tensor<2x3xf32>) -> tensor<2x3xui1>
  return
}

// -----

func.func @threshold_c3_falling(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected ascending thresholds, got -2.000000e+00 after -1.000000e+00}}
  %0 = ulq.threshold %x {values = array<f64: 0.5, -1.0, -2.0>, count = 3, falling = 2, start = 2} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @threshold_c5(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.threshold' op expected at most 2 falling thresholds, got 3}}
  %0 = ulq.threshold %x {values = array<f64: 0.5, 1.0>, count = 2, falling = 3} : (tensor<2x3xf32>) -> tensor<2x3xui2>
  return
}

// -----

func.func @recode_c1(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.recode' op expected equal shapes, got [2, 3] and [3, 2]}}
  %0 = ulq.recode %x {offset = -2} : (tensor<2x3xui2>) -> tensor<3x2xsi2>
  return
}

// -----

func.func @reshape_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.reshape' op expected equal numbers of elements, got 6 and 5}}
  %0 = ulq.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @reshape_c1_element(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.reshape' op expected equal element types, got 'ui2' and 'ui3'}}
  %0 = ulq.reshape %x : (tensor<2x3xui2>) -> tensor<6xui3>
  return
}

// -----

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.transpose' op expected a permutation of 2 dimensions}}
  %0 = ulq.transpose %x {perm = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @transpose_c1_short(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.transpose' op expected a permutation of 2 dimensions}}
  %0 = ulq.transpose %x {perm = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @transpose_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.transpose' op expected a result of [3, 2], got [2, 3]}}
  %0 = ulq.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @transpose_c2_element(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.transpose' op expected equal element types, got 'f32' and 'ui2'}}
  %0 = ulq.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xui2>
  return
}

// -----

func.func @pad_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.pad' op expected one low and high pad per dimension}}
  %0 = ulq.pad %x {low = array<i64: 1, 0>, high = array<i64: 1>, value = 0.0} : (tensor<2x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @pad_c1_negative(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.pad' op expected non-negative pads, got -1}}
  %0 = ulq.pad %x {low = array<i64: 0, 0>, high = array<i64: 0, -1>, value = 0.0} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @pad_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.pad' op expected a result of [4, 3], got [3, 3]}}
  %0 = ulq.pad %x {low = array<i64: 1, 0>, high = array<i64: 1, 0>, value = 0.0} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @pad_c2_element(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.pad' op expected equal element types, got 'ui2' and 'ui4'}}
  %0 = ulq.pad %x {low = array<i64: 1, 0>, high = array<i64: 1, 0>, value = 0.0} : (tensor<2x3xui2>) -> tensor<4x3xui4>
  return
}

// -----

func.func @concat_c1(%a: tensor<2x3xui2>, %b: tensor<2x4xui3>) {
  // expected-error@below {{'ulq.concat' op expected equal element types, got 'ui2' and 'ui3'}}
  %0 = ulq.concat %a, %b {axis = 1} : (tensor<2x3xui2>, tensor<2x4xui3>) -> tensor<2x7xui3>
  return
}

// -----

func.func @concat_c1_extents(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) {
  // expected-error@below {{'ulq.concat' op expected equal extents off axis 1}}
  %0 = ulq.concat %a, %b {axis = 1} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c1_rank(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error@below {{'ulq.concat' op expected equal extents off axis 1}}
  %0 = ulq.concat %a, %b {axis = 1} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c2(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error@below {{'ulq.concat' op expected a result of [2, 7], got [2, 6]}}
  %0 = ulq.concat %a, %b {axis = 1} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c2_axis(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.concat' op expected an axis below 2, got 2}}
  %0 = ulq.concat %a, %b {axis = 2} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c2_empty() {
  // expected-error@below {{'ulq.concat' op expected at least one operand}}
  %0 = ulq.concat {axis = 0} : () -> tensor<2x3xf32>
  return
}
