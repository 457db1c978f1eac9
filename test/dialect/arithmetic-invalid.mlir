// RUN: ulq-opt %s --split-input-file --verify-diagnostics

// One case for each numbered constraint of the operation descriptions, in the
// order of UlqOps.td: arithmetic of the graph level.

func.func @conv2d_c1(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected operands of rank 4, got 4 and 3}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x4x5x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @conv2d_c2(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 0>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x4x5x5xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @conv2d_c2_dilations(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1>, groups = 1} : (tensor<1x4x5x5xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @conv2d_c2_pads(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected 4 non-negative pads}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, -1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x4x5x5xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @conv2d_c3(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected 4 x 2 input channels and outputs that divide by the groups, got 4 and 2}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2} : (tensor<1x4x5x5xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @conv2d_c3_outputs(%x: tensor<1x4x5x5xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected 2 x 2 input channels and outputs that divide by the groups, got 4 and 3}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2} : (tensor<1x4x5x5xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x3x3xf32>
  return
}

// -----

func.func @conv2d_c4(%x: tensor<1x4x5x5xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@below {{'ulq.conv2d' op expected a result of [1, 2, 2, 3], got [1, 2, 3, 3]}}
  %0 = ulq.conv2d %x, %w {strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x4x5x5xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @matmul_c1(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error@below {{'ulq.matmul' op expected operands of rank 2 or more, got 2 and 1}}
  %0 = ulq.matmul %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error@below {{'ulq.matmul' op expected equal reduction extents, got 3 and 4}}
  %0 = ulq.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<2x5x3xf32>, %b: tensor<4x3x6xf32>) {
  // expected-error@below {{'ulq.matmul' op expected extents that broadcast, got 2 and 4}}
  %0 = ulq.matmul %a, %b : (tensor<2x5x3xf32>, tensor<4x3x6xf32>) -> tensor<4x5x6xf32>
  return
}

// -----

func.func @matmul_c3_result(%a: tensor<2x5x3xf32>, %b: tensor<3x6xf32>) {
  // expected-error@below {{'ulq.matmul' op expected a result of [2, 5, 6], got [5, 6]}}
  %0 = ulq.matmul %a, %b : (tensor<2x5x3xf32>, tensor<3x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @affine_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.affine' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.affine %x {scale = array<f64: 2.0>, offset = array<f64: 0.0>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @affine_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.affine' op expected 1 or 3 values of offset, got 2}}
  %0 = ulq.affine %x {scale = array<f64: 2.0>, offset = array<f64: 0.0, 1.0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @affine_c2_axis(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.affine' op expected an axis below 2, got 2}}
  %0 = ulq.affine %x {scale = array<f64: 2.0>, offset = array<f64: 0.0, 1.0>, axis = 2} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @add_c1(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error@below {{'ulq.add' op expected equal shapes, got [2, 3] and [3]}}
  %0 = ulq.add %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @add_c1_result(%a: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.add' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.add %a, %a : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @clamp_c1(%x: tensor<2x3xui2>) {
  // expected-error@below {{'ulq.clamp' op expected equal types, got 'tensor<2x3xui2>' and 'tensor<2x3xui3>'}}
  %0 = ulq.clamp %x {min = 0.0, max = 3.0} : (tensor<2x3xui2>) -> tensor<2x3xui3>
  return
}

// -----

func.func @clamp_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.clamp' op expected min <= max, got 1.000000e+00 and 0.000000e+00}}
  %0 = ulq.clamp %x {min = 1.0, max = 0.0} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @leaky_relu_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.leaky_relu' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.leaky_relu %x {alpha = 0.125} : (tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @round_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{'ulq.round' op expected equal shapes, got [2, 3] and [6]}}
  %0 = ulq.round %x {rounding = #ulq.rounding<half_even>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @max_pool_c1(%x: tensor<3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected an input of rank 4, got 3}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<3x4x4xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @max_pool_c2(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 0>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  return
}

// -----

func.func @max_pool_c2_pads(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected 4 non-negative pads}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  return
}

// -----

func.func @max_pool_c3(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected a result of [1, 3, 2, 2], got [1, 3, 2, 3]}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x3xf32>
  return
}

// -----

func.func @max_pool_c4(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected every window to reach into the input}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x3x2xf32>
  return
}

// -----

func.func @avg_pool_c1(%x: tensor<3x4x4xf32>) {
  // expected-error@below {{'ulq.avg_pool' op expected an input of rank 4, got 3}}
  %0 = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<3x4x4xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @avg_pool_c2(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.avg_pool' op expected 2 positive kernel extents, strides and dilations}}
  %0 = ulq.avg_pool %x {kernel = array<i64: 2, 0>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  return
}

// -----

func.func @avg_pool_c2_pads(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.avg_pool' op expected 4 non-negative pads}}
  %0 = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  return
}

// -----

func.func @avg_pool_c3(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.avg_pool' op expected a result of [1, 3, 2, 2], got [1, 3, 2, 3]}}
  %0 = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x3xf32>
  return
}

// -----

func.func @avg_pool_c4(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.avg_pool' op expected every window to reach into the input}}
  %0 = ulq.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<1x3x4x4xf32>) -> tensor<1x3x3x2xf32>
  return
}

// -----

func.func @max_pool_c4_last(%x: tensor<1x3x4x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected every window to reach into the input}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 2>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x3xf32>
  return
}

// -----

func.func @max_pool_c4_dilated(%x: tensor<1x3x1x4xf32>) {
  // expected-error@below {{'ulq.max_pool' op expected every window to reach into the input}}
  %0 = ulq.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 2>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 2, 1>} : (tensor<1x3x1x4xf32>) -> tensor<1x3x1x2xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<4x6xf32>) {
  // expected-error@below {{'ulq.slice' op expected one non-negative start and one positive step per dimension}}
  %0 = ulq.slice %x {starts = array<i64: 0, 1>, steps = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<4x6xf32>) {
  // expected-error@below {{'ulq.slice' op expected a part of [4, 6], got [4, 3]}}
  %0 = ulq.slice %x {starts = array<i64: 0, 2>, steps = array<i64: 1, 2>} : (tensor<4x6xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @slice_c2_element(%x: tensor<4x6xui2>) {
  // expected-error@below {{'ulq.slice' op expected equal element types, got 'ui2' and 'ui3'}}
  %0 = ulq.slice %x {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<4x6xui2>) -> tensor<4x3xui3>
  return
}
