// RUN: ulq-opt %s --split-input-file --verify-diagnostics

// One case for each numbered constraint of the operation descriptions, in the
// order of UlqTileOps.td.

func.func @dispatch_c1(%x: tensor<4xi8>) {
  // expected-error@below {{'ulq.dispatch' op expected at least one workgroup, got 0}}
  %0 = ulq.dispatch "conv1"(%x) workgroups 0 : (tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @dispatch_c2(%x: tensor<4xi8>) {
  // expected-error@below {{'ulq.dispatch' op expected a positive number of counters, got 0}}
  %0 = ulq.dispatch "conv1"(%x) workgroups 4 {counters = 0 : i64} : (tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @to_bytes_c1(%x: !ulq.packed<[2, 3] x ui2, <bits = 2>>) {
  // expected-error@below {{'ulq.to_bytes' op expected 2 bytes, got 'tensor<3xi8>'}}
  %0 = ulq.to_bytes %x : (!ulq.packed<[2, 3] x ui2, <bits = 2>>) -> tensor<3xi8>
  return
}

// -----

func.func @from_bytes_c1(%x: tensor<6xi8>) {
  // expected-error@below {{'ulq.from_bytes' op expected 2 bytes, got 'tensor<6xi8>'}}
  %0 = ulq.from_bytes %x : (tensor<6xi8>) -> !ulq.packed<[2, 3] x ui2, <bits = 2>>
  return
}

// -----

func.func @pack_panel_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.pack_panel' op expected rows of a multiple of 64 bytes that hold 17 words, got 64}}
  ulq.pack_panel %b[%i, %i] to [%i, %i] {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, words = 17, base = 0, sumScale = 0, sumOffset = 0} : memref<?xi8>
  return
}

// -----

func.func @pack_panel_c1_row(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.pack_panel' op expected rows of a multiple of 64 bytes that hold 17 words, got 72}}
  ulq.pack_panel %b[%i, %i] to [%i, %i] {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 72, words = 17, base = 0, sumScale = 0, sumOffset = 0} : memref<?xi8>
  return
}

// -----

func.func @pack_panel_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.pack_panel' op expected a base of one signed byte, got -129}}
  ulq.pack_panel %b[%i, %i] to [%i, %i] {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, words = 16, base = -129, sumScale = 0, sumOffset = 0} : memref<?xi8>
  return
}

// -----

func.func @multiply_tile_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected accumulators of at most 32 bits, got 70000 products of up to 32640}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 70000, storageBits = 2, maxCode = 255, weightBits = 8, weightBase = -128, weightStep = 1, weightLevels = 256} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_depth(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected a positive depth and row size, got 0 and 64}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 0, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_row_bytes(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected a positive depth and row size, got 64 and 0}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 0, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_step(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected non-negative bounds and a positive step}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 0, weightLevels = 4} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_max_code(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected non-negative bounds and a positive step}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = -1, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_flush(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected non-negative bounds and a positive step}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, flushInterval = -1} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c2_levels(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected 1 to 8 weight bits and as many levels, got 2 bits and 5 levels}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 5} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c3_signed(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected sums of at most 127 between flushes, got 28 products of up to 6}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, narrowBits = 8, flushInterval = 28} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c3_codes(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected sums of at most 255 between flushes, got 29 products of up to 9}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, codeProducts, narrowBits = 8, flushInterval = 29} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c3_endless(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected a flush interval for narrow sums only, got 0 for 8 bits}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, narrowBits = 8} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c3_width(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected narrow sums of 8, 16 or 24 bits, got 12}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, narrowBits = 12, flushInterval = 1} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c3_part(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected sums of at most 255 between flushes, got 18 products of up to 15}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "built_lut", isa = "avx2", rows = 1, outputs = 32, block = 1, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 8, maxCode = 255, weightBits = 1, weightBase = 0, weightStep = 1, weightLevels = 2, codeProducts, narrowBits = 8, flushInterval = 18, narrowProduct = 15} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @build_tables_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.build_tables' op expected rows of a multiple of 64 bytes for 72 codes, got 64 bytes}}
  ulq.build_tables %b[%i] to [%i] rows %i {kernel = #ulq.kernel<family = "built_lut", isa = "avx2", rows = 1, outputs = 32, block = 1, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, tableBytes = 320, depth = 72, maxCode = 15} : memref<?xi8>
  return
}

