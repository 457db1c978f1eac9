// RUN: ulq-opt %s | ulq-opt | FileCheck %s
// RUN: ulq-opt %s --mlir-print-op-generic | ulq-opt | FileCheck %s

// Every operation of the tile and register level survives printing and parsing.

#conv = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
#dot = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>

// CHECK-LABEL: @host
// CHECK: ulq.to_bytes %{{.*}} : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2xi8>
// CHECK: %{{.*}}:2 = ulq.dispatch "conv1"(%{{.*}}, %{{.*}}) workgroups 8 {counters = 3 : i64, scratch} : (tensor<2xi8>, tensor<2xi8>) -> (tensor<2xi8>, tensor<64xi8>)
// CHECK: ulq.from_bytes %{{.*}} : (tensor<2xi8>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
func.func @host(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) {
  %a = ulq.to_bytes %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<2xi8>
  %b:2 = ulq.dispatch "conv1"(%a, %a) workgroups 8 {counters = 3 : i64, scratch} : (tensor<2xi8>, tensor<2xi8>) -> (tensor<2xi8>, tensor<64xi8>)
  ulq.from_bytes %b#0 : (tensor<2xi8>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// CHECK-LABEL: @unpack_weights
// CHECK: ulq.unpack_weights %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {depth = 27 : i64, kernel = #ulq.kernel<family = "dot", {{.*}}>, weightBase = -2 : i64, weightBits = 2 : i64, weightStep = 1 : i64} : memref<?xi8>, index, memref<?xi8>, index, index
func.func @unpack_weights(%b: memref<?xi8>, %i: index) {
  ulq.unpack_weights %b, %i, %b, %i, %i {kernel = #dot, depth = 27, weightBits = 2, weightBase = -2, weightStep = 1} : memref<?xi8>, index, memref<?xi8>, index, index
  return
}

// 132104 products of 127 by 128 fit 31 bits; one more would not.
// CHECK-LABEL: @pack_panel
// CHECK: ulq.pack_panel %{{.*}}[%{{.*}}, %{{.*}}] to[%{{.*}}, %{{.*}}] {base = -128 : i64, {{.*}} rowSums, sumOffset = 7 : i64, sumScale = -3 : i64, words = 9 : i64} : memref<?xi8>
func.func @pack_panel(%b: memref<?xi8>, %i: index) {
  ulq.pack_panel %b[%i, %i] to [%i, %i] {kernel = #dot, rowBytes = 64, words = 9, base = -128, rowSums, sumScale = -3, sumOffset = 7} : memref<?xi8>
  return
}

// CHECK-LABEL: @multiply_tile
// CHECK: ulq.multiply_tile {{.*}} {depth = 132104 : i64, {{.*}} lineBytes = 96 : i64, {{.*}} tapBytes = 8 : i64, tapLines = 4 : i64
func.func @multiply_tile(%b: memref<?xi8>, %i: index) {
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #dot, rowBytes = 132160, depth = 132104, storageBits = 8, maxCode = 127, weightBits = 8, weightBase = -128, weightStep = 1, weightLevels = 256, tapBytes = 8, tapLines = 4, lineBytes = 96} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// CHECK-LABEL: @build_tables
// CHECK: ulq.build_tables %{{.*}}[%{{.*}}] to[%{{.*}}] rows %{{.*}} {depth = 72 : i64, {{.*}} maxCode = 15 : i64, rowBytes = 128 : i64, tableBytes = 320 : i64} : memref<?xi8>
func.func @build_tables(%b: memref<?xi8>, %i: index) {
  ulq.build_tables %b[%i] to [%i] rows %i {kernel = #dot, rowBytes = 128, tableBytes = 320, depth = 72, maxCode = 15} : memref<?xi8>
  return
}

// Three 2-bit codes take one byte of a tap, or four expanded bytes.
// CHECK-LABEL: @gather_rows
// CHECK: ulq.gather_rows {{.*}} {geometry = #ulq.geometry<{{.*}}>, padCode = 2 : i64, rowBytes = 64 : i64, rowSums, storageBits = 2 : i64}
// CHECK: ulq.gather_rows {{.*}} {expand, geometry
// CHECK: ulq.gather_rows {{.*}} rowBytes = 128 : i64, storageBits = 32 : i64}
// CHECK: ulq.gather_rows {{.*}} padCode = 0 : i64, pairs, rowBytes = 128 : i64, storageBits = 1 : i64}
func.func @gather_rows(%b: memref<?xi8>, %i: index) {
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #conv, storageBits = 2, padCode = 2, rowBytes = 64, rowSums} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #conv, storageBits = 2, padCode = 0, rowBytes = 64, expand} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #conv, storageBits = 32, padCode = 0, rowBytes = 128} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #conv, storageBits = 1, padCode = 0, rowBytes = 128, pairs} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// Codes and floats as targets, one addend.
// CHECK-LABEL: @epilogue_tile
// CHECK: ulq.epilogue_tile %[[B:.*]][%[[I:.*]], %[[I]]] params %[[B]][%[[I]]] add %[[B]][%[[I]]] to %[[B]], %[[B]][%[[I]], %[[I]]] at %[[I]], %[[I]], %[[I]], %[[I]] {
// CHECK-SAME: steps = [#ulq.lane<kind = mul, slot = 64>, #ulq.lane<kind = load>, #ulq.lane<kind = add, value = 1.000000e+00 : f64>, #ulq.lane<kind = add_loaded>, #ulq.lane<kind = store_float>, #ulq.lane<kind = count, slot = 128, index = 3>, #ulq.lane<kind = store_code>]
// CHECK-SAME: } : memref<?xi8>, memref<?xi8>, memref<?xi8>, memref<?xi8> add memref<?xi8>
func.func @epilogue_tile(%b: memref<?xi8>, %i: index) {
  ulq.epilogue_tile %b[%i, %i] params %b[%i] add %b[%i] to %b, %b[%i, %i] at %i, %i, %i, %i {kernel = #dot, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, addendBits = array<i64: 2>, codeBits = 2, steps = [#ulq.lane<kind = mul, slot = 64>, #ulq.lane<kind = load, index = 0>, #ulq.lane<kind = add, value = 1.0 : f64>, #ulq.lane<kind = add_loaded>, #ulq.lane<kind = store_float>, #ulq.lane<kind = count, slot = 128, index = 3>, #ulq.lane<kind = store_code>]} : memref<?xi8>, memref<?xi8>, memref<?xi8>, memref<?xi8> add memref<?xi8>
  return
}

// CHECK-LABEL: @epilogue_tile_thresholds
// CHECK: ulq.epilogue_tile %{{.*}} to %{{.*}} {addendBits = array<i64>, codeBits = 2 : i64, flipSlot = 96 : i64
// CHECK-SAME: levels = 3 : i64
// CHECK-SAME: thresholdSlot = 0 : i64
// CHECK-SAME: } : memref<?xi8>, memref<?xi8>, memref<?xi8>{{$}}
func.func @epilogue_tile_thresholds(%b: memref<?xi8>, %i: index) {
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b[%i] at %i, %i, %i, %i {kernel = #dot, width = 5, outputs = 5, lanes = 8, scaleCodes = 1, scaleSum = 0, levels = 3, thresholdSlot = 0, flipSlot = 96, addendBits = array<i64>, codeBits = 2, steps = []} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// CHECK-LABEL: @max_pool_tile
// CHECK: ulq.max_pool_tile %{{.*}} {geometry = #ulq.geometry<{{.*}}>, storageBits = 2 : i64} : memref<?xi8>, index, memref<?xi8>, index, index, index
func.func @max_pool_tile(%b: memref<?xi8>, %i: index) {
  ulq.max_pool_tile %b, %i, %b, %i, %i, %i {geometry = #pool, storageBits = 2} : memref<?xi8>, index, memref<?xi8>, index, index, index
  return
}

// CHECK-LABEL: @registers
// CHECK: ulq.table_lookup %{{.*}}, %{{.*}} : vector<32xi8>
// CHECK: ulq.dot4 %{{.*}}, %{{.*}}, %{{.*}} {maxLhs = 255 : i64, maxRhs = 128 : i64} : vector<8xi32>, vector<32xi8>
// CHECK: ulq.dot2 %{{.*}}, %{{.*}}, %{{.*}} {maxAcc = 32007 : i64, maxLhs = 20 : i64, maxRhs = 19 : i64} : vector<16xi16>, vector<32xi8>
// CHECK: ulq.widen_add %{{.*}}, %{{.*}} : vector<8xi32>, vector<16xi16>
// CHECK: ulq.popcount_add %{{.*}}, %{{.*}} : vector<32xi8>
// CHECK: ulq.word_lookup %{{.*}}[%{{.*}}], %{{.*}} : memref<?xi8>, vector<8xi32> -> vector<8xf32>
func.func @registers(%b: memref<?xi8>, %i: index, %t: vector<32xi8>, %acc: vector<8xi32>, %halves: vector<16xi16>) {
  ulq.table_lookup %t, %t : vector<32xi8>
  ulq.dot4 %acc, %t, %t {maxLhs = 255, maxRhs = 128} : vector<8xi32>, vector<32xi8>
  ulq.dot2 %halves, %t, %t {maxAcc = 32007, maxLhs = 20, maxRhs = 19} : vector<16xi16>, vector<32xi8>
  ulq.widen_add %acc, %halves : vector<8xi32>, vector<16xi16>
  ulq.popcount_add %t, %t : vector<32xi8>
  %w = ulq.word_lookup %b[%i], %acc : memref<?xi8>, vector<8xi32> -> vector<8xf32>
  return
}

// CHECK-LABEL: @epilogue_tile_offsets
// CHECK: ulq.epilogue_tile {{.*}} at %[[I:.*]], %[[I]], %[[I]], %[[I]] offsets[%[[I]]] {
func.func @epilogue_tile_offsets(%b: memref<?xi8>, %i: index) {
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b[%i] at %i, %i, %i, %i offsets [%i] {kernel = #dot, width = 8, outputs = 8, lanes = 8, scaleCodes = 1, scaleSum = 0, addendBits = array<i64>, codeBits = 0, steps = [#ulq.lane<kind = store_float>]} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// CHECK-LABEL: @winograd
// CHECK: ulq.winograd_input {{.*}} scheme = #ulq.winograd<rows = f2, columns = f2>
// CHECK: ulq.winograd_weights
// CHECK: ulq.winograd_output
func.func @winograd(%b: memref<?xi8>, %i: index) {
  ulq.winograd_input %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, rowBytes = 64, lineBytes = 384, productBytes = 128, maxCode = 63} : memref<?xi8>, index, memref<?xi8>, index
  ulq.winograd_weights %b, %i, %b, %i, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, outputs = 16, depth = 4, productBytes = 64, weightBits = 5, weightBase = -14, weightStep = 1, weightLevels = 29, maxCode = 3} : memref<?xi8>, index, memref<?xi8>, index, index
  ulq.winograd_output %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, outputs = 16, productBytes = 128, maxAccumulator = 536870911} : memref<?xi8>, index, memref<?xi8>, index
  return
}
