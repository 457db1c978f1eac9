// RUN: ulq-opt %s --split-input-file --verify-diagnostics

// One case for each numbered constraint of the operation descriptions, in the
// order of UlqOps.td: integer and packed level.

func.func @layer_c1(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected geometries of 4 extents, got 3 and 4}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c1_no_window(%x: tensor<1x2x2x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected positive extents, got [1, 2, 2, 3] and [1, 0, 0, 2]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 2, 2, 3], output = [1, 0, 0, 2], kernel = [3, 3], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x2x2x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x0x0x2xf32>
  return
}

// -----

func.func @layer_c1_kernel(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c1_strides(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [0, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c1_dilations(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, -1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c1_pads(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 4 non-negative pads}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c2(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected output extents [1, 2, 2], got [1, 4, 4]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c3(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected channels that divide by 2 groups, got 3 and 2}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 2>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c3_no_groups(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected channels that divide by 0 groups, got 3 and 2}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 0>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c4(%x: tensor<1x3x4x4xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected an input of [1, 4, 4, 3], got [1, 3, 4, 4]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x3x4x4xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c4_result(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a result of [1, 4, 4, 2], got [1, 2, 4, 4]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @layer_c4_addend(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>, %r0: tensor<1x2x4x4xf32>) {
  // expected-error@below {{'ulq.layer' op expected a result of [1, 4, 4, 2], got [1, 2, 4, 4]}}
  %0 = ulq.layer %x, %w add %r0 {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>, tensor<1x2x4x4xf32>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c5(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x9xi8>) {
  // expected-error@below {{'ulq.layer' op expected weights of [2, 3, 3, 3], got [2, 3, 9]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x9xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c5_blob(%x: tensor<1x4x4x3xui2>, %w: tensor<54xi8>) {
  // expected-error@below {{'ulq.layer' op expected weights of [2, 3, 3, 3], got [54]}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<54xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c5_computed(%x: tensor<2x3x1x5xui4>, %w: tensor<4x1x1x5xui8>) {
  // expected-error@below {{'ulq.layer' op expected weights of [2, 4, 1, 5], got [4, 1, 1, 5]}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<4x1x1x5xui8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c6(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a padCode of 'ui2', got 4}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, padCode = 4} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c7(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 2 values of weightZero, got 3}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, weightZero = array<i32: 1, 2, 3>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_affine(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 1 or 2 values of affine, got 3}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.affine<scale = [1.0, 2.0, 3.0], offset = [0.0]>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_quantize(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 1 or 2 values of quantize, got 3}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.5], zeroPoint = [0.0, 1.0, 2.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_quantize_scale(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected positive finite scales, got 0.000000e+00}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.0], zeroPoint = [0.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_quantize_range(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected min <= max, got 3 and 0}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.5], zeroPoint = [0.0], min = 3, max = 0, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_dequantize(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 1 or 2 values of dequantize, got 3}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.dequantize<scale = [1.0, 2.0, 3.0], zeroPoint = [0.0]>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_threshold(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected 3 thresholds, or as many per channel, got 4}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.threshold<values = [0.0, 1.0, 2.0, 3.0], count = 3>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_add(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>, %r0: tensor<1x4x4x2xf32>) {
  // expected-error@below {{'ulq.layer' op expected one of 1 epilogue operands, got 1}}
  %0 = ulq.layer %x, %w add %r0 {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.add<operand = 1, scale = 1.0 : f64, offset = 0.0 : f64>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c8_unknown(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected an epilogue step, got "relu"}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = ["relu"]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c9(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui2'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.affine<scale = [1.0], offset = [0.0]>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c9_no_step(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui2'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c9_max(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui2'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.5], zeroPoint = [0.0], min = 0, max = 4, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c9_min(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui2'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.5], zeroPoint = [0.0], min = -1, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c8_falling(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected at most 2 falling thresholds, got -1}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.threshold<values = [0.0, 1.0], count = 2, falling = -1>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

// The code rises from 1 to 2 before it falls to 1.
func.func @layer_c9_falling(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui1'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.threshold<values = [0.0, 1.0], count = 2, falling = 1, start = 1>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui1>
  return
}

// -----

// A descending channel goes through its thresholds from the largest on.
func.func @layer_c9_thresholds_falling(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui1'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<[[1, 0], [0, 1]]> : tensor<2x2xi32>, descending = array<i1: false, true>, falling = 1} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui1>
  return
}

// -----

func.func @layer_c10_falling(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected at most 2 falling thresholds, got 3}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<0> : tensor<2x2xi32>, descending = array<i1: false, false>, falling = 3} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c9_threshold(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui1'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.threshold<values = [0.0, 1.0], count = 2>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui1>
  return
}

// -----

func.func @layer_c9_thresholds(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected a last step whose codes fit 'ui1'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<0> : tensor<2x2xi32>, descending = array<i1: false, false>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui1>
  return
}

// -----

func.func @layer_c10(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected thresholds and directions of 2 channels}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<0> : tensor<3x3xi32>, descending = array<i1: false, false>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c10_rank(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected thresholds and directions of 2 channels}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<0> : tensor<i32>, descending = array<i1: false, false>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c10_directions(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected thresholds and directions of 2 channels}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, thresholds = dense<0> : tensor<2x3xi32>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xui2>
  return
}

// -----

func.func @layer_c11(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected one result of codes, one of f32, or both}}
  %0:2 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, epilogue = [#ulq.quantize<scale = [0.5], zeroPoint = [0.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> (tensor<1x4x4x2xui2>, tensor<1x4x4x2xui2>)
  return
}

// -----

func.func @layer_c11_floats(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected one result of codes, one of f32, or both}}
  %0:2 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>)
  return
}

// -----

func.func @layer_c11_none(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected one result of codes, one of f32, or both}}
  ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> ()
  return
}

// -----

func.func @layer_c12(%x: tensor<1x4x4x3xf32>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected padCode 0 for floats, got 1}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, padCode = 1} : (tensor<1x4x4x3xf32>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c12_weights(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xf32>) {
  // expected-error@below {{'ulq.layer' op expected integer weights, or f32 by f32, got 'ui2' by 'f32'}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xf32>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c13(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected accumulators of at most 32 bits, got 5 to 4}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, accumulatorMin = 5, accumulatorMax = 4} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c13_wide(%x: tensor<1x4x4x3xui2>, %w: tensor<2x3x3x3xi8>) {
  // expected-error@below {{'ulq.layer' op expected accumulators of at most 32 bits, got 0 to 2147483648}}
  %0 = ulq.layer %x, %w {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, accumulatorMax = 2147483648} : (tensor<1x4x4x3xui2>, tensor<2x3x3x3xi8>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_c14(%x: tensor<2x3x1x5xui4>, %w: tensor<2x4x1x5xsi8>) {
  // expected-error@below {{'ulq.layer' op expected computed weights of unsigned codes, or f32 by f32, got 'ui4' by 'si8'}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xsi8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c14_plain(%x: tensor<2x3x1x5xui4>, %w: tensor<2x4x1x5xi8>) {
  // expected-error@below {{'ulq.layer' op expected computed weights of unsigned codes, or f32 by f32, got 'ui4' by 'i8'}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xi8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c14_floats(%x: tensor<2x3x1x5xf32>, %w: tensor<2x4x1x5xui8>) {
  // expected-error@below {{'ulq.layer' op expected computed weights of unsigned codes, or f32 by f32, got 'f32' by 'ui8'}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xf32>, tensor<2x4x1x5xui8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c14_layouts(%x: !ulq.packed<[2, 3, 1, 5] x ui4, <bits = 4>>, %w: !ulq.packed<[2, 4, 1, 5] x ui8, <bits = 8>>) {
  // expected-error@below {{'ulq.layer' op expected operands packed at one width, got '!ulq.packed<[2, 3, 1, 5] x ui4, <bits = 4>>' by '!ulq.packed<[2, 4, 1, 5] x ui8, <bits = 8>>'}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (!ulq.packed<[2, 3, 1, 5] x ui4, <bits = 4>>, !ulq.packed<[2, 4, 1, 5] x ui8, <bits = 8>>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c14_zero(%x: tensor<2x3x1x5xui4>, %w: tensor<2x4x1x5xui8>) {
  // expected-error@below {{'ulq.layer' op expected one weightZero beside computed weights}}
  %0 = ulq.layer %x, %w {computedWeights, weightZero = array<i32: 1, 1, 2, 1>, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xui8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c14_strides(%x: tensor<2x3x1x5xui4>, %w: tensor<2x4x1x5xui8>) {
  // expected-error@below {{'ulq.layer' op expected computed weights for a 1x1 kernel without strides, pads and groups}}
  %0 = ulq.layer %x, %w {computedWeights, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 2, 1, 4], kernel = [1, 1], strides = [2, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<2x4x1x5xui8>) -> tensor<2x2x1x4xf32>
  return
}

// -----

func.func @layer_c15(%x: tensor<2x3x1x5xui4>, %w: tensor<4x1x1x5xi8>) {
  // expected-error@below {{'ulq.layer' op expected inputZero beside computed codes only}}
  %0 = ulq.layer %x, %w {inputZero = 3, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xui4>, tensor<4x1x1x5xi8>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @layer_c15_floats(%x: tensor<2x3x1x5xf32>, %w: tensor<2x4x1x5xf32>) {
  // expected-error@below {{'ulq.layer' op expected inputZero beside computed codes only}}
  %0 = ulq.layer %x, %w {computedWeights, inputZero = 3, geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<2x3x1x5xf32>, tensor<2x4x1x5xf32>) -> tensor<2x3x1x4xf32>
  return
}

// -----

func.func @max_pool_codes_c1(%x: tensor<1x4x4x3xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected output extents [1, 2, 2], got [1, 4, 4]}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>) -> tensor<1x4x4x3xui2>
  return
}

// -----

func.func @max_pool_codes_c1_groups(%x: tensor<1x4x4x3xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected one group and equal channels}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 3>} : (tensor<1x4x4x3xui2>) -> tensor<1x2x2x3xui2>
  return
}

// -----

func.func @max_pool_codes_c1_channels(%x: tensor<1x4x4x3xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected one group and equal channels}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 2], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>) -> tensor<1x2x2x2xui2>
  return
}

// -----

func.func @max_pool_codes_c2(%x: tensor<1x3x4x4xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected an input of the geometry's shape}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x3x4x4xui2>) -> tensor<1x2x2x3xui2>
  return
}

// -----

func.func @max_pool_codes_c2_result(%x: tensor<1x4x4x3xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected a result of [1, 2, 2, 3], got [1, 3, 2, 2]}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>) -> tensor<1x3x2x2xui2>
  return
}

// -----

func.func @max_pool_codes_c2_element(%x: tensor<1x4x4x3xui2>) {
  // expected-error@below {{'ulq.max_pool_codes' op expected equal element types, got 'ui2' and 'ui3'}}
  %0 = ulq.max_pool_codes %x {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>} : (tensor<1x4x4x3xui2>) -> tensor<1x2x2x3xui3>
  return
}

// -----

func.func @pack_c1(%x: tensor<3x2xui2>) {
  // expected-error@below {{'ulq.pack' op expected equal shapes, got [3, 2] and [2, 3]}}
  %0 = ulq.pack %x : (tensor<3x2xui2>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// -----

func.func @pack_c1_element(%x: tensor<2x3xui1>) {
  // expected-error@below {{'ulq.pack' op expected equal element types, got 'ui1' and 'ui2'}}
  %0 = ulq.pack %x : (tensor<2x3xui1>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// -----

func.func @unpack_c1(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.unpack' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.unpack %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<6xui2>
  return
}

// -----

func.func @unpack_c1_element(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.unpack' op expected equal element types, got 'ui2' and 'ui3'}}
  %0 = ulq.unpack %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2x3xui3>
  return
}

// -----

func.func @lookup_c1(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.lookup' op expected a result of [2, 3], got [3, 2]}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1, 2>} : (tensor<2x3xui2>) -> tensor<3x2xui2>
  return
}

// -----

func.func @lookup_c2(%x: tensor<2x3xsi2>) {
  // expected-error@below {{'ulq.lookup' op expected unsigned codes, got 'si2' and 'ui2'}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1, 2>} : (tensor<2x3xsi2>) -> tensor<2x3xui2>
  return
}

// -----

func.func @lookup_c2_table(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.lookup' op expected a table of 4 codes, got 3}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1>} : (tensor<2x3xui2>) -> tensor<2x3xui2>
  return
}

// -----

func.func @lookup_c3(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.lookup' op expected codes of 'ui2', got 4}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1, 4>} : (tensor<2x3xui2>) -> tensor<2x3xui2>
  return
}

// -----

func.func @lookup_c4(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.lookup' op expected rows of whole bytes, got '!ulq.packed<[2, 3] x ui2, <bits = 2>>'}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1, 2>} : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> !ulq.packed<[2, 3] x ui2, <bits = 8>>
  return
}

// -----

func.func @lookup_c4_result(%x: !ulq.packed<[2, 3] x ui2, <bits = 8>>) {
  // expected-error@below {{'ulq.lookup' op expected rows of whole bytes, got '!ulq.packed<[2, 3] x ui2, <bits = 2>>'}}
  %0 = ulq.lookup %x {table = array<i64: 3, 0, 1, 2>} : (!ulq.packed<[2, 3] x ui2, <bits = 8>>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// -----

func.func @encode_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.encode' op expected a result of [2, 3], got [3, 2]}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3} : (tensor<2x3xf32>) -> tensor<3x2xui2>
  return
}

// -----

func.func @encode_c1_channels(%x: tensor<1x5x4x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected an image of 1 to 4 channels, got 'tensor<1x5x4x4xf32>'}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3, channelsFirst} : (tensor<1x5x4x4xf32>) -> tensor<1x4x4x5xui2>
  return
}

// -----

func.func @encode_c1_rank(%x: tensor<3x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected an image of 1 to 4 channels, got 'tensor<3x4xf32>'}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3, channelsFirst} : (tensor<3x4xf32>) -> tensor<4x3xui2>
  return
}

// -----

func.func @encode_c1_first(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected a result of [1, 4, 4, 3], got [1, 3, 4, 4]}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3, channelsFirst} : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xui2>
  return
}