// -----

func.func @build_tables_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.build_tables' op expected codes of 8 bits and tables of a multiple of 64 bytes, got codes up to 256 and 320 bytes}}
  ulq.build_tables %b[%i] to [%i] rows %i {kernel = #ulq.kernel<family = "built_lut", isa = "avx2", rows = 1, outputs = 32, block = 1, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 128, tableBytes = 320, depth = 72, maxCode = 256} : memref<?xi8>
  return
}

// -----

func.func @multiply_tile_c4(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected a multiplier that divides 8 outputs, got 3}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, multiplier = 3} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @multiply_tile_c5(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.multiply_tile' op expected 1 to 64 lines of taps, got 65}}
  ulq.multiply_tile %b, %i, %b, %i, %b, %i, %b, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, rowBytes = 64, depth = 64, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, tapLines = 65} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @winograd_input_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_input' op expected transformed codes of 0 to 255, got 4 times 0 to 64}}
  ulq.winograd_input %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, rowBytes = 64, lineBytes = 384, productBytes = 128, maxCode = 64} : memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @winograd_input_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_input' op expected tiles of rows of a multiple of 64 bytes, got 2 tiles of 32 bytes}}
  ulq.winograd_input %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, rowBytes = 32, lineBytes = 384, productBytes = 128, maxCode = 63} : memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @winograd_input_c2_overlap(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_input' op expected lines of 384 bytes and products of 128, got 320 and 128}}
  ulq.winograd_input %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, rowBytes = 64, lineBytes = 320, productBytes = 128, maxCode = 63} : memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @winograd_weights_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_weights' op expected transformed weights of at most 127, got 9 times 15}}
  ulq.winograd_weights %b, %i, %b, %i, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, outputs = 16, depth = 4, productBytes = 64, weightBits = 5, weightBase = -15, weightStep = 1, weightLevels = 29, maxCode = 3} : memref<?xi8>, index, memref<?xi8>, index, index
  return
}

// -----

func.func @winograd_weights_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_weights' op expected outputs in eights and a depth in fours, got 16 and 6}}
  ulq.winograd_weights %b, %i, %b, %i, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, outputs = 16, depth = 6, productBytes = 64, weightBits = 5, weightBase = -14, weightStep = 1, weightLevels = 29, maxCode = 3} : memref<?xi8>, index, memref<?xi8>, index, index
  return
}

// -----

func.func @winograd_weights_c2_overlap(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_weights' op expected products of 64 bytes, got 32}}
  ulq.winograd_weights %b, %i, %b, %i, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, outputs = 16, depth = 4, productBytes = 32, weightBits = 5, weightBase = -14, weightStep = 1, weightLevels = 29, maxCode = 3} : memref<?xi8>, index, memref<?xi8>, index, index
  return
}

// -----

func.func @winograd_output_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_output' op expected accumulators that fit 32 bits times 4, got 536870912}}
  ulq.winograd_output %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, outputs = 16, productBytes = 128, maxAccumulator = 536870912} : memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @winograd_output_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.winograd_output' op expected tiles of outputs in eights, got 2 tiles of 12 in 128 bytes}}
  ulq.winograd_output %b, %i, %b, %i {scheme = #ulq.winograd<rows = f2, columns = f2>, tileRows = 1, tileColumns = 2, outputs = 12, productBytes = 128, maxAccumulator = 536870911} : memref<?xi8>, index, memref<?xi8>, index
  return
}

// -----

