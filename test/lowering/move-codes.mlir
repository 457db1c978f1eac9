// RUN: ulq-opt %s --ulq-move-codes --split-input-file | FileCheck %s

// A nearest upsampling as the importer writes it is one copy: 15 pixels of 8 codes, each 2 by 3 times.
// CHECK-LABEL: @upsample
// CHECK: %[[X:.*]] = ulq.lookup
// CHECK-NEXT: %[[M:.*]] = ulq.move_codes %[[X]] {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [3, 2, 5, 3], fromStrides = [40, 0, 8, 0], toStrides = [240, 120, 24, 8], run = 8>]} : (tensor<1x3x5x8xui2>) -> tensor<1x6x15x8xui2>
// CHECK-NEXT: ulq.lookup %[[M]]
func.func @upsample(%arg: tensor<1x3x5x8xui2>) -> tensor<1x6x15x8xui2> {
  %x = ulq.lookup %arg {table = array<i64: 3, 2, 1, 0>} : (tensor<1x3x5x8xui2>) -> tensor<1x3x5x8xui2>
  %a = ulq.reshape %x : (tensor<1x3x5x8xui2>) -> tensor<1x3x1x5x8xui2>
  %b = ulq.concat %a, %a {axis = 2} : (tensor<1x3x1x5x8xui2>, tensor<1x3x1x5x8xui2>) -> tensor<1x3x2x5x8xui2>
  %c = ulq.reshape %b : (tensor<1x3x2x5x8xui2>) -> tensor<1x6x5x1x8xui2>
  %d = ulq.concat %c, %c, %c {axis = 3} : (tensor<1x6x5x1x8xui2>, tensor<1x6x5x1x8xui2>, tensor<1x6x5x1x8xui2>) -> tensor<1x6x5x3x8xui2>
  %e = ulq.reshape %d : (tensor<1x6x5x3x8xui2>) -> tensor<1x6x15x8xui2>
  %r = ulq.lookup %e {table = array<i64: 3, 2, 1, 0>} : (tensor<1x6x15x8xui2>) -> tensor<1x6x15x8xui2>
  return %r : tensor<1x6x15x8xui2>
}

// -----

// Repeated lines are part of the concat that alone reads them.
// CHECK-LABEL: @upsample_in_concat
// CHECK: %[[X:.*]] = ulq.lookup %arg0
// CHECK-NEXT: %[[Y:.*]] = ulq.lookup %arg1
// CHECK-NEXT: ulq.move_codes %[[X]], %[[Y]] {blocks = [
// CHECK-SAME: #ulq.block<input = 0, from = 0, to = 0, extents = [6, 2, 4], fromStrides = [32, 0, 8], toStrides = [96, 48, 12], run = 8>,
// CHECK-SAME: #ulq.block<input = 1, from = 0, to = 8, extents = [48], fromStrides = [4], toStrides = [12], run = 4>]}
// CHECK-SAME: (tensor<2x3x4x8xui2>, tensor<2x6x4x4xui2>) -> tensor<2x6x4x12xui2>
// CHECK-NOT: ulq.concat
func.func @upsample_in_concat(%arg: tensor<2x3x4x8xui2>, %other: tensor<2x6x4x4xui2>) -> tensor<2x6x4x12xui2> {
  %x = ulq.lookup %arg {table = array<i64: 3, 2, 1, 0>} : (tensor<2x3x4x8xui2>) -> tensor<2x3x4x8xui2>
  %y = ulq.lookup %other {table = array<i64: 3, 2, 1, 0>} : (tensor<2x6x4x4xui2>) -> tensor<2x6x4x4xui2>
  %a = ulq.reshape %x : (tensor<2x3x4x8xui2>) -> tensor<2x3x1x4x8xui2>
  %b = ulq.concat %a, %a {axis = 2} : (tensor<2x3x1x4x8xui2>, tensor<2x3x1x4x8xui2>) -> tensor<2x3x2x4x8xui2>
  %c = ulq.reshape %b : (tensor<2x3x2x4x8xui2>) -> tensor<2x6x4x8xui2>
  %d = ulq.concat %c, %y {axis = 3} : (tensor<2x6x4x8xui2>, tensor<2x6x4x4xui2>) -> tensor<2x6x4x12xui2>
  %r = ulq.lookup %d {table = array<i64: 3, 2, 1, 0>} : (tensor<2x6x4x12xui2>) -> tensor<2x6x4x12xui2>
  return %r : tensor<2x6x4x12xui2>
}