// -----

func.func @encode_c2(%x: tensor<2x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected a scale from 2^-100 to 2^100 and a zero point from -1024 to 1024, got 0.000000e+00 and 0}}
  %0 = ulq.encode %x {scale = 0.0, zeroPoint = 0, min = 0, max = 3} : (tensor<2x4xf32>) -> tensor<2x4xui2>
  return
}

// -----

func.func @encode_c2_zero(%x: tensor<2x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected a scale from 2^-100 to 2^100 and a zero point from -1024 to 1024, got 5.000000e-01 and -1025}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = -1025, min = 0, max = 3} : (tensor<2x4xf32>) -> tensor<2x4xui2>
  return
}

// -----

func.func @encode_c3(%x: tensor<2x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected unsigned codes, got 'si3'}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3} : (tensor<2x4xf32>) -> tensor<2x4xsi3>
  return
}

// -----

func.func @encode_c3_range(%x: tensor<2x4xf32>) {
  // expected-error@below {{'ulq.encode' op expected min <= max in the range of 'ui2', got 0 and 4}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 4} : (tensor<2x4xf32>) -> tensor<2x4xui2>
  return
}

// -----

func.func @encode_c4(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.encode' op expected rows of whole bytes, got '!ulq.packed<[2, 3] x ui2, <bits = 2>>'}}
  %0 = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3} : (tensor<2x3xf32>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// -----

func.func @move_codes_c1(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected equal element types, got 'ui2' and 'ui4'}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (tensor<4xui2>) -> tensor<4xui4>
  return
}