func.func @gather_rows_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected 1, 2, 4, 8 or 32 storage bits, got 3}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 3, padCode = 0, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected rows of a multiple of 64 bytes that hold 9 taps of 1 bytes, got 32}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 32} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c2_expand(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected rows of a multiple of 64 bytes that hold 9 taps of 8 bytes, got 64}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 7], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 64, expand} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c2_pairs(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected rows of a multiple of 128 bytes that hold 9 taps of 16 bytes, got 128}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 64], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 1, padCode = 0, rowBytes = 128, pairs} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c3(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected groups that start at a byte, got 3 channels of 2 bits}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 6], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 2>, storageBits = 2, padCode = 0, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c4_pad(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected no padCode, expand, planes or rowSums for f32}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 32, padCode = 1, rowBytes = 128} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c4_sums(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected no padCode, expand, planes or rowSums for f32}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 32, padCode = 0, rowBytes = 128, rowSums} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c5(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected geometries of 4 extents, got 3 and 4}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c5_groups(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected channels that divide by 0 groups, got 3 and 2}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 0>, storageBits = 2, padCode = 0, rowBytes = 64} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c6(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected pairs of packed 1-bit codes, got 2 storage bits}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 128, pairs} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c6_expand(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected pairs of packed 1-bit codes, got 1 storage bits}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 1, padCode = 0, rowBytes = 256, expand, pairs} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @epilogue_tile_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected a width of at most 8 lanes, a multiple of 8, got 9}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 9, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c1_empty(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected a width of at most 8 lanes, a multiple of 8, got 0}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 0, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c1_lanes(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected a width of at most 12 lanes, a multiple of 8, got 8}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 12, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c2_targets(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected one offset per buffer, one width per addend}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i, %i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c2_addends(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected one offset per buffer, one width per addend}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] add %b [%i, %i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64: 2>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8> add memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c2_widths(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected one offset per buffer, one width per addend}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] add %b [%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64: 2, 2>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8> add memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c3(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected 1 targets, got 2}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b, %b [%i, %i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c3_float(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected 2 targets, got 1}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [#ulq.lane<kind = store_float>], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c4(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected #ulq.lane steps, got 1 : i64}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [1], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c5(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected no count in f32}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [#ulq.lane<kind = count, slot = 0, index = 3>], singles, addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c5_accumulators(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected integer accumulators for steps in f32}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], singles, floatAccumulators, addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c5_curve(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected no curve in f64}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [#ulq.lane<kind = curve, slot = 0>], addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c6(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected doubts below 0.5, in f32 and with an exact way, got 1.000000e-03}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [#ulq.lane<kind = round, value = 0.001 : f64>, #ulq.lane<kind = store_code>], singles, addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c7(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected thresholds of 16, 31 or 32 bits, got 8}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [], levels = 3, thresholdBits = 8, addendBits = array<i64>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8>
  return
}

// -----

func.func @epilogue_tile_c4_addend(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.epilogue_tile' op expected an addend, got number 1}}
  ulq.epilogue_tile %b[%i, %i] params %b[%i] add %b [%i] to %b [%i] at %i, %i, %i, %i {kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 8, block = 4, workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>, width = 8, outputs = 16, lanes = 16, scaleCodes = 1, scaleSum = 0, steps = [#ulq.lane<kind = load, index = 1>], addendBits = array<i64: 2>, codeBits = 2} : memref<?xi8>, memref<?xi8>, memref<?xi8> add memref<?xi8>
  return
}

// -----

func.func @max_pool_tile_c1(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.max_pool_tile' op expected 1, 2, 4 or 8 storage bits, got 32}}
  ulq.max_pool_tile %b, %i, %b, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>, storageBits = 32} : memref<?xi8>, index, memref<?xi8>, index, index, index
  return
}

// -----

func.func @max_pool_tile_c2(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.max_pool_tile' op expected 2 positive kernel extents, strides and dilations}}
  ulq.max_pool_tile %b, %i, %b, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 3], output = [1, 2, 2, 3], kernel = [2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>, storageBits = 2} : memref<?xi8>, index, memref<?xi8>, index, index, index
  return
}

// -----

func.func @gather_rows_c2_planes(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected rows of a multiple of 128 bytes that hold 9 taps of 16 bytes, got 192}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 64], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 192, planes} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c4_planes(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected no padCode, expand, planes or rowSums for f32}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 64], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 32, padCode = 0, rowBytes = 4096, planes} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c7(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected planes of packed single rows}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 64], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 2, padCode = 0, rowBytes = 1024, expand, planes} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @gather_rows_c7_pairs(%b: memref<?xi8>, %i: index) {
  // expected-error@below {{'ulq.gather_rows' op expected planes of packed single rows}}
  ulq.gather_rows %b, %i, %b, %i, %i, %i, %i, %i {geometry = #ulq.geometry<input = [1, 4, 4, 64], output = [1, 4, 4, 2], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>, storageBits = 1, padCode = 0, rowBytes = 256, pairs, planes} : memref<?xi8>, index, memref<?xi8>, index, index, index, index, index
  return
}

// -----

func.func @word_lookup_c1(%b: memref<?xi8>, %i: index, %x: vector<8xi32>) {
  // expected-error@below {{'ulq.word_lookup' op expected a multiple of 4 lanes, as many as indices, got 'vector<4xf32>' for 'vector<8xi32>'}}
  %0 = ulq.word_lookup %b[%i], %x : memref<?xi8>, vector<8xi32> -> vector<4xf32>
  return
}

// -----

func.func @table_lookup_c1(%t: vector<24xi8>) {
  // expected-error@below {{'ulq.table_lookup' op expected a multiple of 16 bytes, got 24}}
  %0 = ulq.table_lookup %t, %t : vector<24xi8>
  return
}

// -----

func.func @popcount_add_c1(%t: vector<24xi8>) {
  // expected-error@below {{'ulq.popcount_add' op expected a multiple of 16 bytes, got 24}}
  %0 = ulq.popcount_add %t, %t : vector<24xi8>
  return
}

// -----

func.func @dot4_c1(%acc: vector<8xi32>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot4' op expected 4 bytes per accumulator, got 16 for 8}}
  %0 = ulq.dot4 %acc, %a, %a {maxLhs = 255, maxRhs = 128} : vector<8xi32>, vector<16xi8>
  return
}

// -----

func.func @dot4_c2_lhs(%acc: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot4' op expected bounds of at most 255 and 128, got 256 and 128}}
  %0 = ulq.dot4 %acc, %a, %a {maxLhs = 256, maxRhs = 128} : vector<4xi32>, vector<16xi8>
  return
}

// -----

func.func @dot4_c2_rhs(%acc: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot4' op expected bounds of at most 255 and 128, got 3 and 0}}
  %0 = ulq.dot4 %acc, %a, %a {maxLhs = 3, maxRhs = 0} : vector<4xi32>, vector<16xi8>
  return
}

// -----

func.func @dot2_c1(%acc: vector<8xi16>, %a: vector<32xi8>) {
  // expected-error@below {{'ulq.dot2' op expected 2 bytes per accumulator, got 32 for 8}}
  %0 = ulq.dot2 %acc, %a, %a {maxAcc = 0, maxLhs = 15, maxRhs = 8} : vector<8xi16>, vector<32xi8>
  return
}

// -----

func.func @dot2_c2_lhs(%acc: vector<8xi16>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot2' op expected bounds of at most 255 and 128, got 256 and 1 on sums of 0}}
  %0 = ulq.dot2 %acc, %a, %a {maxAcc = 0, maxLhs = 256, maxRhs = 1} : vector<8xi16>, vector<16xi8>
  return
}

// -----

func.func @dot2_c2_rhs(%acc: vector<8xi16>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot2' op expected bounds of at most 255 and 128, got 3 and 0 on sums of 0}}
  %0 = ulq.dot2 %acc, %a, %a {maxAcc = 0, maxLhs = 3, maxRhs = 0} : vector<8xi16>, vector<16xi8>
  return
}

// -----

func.func @dot2_c2_acc(%acc: vector<8xi16>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot2' op expected bounds of at most 255 and 128, got 3 and 1 on sums of -1}}
  %0 = ulq.dot2 %acc, %a, %a {maxAcc = -1, maxLhs = 3, maxRhs = 1} : vector<8xi16>, vector<16xi8>
  return
}

// -----

func.func @dot2_c3(%acc: vector<8xi16>, %a: vector<16xi8>) {
  // expected-error@below {{'ulq.dot2' op expected sums of at most 32767, got 32008 and two products of 380}}
  %0 = ulq.dot2 %acc, %a, %a {maxAcc = 32008, maxLhs = 20, maxRhs = 19} : vector<8xi16>, vector<16xi8>
  return
}

// -----

func.func @widen_add_c1(%acc: vector<8xi32>, %a: vector<8xi16>) {
  // expected-error@below {{'ulq.widen_add' op expected 2 halves per accumulator, got 8 for 8}}
  %0 = ulq.widen_add %acc, %a : vector<8xi32>, vector<8xi16>
  return
}