// -----

// What two operations read is made once.
// CHECK-LABEL: @shared
// CHECK: %[[X:.*]] = ulq.lookup %arg0
// CHECK-NEXT: %[[A:.*]] = ulq.move_codes %[[X]] {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [2], fromStrides = [0], toStrides = [32], run = 32>]}
// CHECK-NEXT: %[[B:.*]] = ulq.move_codes %[[A]], %[[X]] {blocks = [
// CHECK-SAME: #ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 64>,
// CHECK-SAME: #ulq.block<input = 1, from = 0, to = 64, extents = [], fromStrides = [], toStrides = [], run = 32>]}
func.func @shared(%arg: tensor<4x8xui1>) -> (tensor<8x8xui1>, tensor<12x8xui1>) {
  %x = ulq.lookup %arg {table = array<i64: 1, 0>} : (tensor<4x8xui1>) -> tensor<4x8xui1>
  %a = ulq.concat %x, %x {axis = 0} : (tensor<4x8xui1>, tensor<4x8xui1>) -> tensor<8x8xui1>
  %b = ulq.concat %a, %x {axis = 0} : (tensor<8x8xui1>, tensor<4x8xui1>) -> tensor<12x8xui1>
  %p = ulq.lookup %a {table = array<i64: 1, 0>} : (tensor<8x8xui1>) -> tensor<8x8xui1>
  %q = ulq.lookup %b {table = array<i64: 1, 0>} : (tensor<12x8xui1>) -> tensor<12x8xui1>
  return %p, %q : tensor<8x8xui1>, tensor<12x8xui1>
}

// -----

// A concat in a concat is one with it, and so is a slice: 4 channels of every second line.
// CHECK-LABEL: @parts
// CHECK: %[[X:.*]] = ulq.lookup %arg0
// CHECK-NEXT: %[[Y:.*]] = ulq.lookup %arg1
// CHECK-NEXT: ulq.move_codes %[[X]], %[[Y]] {blocks = [
// CHECK-SAME: #ulq.block<input = 0, from = 36, to = 0, extents = [2, 3], fromStrides = [72, 12], toStrides = [60, 20], run = 4>,
// CHECK-SAME: #ulq.block<input = 1, from = 0, to = 4, extents = [6], fromStrides = [8], toStrides = [20], run = 8>,
// CHECK-SAME: #ulq.block<input = 1, from = 0, to = 12, extents = [6], fromStrides = [8], toStrides = [20], run = 8>]}
// CHECK-NOT: ulq.slice
func.func @parts(%arg: tensor<4x3x12xui4>, %other: tensor<2x3x8xui4>) -> tensor<2x3x20xui4> {
  %x = ulq.lookup %arg {table = array<i64: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14>} : (tensor<4x3x12xui4>) -> tensor<4x3x12xui4>
  %y = ulq.lookup %other {table = array<i64: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14>} : (tensor<2x3x8xui4>) -> tensor<2x3x8xui4>
  %a = ulq.slice %x {starts = array<i64: 1, 0, 0>, steps = array<i64: 2, 1, 1>} : (tensor<4x3x12xui4>) -> tensor<2x3x4xui4>
  %b = ulq.concat %a, %y {axis = 2} : (tensor<2x3x4xui4>, tensor<2x3x8xui4>) -> tensor<2x3x12xui4>
  %c = ulq.concat %b, %y {axis = 2} : (tensor<2x3x12xui4>, tensor<2x3x8xui4>) -> tensor<2x3x20xui4>
  %r = ulq.lookup %c {table = array<i64: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14>} : (tensor<2x3x20xui4>) -> tensor<2x3x20xui4>
  return %r : tensor<2x3x20xui4>
}

// -----

// Pixels of whole bytes change places.
// CHECK-LABEL: @transpose
// CHECK: ulq.move_codes %{{.*}} {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [3, 2], fromStrides = [8, 24], toStrides = [16, 8], run = 8>]}
func.func @transpose(%arg: tensor<2x3x8xui1>) -> tensor<3x2x8xui1> {
  %x = ulq.lookup %arg {table = array<i64: 1, 0>} : (tensor<2x3x8xui1>) -> tensor<2x3x8xui1>
  %t = ulq.transpose %x {perm = array<i64: 1, 0, 2>} : (tensor<2x3x8xui1>) -> tensor<3x2x8xui1>
  %r = ulq.lookup %t {table = array<i64: 1, 0>} : (tensor<3x2x8xui1>) -> tensor<3x2x8xui1>
  return %r : tensor<3x2x8xui1>
}