// -----

func.func @move_codes_c1_packed(%x: !ulq.packed<[4] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.move_codes' op expected tensors packed at one width, or none, got '!ulq.packed<[4] x ui2, <bits = 2>>' and '!ulq.packed<[4] x ui2, <bits = 4>>'}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (!ulq.packed<[4] x ui2, <bits = 2>>) -> !ulq.packed<[4] x ui2, <bits = 4>>
  return
}

// -----

func.func @move_codes_c1_plain(%x: !ulq.packed<[4] x ui2, <bits = 2>>) {
  // expected-error@below {{expected tensors packed at one width, or none, got '!ulq.packed<[4] x ui2, <bits = 2>>' and 'tensor<4xui2>'}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (!ulq.packed<[4] x ui2, <bits = 2>>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c2_input(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected one of 1 inputs, got 1}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 1, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c2_strides(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected 1 strides, got 0 and 1}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2], fromStrides = [], toStrides = [2], run = 2>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c2_extent(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected a positive run and extents}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [0], fromStrides = [0], toStrides = [2], run = 2>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c2_offset(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected offsets and strides from 0 on}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 2, to = 0, extents = [2], fromStrides = [-2], toStrides = [2], run = 2>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c3(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected to read 4 codes, got code 4}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 1, to = 0, extents = [2], fromStrides = [2], toStrides = [2], run = 2>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c4_twice(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected to write each code once}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2], fromStrides = [2], toStrides = [1], run = 2>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c4_left(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected to write each code once}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 1, extents = [], fromStrides = [], toStrides = [], run = 3>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c4_outside(%x: tensor<4xui2>) {
  // expected-error@below {{'ulq.move_codes' op expected to write each code once}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 1, extents = [], fromStrides = [], toStrides = [], run = 4>]} : (tensor<4xui2>) -> tensor<4xui2>
  return
}

