// RUN: ulq-opt %s --ulq-prove-ranges --split-input-file --verify-diagnostics | FileCheck %s

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// The bounds are those of the worst channel: 3 * (1 + 1) and 3 * (-2 - 1).
// CHECK-LABEL: @range
// CHECK: accumulatorMax = 6 : i64, accumulatorMin = -9 : i64
// CHECK-SAME: maxCode = 3 : i64
// CHECK-SAME: weightBase = -2 : i64, weightBits = 2 : i64, weightLevels = 4 : i64, weightStep = 1 : i64
func.func @range(%x: tensor<1x1x1x3xui2>) -> tensor<1x1x1x2xf32> {
  %w = ulq.constant {value = dense<[[[[1, 0, 1]]], [[[-2, -1, 1]]]]> : tensor<2x1x1x3xi8>} : tensor<2x1x1x3xsi2>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<2x1x1x3xsi2>) -> tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Binary weights are one bit, two apart; the quantizer yields no code above 2.
// CHECK-LABEL: @binary_weights_known_codes
// CHECK: maxCode = 2 : i64
// CHECK-SAME: weightBase = -1 : i64, weightBits = 1 : i64, weightLevels = 2 : i64, weightStep = 2 : i64
func.func @binary_weights_known_codes(%v: tensor<1x1x1x3xf32>) -> tensor<1x1x1x2xf32> {
  %x = ulq.quantize %v {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 2, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xui2>
  %w = ulq.constant {value = dense<[[[[1, -1, 1]]], [[[-1, -1, 1]]]]> : tensor<2x1x1x3xi8>} : tensor<2x1x1x3xsi2>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<2x1x1x3xsi2>) -> tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// The largest code of what is joined.
// CHECK-LABEL: @joined_codes
// CHECK: maxCode = 9 : i64
// CHECK: maxCode = 9 : i64
func.func @joined_codes(%v: tensor<1x1x1x1xf32>, %u: tensor<1x1x1x2xf32>) -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) {
  %x = ulq.quantize %v {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 2, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xui4>
  %y = ulq.quantize %u {scale = array<f64: 1.0>, zeroPoint = array<f64: 0.0>, min = 0, max = 9, rounding = #ulq.rounding<half_even>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xui4>
  %c = ulq.concat %x, %y {axis = 3} : (tensor<1x1x1x1xui4>, tensor<1x1x1x2xui4>) -> tensor<1x1x1x3xui4>
  %m = ulq.move_codes %x, %y {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 1>, #ulq.block<input = 1, from = 0, to = 1, extents = [], fromStrides = [], toStrides = [], run = 2>]} : (tensor<1x1x1x1xui4>, tensor<1x1x1x2xui4>) -> tensor<1x1x1x3xui4>
  %w = ulq.constant {value = dense<1> : tensor<2x1x1x3xi8>} : tensor<2x1x1x3xsi2>
  %r = ulq.layer %c, %w {geometry = #point} : (tensor<1x1x1x3xui4>, tensor<2x1x1x3xsi2>) -> tensor<1x1x1x2xf32>
  %s = ulq.layer %m, %w {geometry = #point} : (tensor<1x1x1x3xui4>, tensor<2x1x1x3xsi2>) -> tensor<1x1x1x2xf32>
  return %r, %s : tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Unsigned bytes are moved into the signed ones, with a weightZero of 128.
// CHECK-LABEL: @unsigned_weights
// CHECK: dense<{{\[\[\[\[}}-128, -28, 127]]], {{\[\[\[}}-128, -127, -126]]]]> : tensor<2x1x1x3xi16>
// CHECK: weightBase = -128 : i64
// CHECK-SAME: weightZero = array<i32: 128, 128>
func.func @unsigned_weights(%x: tensor<1x1x1x3xui2>) -> tensor<1x1x1x2xf32> {
  %w = ulq.constant {value = dense<[[[[0, 100, 255]]], [[[0, 1, 2]]]]> : tensor<2x1x1x3xi16>} : tensor<2x1x1x3xi16>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<2x1x1x3xi16>) -> tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// A weightZero that costs no bit becomes part of the weights.
// CHECK-LABEL: @weight_zero_folds
// CHECK: dense<{{\[\[\[\[}}-1, 0, 1]]], {{\[\[\[}}-2, 0, 1]]]]> : tensor<2x1x1x3xi16>
// CHECK-NOT: weightZero
// CHECK: weightBase = -2 : i64, weightBits = 2 : i64
func.func @weight_zero_folds(%x: tensor<1x1x1x3xui2>) -> tensor<1x1x1x2xf32> {
  %w = ulq.constant {value = dense<[[[[1, 2, 3]]], [[[0, 2, 3]]]]> : tensor<2x1x1x3xi8>} : tensor<2x1x1x3xui2>
  %r = ulq.layer %x, %w {geometry = #point, weightZero = array<i32: -2, -2>} : (tensor<1x1x1x3xui2>, tensor<2x1x1x3xui2>) -> tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Weight-only quantization: codes in the program, f32 products.
// CHECK-LABEL: @float_by_codes
// CHECK: weightBase = -1 : i64, weightBits = 2 : i64, weightLevels = 3 : i64
func.func @float_by_codes(%x: tensor<1x1x1x3xf32>) -> tensor<1x1x1x1xf32> {
  %w = ulq.constant {value = dense<[[[[1, 0, -1]]]]> : tensor<1x1x1x3xi8>} : tensor<1x1x1x3xsi2>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xf32>, tensor<1x1x1x3xsi2>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @too_many_levels(%x: tensor<1x1x1x3xui2>) -> tensor<1x1x1x1xf32> {
  %w = ulq.constant {value = dense<[[[[-300, 1, 255]]]]> : tensor<1x1x1x3xi16>} : tensor<1x1x1x3xi16>
  // expected-error@below {{expected weights of at most 8 bits, got -300 to 255}}
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<1x1x1x3xi16>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}

// -----

#wide = #ulq.geometry<input = [1, 1, 1, 80000], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @too_wide(%x: tensor<1x1x1x80000xui8>) -> tensor<1x1x1x1xf32> {
  %w = ulq.constant {value = dense<127> : tensor<1x1x1x80000xi8>} : tensor<1x1x1x80000xi8>
  // expected-error@below {{expected accumulators of at most 32 bits, got 0 to 2590800000}}
  %r = ulq.layer %x, %w {geometry = #wide} : (tensor<1x1x1x80000xui8>, tensor<1x1x1x80000xi8>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}

// -----

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @weights_at_run_time(%x: tensor<1x1x1x3xui2>, %w: tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32> {
  // expected-error@below {{expected constant integer weights}}
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}

// -----

#product = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Every code of both operands is free: 5 * (15 - 7) * (255 - 3) and
// 5 * -7 * (255 - 3). Codes of 8 bits become signed bytes: 128 - 3 stays in
// weightZero.
// CHECK-LABEL: @computed_codes
// CHECK: accumulatorMax = 10080 : i64, accumulatorMin = -8820 : i64
// CHECK-SAME: maxCode = 15 : i64, weightBase = -128 : i64, weightBits = 8 : i64, weightLevels = 256 : i64, weightStep = 1 : i64, weightZero = array<i32: 125, 125>
func.func @computed_codes(%x: tensor<2x3x1x5xui4>, %w: tensor<2x2x1x5xui8>) -> tensor<2x3x1x2xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #product, inputZero = 7, weightZero = array<i32: -3, -3>} : (tensor<2x3x1x5xui4>, tensor<2x2x1x5xui8>) -> tensor<2x3x1x2xf32>
  return %r : tensor<2x3x1x2xf32>
}

// -----

#product = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// A zero point that signed bytes can take in needs no sums of rows.
// CHECK-LABEL: @computed_codes_with_base
// CHECK: accumulatorMax = 525 : i64, accumulatorMin = -600 : i64
// CHECK-SAME: weightBase = -8 : i64, weightBits = 4 : i64, weightLevels = 16 : i64
// CHECK-NOT: weightZero
func.func @computed_codes_with_base(%x: tensor<2x3x1x5xui4>, %w: tensor<2x2x1x5xui4>) -> tensor<2x3x1x2xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #product, weightZero = array<i32: -8, -8>} : (tensor<2x3x1x5xui4>, tensor<2x2x1x5xui4>) -> tensor<2x3x1x2xf32>
  return %r : tensor<2x3x1x2xf32>
}

// -----

#product = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// CHECK-LABEL: @computed_floats
// CHECK: weightBits = 32 : i64
func.func @computed_floats(%x: tensor<2x3x1x5xf32>, %w: tensor<2x2x1x5xf32>) -> tensor<2x3x1x2xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #product} : (tensor<2x3x1x5xf32>, tensor<2x2x1x5xf32>) -> tensor<2x3x1x2xf32>
  return %r : tensor<2x3x1x2xf32>
}

// -----

#product = #ulq.geometry<input = [1, 1, 1, 40000], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @computed_overflow(%x: tensor<1x1x1x40000xui8>, %w: tensor<1x1x1x40000xui8>) -> tensor<1x1x1x1xf32> {
  // expected-error@below {{expected accumulators of at most 32 bits, got 0 to 2601000000}}
  %r = ulq.layer %x, %w {computedWeights, geometry = #product} : (tensor<1x1x1x40000xui8>, tensor<1x1x1x40000xui8>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}