// -----

// Rows of 33 codes of 2 bits end within a byte: whole rows move, their parts do not.
// CHECK-LABEL: @rows
// CHECK: ulq.move_codes %{{.*}}, %{{.*}} {blocks = [
// CHECK-SAME: #ulq.block<input = 0, from = 0, to = 0, extents = [2], fromStrides = [99], toStrides = [231], run = 99>,
// CHECK-SAME: #ulq.block<input = 1, from = 0, to = 99, extents = [2], fromStrides = [132], toStrides = [231], run = 132>]}
// CHECK: ulq.concat %{{.*}} {axis = 2 : i64}
func.func @rows(%arg: tensor<2x3x33xui2>, %other: tensor<2x4x33xui2>) -> (tensor<2x7x33xui2>, tensor<2x3x66xui2>) {
  %x = ulq.lookup %arg {table = array<i64: 3, 2, 1, 0>} : (tensor<2x3x33xui2>) -> tensor<2x3x33xui2>
  %y = ulq.lookup %other {table = array<i64: 3, 2, 1, 0>} : (tensor<2x4x33xui2>) -> tensor<2x4x33xui2>
  %a = ulq.concat %x, %y {axis = 1} : (tensor<2x3x33xui2>, tensor<2x4x33xui2>) -> tensor<2x7x33xui2>
  %b = ulq.concat %x, %x {axis = 2} : (tensor<2x3x33xui2>, tensor<2x3x33xui2>) -> tensor<2x3x66xui2>
  %p = ulq.lookup %a {table = array<i64: 3, 2, 1, 0>} : (tensor<2x7x33xui2>) -> tensor<2x7x33xui2>
  %q = ulq.lookup %b {table = array<i64: 3, 2, 1, 0>} : (tensor<2x3x66xui2>) -> tensor<2x3x66xui2>
  return %p, %q : tensor<2x7x33xui2>, tensor<2x3x66xui2>
}

// -----

#turned = #ulq.geometry<input = [1, 2, 8, 4], output = [1, 2, 8, 4], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#part = #ulq.geometry<input = [1, 2, 2, 8], output = [1, 2, 2, 8], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#lines = #ulq.geometry<input = [1, 4, 2, 8], output = [1, 4, 2, 8], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Codes that no layer, pool or lookup reads are IREE's, and so are slices of those that none makes, and transposes without
// neighbours; reshapes move nothing.
// CHECK-LABEL: @others
// CHECK-NOT: ulq.move_codes
func.func @others(%x: tensor<1x2x4x8xui8>) -> (tensor<1x4x4x8xui8>, tensor<1x2x8x4xui8>, tensor<1x4x2x8xui8>, tensor<1x2x2x8xui8>) {
  %a = ulq.concat %x, %x {axis = 1} : (tensor<1x2x4x8xui8>, tensor<1x2x4x8xui8>) -> tensor<1x4x4x8xui8>
  %b = ulq.transpose %x {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x2x4x8xui8>) -> tensor<1x2x8x4xui8>
  %d = ulq.slice %x {starts = array<i64: 0, 0, 1, 0>, steps = array<i64: 1, 1, 2, 1>} : (tensor<1x2x4x8xui8>) -> tensor<1x2x2x8xui8>
  %c = ulq.reshape %x : (tensor<1x2x4x8xui8>) -> tensor<1x4x2x8xui8>
  %q = ulq.max_pool_codes %b {geometry = #turned} : (tensor<1x2x8x4xui8>) -> tensor<1x2x8x4xui8>
  %r = ulq.max_pool_codes %c {geometry = #lines} : (tensor<1x4x2x8xui8>) -> tensor<1x4x2x8xui8>
  %s = ulq.max_pool_codes %d {geometry = #part} : (tensor<1x2x2x8xui8>) -> tensor<1x2x2x8xui8>
  return %a, %q, %r, %s : tensor<1x4x4x8xui8>, tensor<1x2x8x4xui8>, tensor<1x4x2x8xui8>, tensor<1x2x2x8xui8>
}