// -----

func.func @move_codes_c5(%x: !ulq.packed<[8] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.move_codes' op expected whole bytes of '!ulq.packed<[8] x ui2, <bits = 2>>' and '!ulq.packed<[8] x ui2, <bits = 2>>'}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [4], fromStrides = [2], toStrides = [2], run = 2>]} : (!ulq.packed<[8] x ui2, <bits = 2>>) -> !ulq.packed<[8] x ui2, <bits = 2>>
  return
}

// -----

// Two rows of 3 bytes are no row of 5.
func.func @move_codes_c5_rows(%x: !ulq.packed<[2, 10] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.move_codes' op expected whole bytes of '!ulq.packed<[2, 10] x ui2, <bits = 2>>' and '!ulq.packed<[20] x ui2, <bits = 2>>'}}
  %0 = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 20>]} : (!ulq.packed<[2, 10] x ui2, <bits = 2>>) -> !ulq.packed<[20] x ui2, <bits = 2>>
  return
}

// -----

func.func @non_max_suppression_c1(%b: tensor<2x9x4xf32>, %s: tensor<2x3x8xf32>, %n: tensor<1xi64>, %t: tensor<f32>) {
  // expected-error@below {{'ulq.non_max_suppression' op expected [batch, boxes, 4] and [batch, classes, boxes], got [2, 9, 4] and [2, 3, 8]}}
  %0:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<2x9x4xf32>, tensor<2x3x8xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<24x3xi64>, tensor<1xi64>)
  return
}

