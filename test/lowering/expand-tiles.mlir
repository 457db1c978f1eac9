// RUN: ulq-opt %s --ulq-expand-tiles --split-input-file --verify-diagnostics | FileCheck %s

#conv = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 8], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

module @kernels attributes {ulq.isa = "avx2"} {
  // One byte of three 2-bit codes per tap: a whole kernel row is a copy of 2 + 1
  // bytes; padding 2 fills three fields and leaves the fourth 0.
  // CHECK-LABEL: @gather
  // CHECK-NOT: ulq.gather_rows
  // CHECK: arith.remui
  // CHECK: scf.if
  // CHECK: vector.load {{.*}} vector<2xi8>
  // CHECK: vector.load {{.*}} vector<1xi8>
  // CHECK: } else {
  // CHECK: arith.constant dense<42> : vector<1xi8>
  // CHECK: vector.reduction <add>
  func.func @gather(%x: memref<?xi8>, %rows: memref<?xi8>, %zero: index, %count: index) {
    ulq.gather_rows %x, %zero, %rows, %zero, %zero, %zero, %count, %zero {geometry = #conv, storageBits = 2, padCode = 2, rowBytes = 64, rowSums} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
    return
  }

  // Four runs of one byte.
  // CHECK-LABEL: @expand
  // CHECK-COUNT-3: arith.shrui {{.*}} vector<1xi8>
  func.func @expand(%x: memref<?xi8>, %rows: memref<?xi8>, %zero: index, %count: index) {
    ulq.gather_rows %x, %zero, %rows, %zero, %zero, %zero, %count, %zero {expand, geometry = #conv, storageBits = 2, padCode = 0, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
    return
  }

  // Two bytes become 8 codes: their halves move to bytes 0 and 2, the codes of
  // each half to neighbouring bytes. A tap of padding is three codes and a zero.
  // CHECK-LABEL: @in_order
  // CHECK: scf.if
  // CHECK: %[[BYTES:.*]] = vector.load {{.*}} vector<2xi8>
  // CHECK: %[[WORDS:.*]] = arith.extui %[[BYTES]] : vector<2xi8> to vector<2xi32>
  // CHECK-DAG: arith.constant dense<12> : vector<2xi32>
  // CHECK-DAG: arith.constant dense<983055> : vector<2xi32>
  // CHECK-DAG: arith.constant dense<6> : vector<2xi32>
  // CHECK-DAG: arith.constant dense<50529027> : vector<2xi32>
  // CHECK: vector.store {{.*}} vector<8xi8>
  // CHECK: } else {
  // CHECK: arith.constant dense<[2, 2, 2, 0]> : vector<4xi8>
  func.func @in_order(%x: memref<?xi8>, %rows: memref<?xi8>, %zero: index, %count: index) {
    ulq.gather_rows %x, %zero, %rows, %zero, %zero, %zero, %count, %zero {expand, channelOrder, geometry = #conv, storageBits = 2, padCode = 2, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
    return
  }

  // Words of 9 are one square of 8 and a column: 3 steps of 8 shuffles each,
  // then the sums of rows.
  // CHECK-LABEL: @pack_panel
  // CHECK-NOT: ulq.pack_panel
  // CHECK-COUNT-8: arith.addi %{{.*}}, %{{.*}} : vector<32xi8>
  // CHECK-COUNT-24: vector.shuffle
  // CHECK-COUNT-8: vector.store
  // CHECK-COUNT-24: vector.shuffle
  // CHECK: vector.store
  // CHECK-NOT: vector.store
  // CHECK: arith.muli {{.*}} vector<8xi32>
  // CHECK: arith.addi {{.*}} vector<8xi32>
  // CHECK: vector.store
  func.func @pack_panel(%b: memref<?xi8>, %zero: index) {
    ulq.pack_panel %b[%zero, %zero] to [%zero, %zero] {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 16, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, words = 9, base = -8, rowSums, sumScale = -3, sumOffset = 7} : memref<?xi8>
    return
  }

  // Fields are compared in place.
  // CHECK-LABEL: @pool
  // CHECK-COUNT-4: arith.maxui
  // CHECK-NOT: arith.maxui
  func.func @pool(%x: memref<?xi8>, %y: memref<?xi8>, %zero: index, %count: index) {
    ulq.max_pool_tile %x, %zero, %y, %zero, %zero, %count {geometry = #pool, storageBits = 2} : memref<?xi8>, index, memref<?xi8>, index, index, index
    return
  }

  // Two thresholds for 5 channels: codes are packed by shifts, the sixth to
  // eighth lanes masked out, two bytes stored.
  // CHECK-LABEL: @epilogue
  // CHECK-COUNT-2: arith.cmpi sgt, {{.*}} vector<8xi32>
  // CHECK: arith.andi {{.*}} vector<8xi8>
  // CHECK: vector.bitcast {{.*}} vector<8xi8> to vector<2xi32>
  // CHECK-COUNT-2: arith.ori {{.*}} vector<2xi32>
  // CHECK: arith.trunci {{.*}} vector<2xi32> to vector<2xi8>
  // CHECK: vector.store {{.*}} vector<2xi8>
  func.func @epilogue(%scratch: memref<?xi8>, %params: memref<?xi8>, %y: memref<?xi8>, %zero: index, %count: index) {
    ulq.epilogue_tile %scratch[%zero, %zero] params %params[%zero] to %y[%zero] at %zero, %count, %zero, %zero {addendBits = array<i64>, codeBits = 2 : i64, kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, lanes = 8 : i64, levels = 2 : i64, outputs = 5 : i64, scaleCodes = 1 : i64, scaleSum = 0 : i64, steps = [], thresholdSlot = 0 : i64, width = 5 : i64} : memref<?xi8>, memref<?xi8>, memref<?xi8>
    return
  }

  // Two tiles of 4 products in a line, whose shared columns are carried from
  // one to the next; offsets of 2 times the largest code, none for the product
  // without negative coefficients.
  // CHECK-LABEL: @winograd_input
  // CHECK-NOT: ulq.winograd_input
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>)
  // CHECK: arith.constant dense<6> : vector<32xi8>
  func.func @winograd_input(%b: memref<?xi8>, %i: index) {
    ulq.winograd_input %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, rowBytes = 64, lineBytes = 384, productBytes = 128, maxCode = 3} : memref<?xi8>, index, memref<?xi8>, index
    return
  }

  // The scale 36 is 4 times 9; 954437177 is the inverse of 9 modulo 2^32.
  // CHECK-LABEL: @winograd_output
  // CHECK: arith.constant dense<954437177> : vector<8xi32>
  // CHECK: arith.muli
  // CHECK: arith.shrsi
  func.func @winograd_output(%b: memref<?xi8>, %i: index) {
    ulq.winograd_output %b, %i, %b, %i {scheme = #ulq.winograd<rows = f3, columns = f3>, tileRows = 1, tileColumns = 2, outputs = 8, productBytes = 64, maxAccumulator = 1000} : memref<?xi8>, index, memref<?xi8>, index
    return
  }
}

// -----

#pool = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @no_isa(%x: memref<?xi8>, %y: memref<?xi8>, %zero: index) {
  // expected-error@below {{expected a module with a known ISA around it}}
  ulq.max_pool_tile %x, %zero, %y, %zero, %zero, %zero {geometry = #pool, storageBits = 2} : memref<?xi8>, index, memref<?xi8>, index, index, index
  return
}
