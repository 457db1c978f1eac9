// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --split-input-file --verify-diagnostics | FileCheck %s
// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2 family=dot" --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=DOT
// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2 family=product_lut" --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=BASELINE
// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx512icl" --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=ICL
// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --split-input-file --remarks-filter="ulq-.*" 2>&1 | FileCheck %s --check-prefix=REMARK

#conv = #ulq.geometry<input = [1, 24, 24, 32], output = [1, 24, 24, 32], kernel = [3, 1], strides = [1, 1], pads = [1, 0, 1, 0], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 24, 24, 32], output = [1, 12, 12, 32], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Codes are packed from the argument to the result: one pack, one unpack.
// REMARK: [Passed] conv1 | Category:ulq-select-kernel
// REMARK-SAME: isa=avx2, kernel=lut, runnerUp=dot16
// CHECK-LABEL: @chain
// CHECK: %[[X:.*]] = ulq.pack %arg0 : (tensor<1x24x24x32xui2>) -> !ulq.packed<[1, 24, 24, 32] x ui2, <bits = 2>>
// CHECK: %[[A:.*]] = ulq.layer %[[X]]
// CHECK-SAME: family = "lut", isa = "avx2"
// CHECK-SAME: workgroups = 2
// CHECK-SAME: runnerUp = "dot16"
// CHECK-SAME: -> !ulq.packed<[1, 24, 24, 32] x ui3, <bits = 4>>
// CHECK: %[[P:.*]] = ulq.max_pool_codes %[[A]]
// CHECK-SAME: family = "max_pool"
// CHECK: ulq.unpack %[[P]]
// DOT: family = "dot"
// A baseline is taken where it is named.
// BASELINE: family = "product_lut"
// BASELINE-SAME: runnerUp = "lut"
func.func @chain(%x: tensor<1x24x24x32xui2>) -> tensor<1x12x12x32xui3> {
  %w = ulq.constant {value = dense<1> : tensor<32x3x1x32xi8>} : tensor<32x3x1x32xsi2>
  %a = ulq.layer %x, %w {geometry = #conv, thresholds = dense<5> : tensor<32x7xi32>, descending = array<i1: false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false>} : (tensor<1x24x24x32xui2>, tensor<32x3x1x32xsi2>) -> tensor<1x24x24x32xui3> loc("conv1")
  %p = ulq.max_pool_codes %a {geometry = #pool} : (tensor<1x24x24x32xui3>) -> tensor<1x12x12x32xui3>
  return %p : tensor<1x12x12x32xui3>
}

// -----

#conv = #ulq.geometry<input = [1, 24, 24, 64], output = [1, 24, 24, 64], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>

// Codes of 6 bits fit the scheme of 4 times their range, 8 bits fit none; by
// small weights they fit 16-bit sums. Its blocks and its panels are divided.
// CHECK-LABEL: @winograd
// CHECK: ulq.layer
// CHECK-SAME: family = "winograd_f2x2", isa = "avx2"
// CHECK-SAME: workgroups = 8
// CHECK-SAME: panelParts = 2
// CHECK: ulq.layer
// CHECK-SAME: family = "dot16"
func.func @winograd(%x: tensor<1x24x24x64xui6>, %y: tensor<1x24x24x64xui8>) -> (tensor<1x24x24x64xf32>, tensor<1x24x24x64xf32>) {
  %w = ulq.constant {value = dense<1> : tensor<64x3x3x64xi8>} : tensor<64x3x3x64xsi2>
  %a = ulq.layer %x, %w {geometry = #conv} : (tensor<1x24x24x64xui6>, tensor<64x3x3x64xsi2>) -> tensor<1x24x24x64xf32>
  %b = ulq.layer %y, %w {geometry = #conv} : (tensor<1x24x24x64xui8>, tensor<64x3x3x64xsi2>) -> tensor<1x24x24x64xf32>
  return %a, %b : tensor<1x24x24x64xf32>, tensor<1x24x24x64xf32>
}

// -----

#groups = #ulq.geometry<input = [1, 2, 2, 6], output = [1, 2, 2, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 2>

// 3 channels of 2 bits do not fill bytes, so the input has one code per byte;
// so little work is one workgroup, and f32 results stay plain tensors.
// CHECK-LABEL: @groups
// CHECK: ulq.pack %arg0 : (tensor<1x2x2x6xui2>) -> !ulq.packed<[1, 2, 2, 6] x ui2, <bits = 8>>
// CHECK: workgroups = 1
// CHECK-SAME: -> tensor<1x2x2x4xf32>
func.func @groups(%x: tensor<1x2x2x6xui2>) -> tensor<1x2x2x4xf32> {
  %w = ulq.constant {value = dense<1> : tensor<4x1x1x3xi8>} : tensor<4x1x1x3xsi2>
  %r = ulq.layer %x, %w {geometry = #groups} : (tensor<1x2x2x6xui2>, tensor<4x1x1x3xsi2>) -> tensor<1x2x2x4xf32>
  return %r : tensor<1x2x2x4xf32>
}

// -----

#rows = #ulq.geometry<input = [1, 1, 49, 256], output = [1, 1, 49, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#row = #ulq.geometry<input = [1, 1, 1, 256], output = [1, 1, 1, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Tables for two rows pay where there are two; a tile has whole pairs of rows.
// CHECK-LABEL: @binary
// CHECK: family = "nibble", isa = "avx2", rows = 8,
// CHECK-SAME: runnerUp = "lut"
// CHECK: family = "lut", isa = "avx2", rows = 1,
// CHECK-SAME: runnerUp = "built_lut"
func.func @binary(%x: tensor<1x1x49x256xui1>, %y: tensor<1x1x1x256xui1>) -> (tensor<1x1x49x64xf32>, tensor<1x1x1x64xf32>) {
  %w = ulq.constant {value = dense<1> : tensor<64x1x1x256xi8>} : tensor<64x1x1x256xsi2>
  %a = ulq.layer %x, %w {geometry = #rows} : (tensor<1x1x49x256xui1>, tensor<64x1x1x256xsi2>) -> tensor<1x1x49x64xf32>
  %b = ulq.layer %y, %w {geometry = #row} : (tensor<1x1x1x256xui1>, tensor<64x1x1x256xsi2>) -> tensor<1x1x1x64xf32>
  return %a, %b : tensor<1x1x49x64xf32>, tensor<1x1x1x64xf32>
}

// -----

#lanes = #ulq.geometry<input = [1, 2, 2, 6], output = [1, 2, 2, 12], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 6>

// Channels are lanes, so groups of one 2-bit code need not start at bytes; group
// by group they would.
// CHECK-LABEL: @lanes
// CHECK: ulq.pack %arg0 : (tensor<1x2x2x6xui2>) -> !ulq.packed<[1, 2, 2, 6] x ui2, <bits = 2>>
// CHECK: family = "depthwise"
// CHECK-SAME: -> !ulq.packed<[1, 2, 2, 12] x ui3, <bits = 4>>
// DOT-LABEL: @lanes
// DOT: ulq.pack %arg0 : (tensor<1x2x2x6xui2>) -> !ulq.packed<[1, 2, 2, 6] x ui2, <bits = 8>>
// DOT: family = "dot"
// DOT-SAME: -> !ulq.packed<[1, 2, 2, 12] x ui3, <bits = 4>>
func.func @lanes(%x: tensor<1x2x2x6xui2>) -> tensor<1x2x2x12xui3> {
  %w = ulq.constant {value = dense<1> : tensor<12x1x1x1xi8>} : tensor<12x1x1x1xsi2>
  %r = ulq.layer %x, %w {geometry = #lanes, thresholds = dense<2> : tensor<12x7xi32>, descending = array<i1: false, false, false, false, false, false, false, false, false, false, false, false>} : (tensor<1x2x2x6xui2>, tensor<12x1x1x1xsi2>) -> tensor<1x2x2x12xui3>
  return %r : tensor<1x2x2x12xui3>
}

// -----

#product = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Rows of both operands hold their codes in one order: the narrower one is
// widened, and with it whatever else it is multiplied by.
// CHECK-LABEL: @computed_widths
// CHECK-DAG: ulq.pack %arg0 : (tensor<2x3x1x5xui2>) -> !ulq.packed<[2, 3, 1, 5] x ui2, <bits = 8>>
// CHECK-DAG: ulq.pack %arg1 : (tensor<2x2x1x5xui4>) -> !ulq.packed<[2, 2, 1, 5] x ui4, <bits = 8>>
// CHECK-DAG: ulq.pack %arg2 : (tensor<2x2x1x5xui2>) -> !ulq.packed<[2, 2, 1, 5] x ui2, <bits = 8>>
// CHECK: ulq.layer %
// CHECK-SAME: family = "dot16"
func.func @computed_widths(%x: tensor<2x3x1x5xui2>, %w: tensor<2x2x1x5xui4>, %v: tensor<2x2x1x5xui2>) -> (tensor<2x3x1x2xf32>, tensor<2x3x1x2xf32>) {
  %r = ulq.layer %x, %v {computedWeights, geometry = #product} : (tensor<2x3x1x5xui2>, tensor<2x2x1x5xui2>) -> tensor<2x3x1x2xf32>
  %s = ulq.layer %x, %w {computedWeights, geometry = #product} : (tensor<2x3x1x5xui2>, tensor<2x2x1x5xui4>) -> tensor<2x3x1x2xf32>
  return %r, %s : tensor<2x3x1x2xf32>, tensor<2x3x1x2xf32>
}

// -----

#product = #ulq.geometry<input = [1, 64, 1, 64], output = [1, 64, 1, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// No panels of a lookup kernel can be made at run time.
// CHECK-LABEL: @computed_family
// CHECK: family = "dot16"
// CHECK-SAME: runnerUp = "dot"
func.func @computed_family(%x: tensor<1x64x1x64xui2>, %w: tensor<1x64x1x64xui2>) -> tensor<1x64x1x64xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #product} : (tensor<1x64x1x64xui2>, tensor<1x64x1x64xui2>) -> tensor<1x64x1x64xf32>
  return %r : tensor<1x64x1x64xf32>
}

// -----

#shallow = #ulq.geometry<input = [1, 1, 49, 576], output = [1, 1, 49, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#deep = #ulq.geometry<input = [1, 1, 49, 4608], output = [1, 1, 49, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Additions across lanes pay over a long depth.
// CHECK-LABEL: @ones
// CHECK: family = "nibble"
// CHECK: family = "nibble"
// ICL-LABEL: @ones
// ICL: family = "nibble", isa = "avx512icl"
// ICL-SAME: runnerUp = "bit_serial"
// ICL: family = "bit_serial", isa = "avx512icl"
// ICL-SAME: runnerUp = "nibble"
func.func @ones(%x: tensor<1x1x49x576xui1>, %y: tensor<1x1x49x4608xui1>) -> (tensor<1x1x49x64xf32>, tensor<1x1x49x64xf32>) {
  %v = ulq.constant {value = dense<1> : tensor<64x1x1x576xi8>} : tensor<64x1x1x576xsi2>
  %w = ulq.constant {value = dense<1> : tensor<64x1x1x4608xi8>} : tensor<64x1x1x4608xsi2>
  %a = ulq.layer %x, %v {geometry = #shallow} : (tensor<1x1x49x576xui1>, tensor<64x1x1x576xsi2>) -> tensor<1x1x49x64xf32>
  %b = ulq.layer %y, %w {geometry = #deep} : (tensor<1x1x49x4608xui1>, tensor<64x1x1x4608xsi2>) -> tensor<1x1x49x64xf32>
  return %a, %b : tensor<1x1x49x64xf32>, tensor<1x1x49x64xf32>
}

// -----

// Rows that fill their bytes are stored at their width, but codes that come as bytes for lookups alone are not packed.
// CHECK-LABEL: @lookup
// CHECK-DAG: %[[X:.*]] = ulq.pack %arg0 : (tensor<4x6xui2>) -> !ulq.packed<[4, 6] x ui2, <bits = 8>>
// CHECK-DAG: %[[Y:.*]] = ulq.pack %arg1 : (tensor<4x8xui2>) -> !ulq.packed<[4, 8] x ui2, <bits = 8>>
// CHECK: ulq.lookup %[[X]] {kernel = #ulq.kernel<family = "lookup"{{.*}}, table = array<i64: 1, 0, 1, 7>}
// CHECK-SAME: -> !ulq.packed<[4, 6] x ui3, <bits = 4>>
// CHECK: %[[L:.*]] = ulq.lookup %[[Y]] {{.*}} -> !ulq.packed<[4, 8] x ui3, <bits = 4>>
// CHECK: ulq.lookup %[[L]] {{.*}} (!ulq.packed<[4, 8] x ui3, <bits = 4>>) -> !ulq.packed<[4, 8] x ui1, <bits = 1>>
func.func @lookup(%x: tensor<4x6xui2>, %y: tensor<4x8xui2>) -> (tensor<4x6xui3>, tensor<4x8xui1>) {
  %k = ulq.lookup %x {table = array<i64: 1, 0, 1, 7>} : (tensor<4x6xui2>) -> tensor<4x6xui3>
  %l = ulq.lookup %y {table = array<i64: 1, 0, 1, 7>} : (tensor<4x8xui2>) -> tensor<4x8xui3>
  %m = ulq.lookup %l {table = array<i64: 1, 0, 1, 0, 0, 0, 0, 1>} : (tensor<4x8xui3>) -> tensor<4x8xui1>
  return %k, %m : tensor<4x6xui3>, tensor<4x8xui1>
}

// -----

// Vectors of 32 codes are no work for two parts, 131072 loads are for eight.
// CHECK-LABEL: @lookup_parts
// CHECK: ulq.lookup {{.*}}workgroups = 1, {{.*}}table = array<i64: 3, 2, 1, 0>
// CHECK: ulq.lookup {{.*}}workgroups = 8,
func.func @lookup_parts(%x: tensor<64x2048xui2>, %y: tensor<64x2048xui7>) -> (tensor<64x2048xui2>, tensor<64x2048xui7>) {
  %a = ulq.lookup %x {table = array<i64: 3, 2, 1, 0>} : (tensor<64x2048xui2>) -> tensor<64x2048xui2>
  %b = ulq.lookup %y {table = array<i64: 127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 109, 108, 107, 106, 105, 104, 103, 102, 101, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82, 81, 80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 69, 68, 67, 66, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0>} : (tensor<64x2048xui7>) -> tensor<64x2048xui7>
  return %a, %b : tensor<64x2048xui2>, tensor<64x2048xui7>
}

// -----

#point = #ulq.geometry<input = [1, 64, 64, 64], output = [1, 64, 64, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Copies are of bytes: 12288 runs and 16 bytes a cycle are no work for two parts unless codes have 8 bits.
// CHECK-LABEL: @copy
// CHECK: ulq.layer {{.*}} -> !ulq.packed<[1, 64, 64, 64] x ui2, <bits = 2>>
// CHECK: %[[M:.*]] = ulq.move_codes %{{.*}}, %{{.*}} {blocks = [{{.*}}], kernel = #ulq.kernel<family = "copy", isa = "avx2", rows = 1, outputs = 192, block = 4096, workgroups = 1,
// CHECK-SAME: (!ulq.packed<[1, 64, 64, 64] x ui2, <bits = 2>>, !ulq.packed<[1, 64, 64, 64] x ui2, <bits = 2>>) -> !ulq.packed<[1, 64, 64, 192] x ui2, <bits = 2>>
// CHECK: ulq.move_codes {{.*}}workgroups = 4, {{.*}}(!ulq.packed<[1, 64, 64, 64] x ui8, <bits = 8>>) -> !ulq.packed<[1, 64, 64, 192] x ui8, <bits = 8>>
func.func @copy(%x: tensor<1x64x64x64xui2>, %y: tensor<1x64x64x64xui8>) -> (tensor<1x64x64x192xui2>, tensor<1x64x64x192xui8>) {
  %w = ulq.constant {value = dense<1> : tensor<64x1x1x64xi8>} : tensor<64x1x1x64xsi2>
  %a = ulq.layer %x, %w {geometry = #point, epilogue = [#ulq.quantize<scale = [16.0], zeroPoint = [0.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x64x64x64xui2>, tensor<64x1x1x64xsi2>) -> tensor<1x64x64x64xui2>
  %m = ulq.move_codes %a, %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [4096, 2], fromStrides = [64, 0], toStrides = [192, 64], run = 64>, #ulq.block<input = 1, from = 0, to = 128, extents = [4096], fromStrides = [64], toStrides = [192], run = 64>]} : (tensor<1x64x64x64xui2>, tensor<1x64x64x64xui2>) -> tensor<1x64x64x192xui2>
  %n = ulq.move_codes %y {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [4096, 3], fromStrides = [64, 0], toStrides = [192, 64], run = 64>]} : (tensor<1x64x64x64xui8>) -> tensor<1x64x64x192xui8>
  return %m, %n : tensor<1x64x64x192xui2>, tensor<1x64x64x192xui8>
}

// -----

// Parts take whole classes, at most 14 of them.
// CHECK-LABEL: @suppression
// CHECK: ulq.non_max_suppression %arg0, %arg1, %arg2, %arg3 {kernel = #ulq.kernel<family = "non_max_suppression", isa = "avx2", rows = 1, outputs = 25200, block = 6, workgroups = 14, {{.*}}>} : (tensor<1x25200x4xf32>,
func.func @suppression(%b: tensor<1x25200x4xf32>, %s: tensor<1x80x25200xf32>, %n: tensor<1xi64>, %t: tensor<f32>) -> tensor<80x3xi64> {
  %r:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<1x25200x4xf32>, tensor<1x80x25200xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<80x3xi64>, tensor<1xi64>)
  return %r#0 : tensor<80x3xi64>
}

// -----

// 0.25 cycles for each element and each that is taken.
// CHECK-LABEL: @top_k
// CHECK: ulq.top_k %arg0 {kernel = #ulq.kernel<family = "top_k", isa = "avx2", rows = 1, outputs = 9000, block = 1, workgroups = 8, {{.*}}>} : (tensor<8x9000xf32>)
func.func @top_k(%x: tensor<8x9000xf32>) -> tensor<8x100xi64> {
  %r:2 = ulq.top_k %x : (tensor<8x9000xf32>) -> (tensor<8x100xf32>, tensor<8x100xi64>)
  return %r#1 : tensor<8x100xi64>
}

// -----

// A row of 3 codes of 2 bits is a byte where channels come first, and 3 bytes where floats stand as their codes do.
// CHECK-LABEL: @encode
// CHECK: ulq.encode %arg0 {channelsFirst, kernel = #ulq.kernel<family = "encode", isa = "avx2", rows = 1, outputs = 3, {{.*}} workgroups = 1, {{.*}} -> !ulq.packed<[1, 8, 8, 3] x ui2, <bits = 2>>
// CHECK: ulq.encode %arg1 {{.*}} -> !ulq.packed<[4, 3] x ui2, <bits = 8>>
// CHECK: ulq.encode %arg2 {{.*}} -> !ulq.packed<[4, 8] x ui3, <bits = 4>>
// CHECK: ulq.encode %arg3 {{.*}} workgroups = {{[2-9]}}, {{.*}} -> !ulq.packed<[1, 224, 224, 3] x ui8, <bits = 8>>
func.func @encode(%x: tensor<1x3x8x8xf32>, %y: tensor<4x3xf32>, %z: tensor<4x8xf32>, %i: tensor<1x3x224x224xf32>) -> (tensor<1x8x8x3xui2>, tensor<4x3xui2>, tensor<4x8xui3>, tensor<1x224x224x3xui8>) {
  %a = ulq.encode %x {scale = 0.5, zeroPoint = 0, min = 0, max = 3, channelsFirst} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xui2>
  %b = ulq.encode %y {scale = 0.5, zeroPoint = 0, min = 0, max = 3} : (tensor<4x3xf32>) -> tensor<4x3xui2>
  %c = ulq.encode %z {scale = 0.5, zeroPoint = 0, min = 0, max = 7} : (tensor<4x8xf32>) -> tensor<4x8xui3>
  %d = ulq.encode %i {scale = 0.5, zeroPoint = 0, min = 0, max = 255, channelsFirst} : (tensor<1x3x224x224xf32>) -> tensor<1x224x224x3xui8>
  return %a, %b, %c, %d : tensor<1x8x8x3xui2>, tensor<4x3xui2>, tensor<4x8xui3>, tensor<1x224x224x3xui8>
}