// -----

func.func @non_max_suppression_c2(%b: tensor<2x9x4xf32>, %s: tensor<2x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>) {
  // expected-error@below {{'ulq.non_max_suppression' op expected 1 to 9 rows of 3 for each of 6 classes, got [23, 3]}}
  %0:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<23x3xi64>, tensor<1xi64>)
  return
}

// -----

func.func @non_max_suppression_c2_limit(%b: tensor<2x9x4xf32>, %s: tensor<2x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>) {
  // expected-error@below {{'ulq.non_max_suppression' op expected 1 to 9 rows of 3 for each of 6 classes, got [60, 3]}}
  %0:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<60x3xi64>, tensor<1xi64>)
  return
}

// -----

func.func @non_max_suppression_c3(%b: tensor<2x9x4xf32>, %s: tensor<2x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>, %u: tensor<2xf32>) {
  // expected-error@below {{'ulq.non_max_suppression' op expected a single number, got 'tensor<2xf32>'}}
  %0:2 = ulq.non_max_suppression %b, %s, %n, %t, %u : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>, tensor<2xf32>) -> (tensor<24x3xi64>, tensor<1xi64>)
  return
}

// -----

func.func @first_rows_c1(%x: tensor<5x3xi64>, %n: tensor<2xi64>) {
  // expected-error@below {{'ulq.first_rows' op expected a single number, got 'tensor<2xi64>'}}
  %0 = ulq.first_rows %x, %n : (tensor<5x3xi64>, tensor<2xi64>) -> tensor<?x3xi64>
  return
}

// -----

func.func @first_rows_c2(%x: tensor<5x3xi64>, %n: tensor<1xi64>) {
  // expected-error@below {{'ulq.first_rows' op expected the input's type with an open first extent, got 'tensor<?x2xi64>'}}
  %0 = ulq.first_rows %x, %n : (tensor<5x3xi64>, tensor<1xi64>) -> tensor<?x2xi64>
  return
}

// -----

func.func @first_rows_c2_number(%x: tensor<i64>, %n: tensor<1xi64>) {
  // expected-error@below {{'ulq.first_rows' op expected rows, got a number}}
  %0 = ulq.first_rows %x, %n : (tensor<i64>, tensor<1xi64>) -> tensor<?xi64>
  return
}

// -----

func.func @top_k_c1(%x: tensor<9xf32>) {
  // expected-error@below {{'ulq.top_k' op expected an input of rank 2, got 1}}
  %0:2 = ulq.top_k %x : (tensor<9xf32>) -> (tensor<4xf32>, tensor<4xi64>)
  return
}

// -----

func.func @top_k_c2(%x: tensor<3x9xf32>) {
  // expected-error@below {{'ulq.top_k' op expected a part of each row of [3, 9], got [3, 10] and [3, 10]}}
  %0:2 = ulq.top_k %x : (tensor<3x9xf32>) -> (tensor<3x10xf32>, tensor<3x10xi64>)
  return
}

// -----

func.func @top_k_c2_indices(%x: tensor<3x9xf32>) {
  // expected-error@below {{'ulq.top_k' op expected a part of each row of [3, 9], got [3, 4] and [3, 3]}}
  %0:2 = ulq.top_k %x : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x3xi64>)
  return
}
