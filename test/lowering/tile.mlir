// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --ulq-pack-weights --ulq-tile --canonicalize --cse --split-input-file | FileCheck %s
// RUN: not ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --ulq-tile --split-input-file 2>&1 | FileCheck %s --check-prefix=EARLY

// EARLY: expected packed weights: run ulq-pack-weights first

#conv = #ulq.geometry<input = [1, 8, 8, 32], output = [1, 8, 8, 48], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
#pool = #ulq.geometry<input = [1, 8, 8, 48], output = [1, 4, 4, 48], kernel = [2, 2], strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Bytes pass from dispatch to dispatch; the pack and unpack at the ends stay.
// CHECK-LABEL: @chain
// CHECK-DAG: %[[PARAMS:.*]] = arith.constant dense<{{.*}}> : tensor<2304xi8>
// CHECK-DAG: %[[TABLES:.*]] = arith.constant dense<{{.*}}> : tensor<8192xi8>
// CHECK: %[[X:.*]] = ulq.to_bytes %{{.*}} -> tensor<512xi8>
// CHECK: %[[A:.*]]:2 = ulq.dispatch "ulq_avx2_0_conv1"(%[[X]], %[[PARAMS]], %[[TABLES]]) workgroups 1 {scratch}
// CHECK-SAME: -> (tensor<768xi8>, tensor<{{.*}}xi8>)
// CHECK-NOT: ulq.from_bytes
// CHECK: %[[P:.*]] = ulq.dispatch "ulq_avx2_1_pool_1"(%[[A]]#0)
// CHECK-SAME: (tensor<768xi8>) -> tensor<192xi8>
// CHECK: ulq.from_bytes %[[P]]
func.func @chain(%x: tensor<1x8x8x32xui2>) -> tensor<1x4x4x48xui2> {
  %w = ulq.constant {value = dense<1> : tensor<48x3x3x32xi8>} : tensor<48x3x3x32xsi2>
  %a = ulq.layer %x, %w {geometry = #conv, epilogue = [#ulq.affine<scale = [0.5], offset = [1.0]>, #ulq.clamp<min = 0.0 : f64, max = 0x7FF0000000000000 : f64>, #ulq.quantize<scale = [0.25], zeroPoint = [1.0], min = 0, max = 3, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x8x8x32xui2>, tensor<48x3x3x32xsi2>) -> tensor<1x8x8x48xui2> loc("conv1")
  %p = ulq.max_pool_codes %a {geometry = #pool} : (tensor<1x8x8x48xui2>) -> tensor<1x4x4x48xui2> loc("pool/1")
  return %p : tensor<1x4x4x48xui2>
}

// The scale of the quantizer moves into the affine step, an infinite bound
// disappears, and the clamp comes before the rounding.
// CHECK: module @kernels attributes {ulq.isa = "avx2"}
// CHECK: func.func @ulq_avx2_0_conv1(%{{.*}}: memref<i8>, %{{.*}}: index
// CHECK-SAME: attributes {llvm.bareptr}
// CHECK: ulq.gather_rows
// CHECK: ulq.multiply_tile
// CHECK: ulq.epilogue_tile
// CHECK-SAME: codeBits = 2 : i64
// CHECK-SAME: steps = [#ulq.lane<kind = mul, value = 2.000000e+00 : f64>, #ulq.lane<kind = add, value = 4.000000e+00 : f64>, #ulq.lane<kind = max, value = 0.000000e+00 : f64>, #ulq.lane<kind = max, value = -1.000000e+00 : f64, index = 1>, #ulq.lane<kind = min, value = 2.000000e+00 : f64>, #ulq.lane<kind = round>, #ulq.lane<kind = add, value = 1.000000e+00 : f64>, #ulq.lane<kind = store_code>]
// CHECK: func.func @ulq_avx2_1_pool_1
// CHECK: ulq.max_pool_tile
// CHECK-SAME: storageBits = 2 : i64

// -----

// A clamp from what the quantizer clamps to, ReLU6 before an unsigned quantizer,
// is done by it, up to the lower of the bounds.
// CHECK-LABEL: @relu6
// CHECK: ulq.epilogue_tile
// CHECK-SAME: steps = [#ulq.lane<kind = mul, value = 2.000000e+00 : f64>, #ulq.lane<kind = max, value = 0.000000e+00 : f64, index = 1>, #ulq.lane<kind = min, value = 2.400000e+01 : f64>, #ulq.lane<kind = round>, #ulq.lane<kind = store_code>]
#point = #ulq.geometry<input = [1, 2, 2, 8], output = [1, 2, 2, 8], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
func.func @relu6(%x: tensor<1x2x2x8xui8>) -> tensor<1x2x2x8xui8> {
  %w = ulq.constant {value = dense<1> : tensor<8x1x1x8xi8>} : tensor<8x1x1x8xsi2>
  %a = ulq.layer %x, %w {geometry = #point, epilogue = [#ulq.affine<scale = [0.5], offset = [0.0]>, #ulq.clamp<min = 0.0 : f64, max = 6.0 : f64>, #ulq.quantize<scale = [0.25], zeroPoint = [0.0], min = 0, max = 255, rounding = <half_even>, zeroPointFirst = false>]} : (tensor<1x2x2x8xui8>, tensor<8x1x1x8xsi2>) -> tensor<1x2x2x8xui8>
  return %a : tensor<1x2x2x8xui8>
}

// -----

#product = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Computed weights are an operand, whose rows are gathered from image `panel`
// with their sums; panels follow each other image after image, and so do the
// rows of the input and the result. 5 * 7 * 3 is the product of the zero points.
// CHECK-LABEL: @product
// CHECK: ulq.dispatch "ulq_avx2_0_product"(%{{.*}}, %{{.*}}, %{{.*}}) workgroups 1 {scratch} : (tensor<30xi8>, tensor<{{.*}}xi8>, tensor<20xi8>) -> (tensor<2x3x1x2xf32>
// CHECK: func.func @ulq_avx2_0_product
// CHECK: ulq.gather_rows {{.*}} geometry = #ulq.geometry<input = [2, 2, 1, 5], output = [2, 2, 1, 5]
// CHECK-SAME: rowSums
// CHECK: ulq.pack_panel {{.*}} {base = -128 : i64
// CHECK-SAME: rowSums, sumOffset = 105 : i64, sumScale = -7 : i64, words = 2 : i64
// CHECK: %[[ROW:.*]] = arith.muli %{{.*}}, %c3
// CHECK: ulq.gather_rows {{.*}} %[[ROW]], {{.*}} geometry = #ulq.geometry<input = [2, 3, 1, 5], output = [2, 3, 1, 2]
// CHECK: ulq.multiply_tile
// CHECK: ulq.epilogue_tile {{.*}} at %[[ROW]], {{.*}} offsets[%{{.*}}]
func.func @product(%x: tensor<2x3x1x5xui8>, %w: tensor<2x2x1x5xui8>) -> tensor<2x3x1x2xf32> {
  %r = ulq.layer %x, %w {computedWeights, geometry = #product, inputZero = 7, weightZero = array<i32: -3, -3>} : (tensor<2x3x1x5xui8>, tensor<2x2x1x5xui8>) -> tensor<2x3x1x2xf32> loc("product")
  return %r : tensor<2x3x1x2xf32>
}

// -----

// A 3x3 layer of the winograd family: transforms of the input and, for each
// panel, of its weights, then the products and their sums, and lines of pixels
// through the epilogue. Each of its 8 parts takes one of 8 scratch memories,
// where a flag tells whether a panel or a block is there; 3 workgroups wait for
// the parts that are not done. 7 steps of 2 products of 252 * 9 fit 16 bits.
#square = #ulq.geometry<input = [1, 24, 24, 64], output = [1, 24, 24, 64], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>
// CHECK: ulq.dispatch "ulq_avx2_0_square"(%{{.*}}) workgroups 11 {counters = 105 : i64, scratch}
// CHECK-LABEL: func.func @ulq_avx2_0_square
// CHECK-SAME: %[[WORKGROUP:[a-z0-9]+]]: index, %{{[a-z0-9]+}}: i32)
// CHECK: arith.cmpi ult, %[[WORKGROUP]], %c8
// CHECK: scf.while
// CHECK: memref.atomic_rmw assign %c1_i32
// CHECK: scf.condition
// CHECK: scf.if
// CHECK: ulq.winograd_weights
// CHECK: memref.store %c1_i32
// CHECK: scf.if
// CHECK: ulq.gather_rows
// CHECK-SAME: expand
// CHECK-SAME: kernel = [1, 1]
// CHECK: ulq.winograd_input
// CHECK: memref.store %c1_i32
// CHECK: ulq.multiply_tile
// CHECK-SAME: flushInterval = 14 : i64
// CHECK-SAME: maxCode = 252 : i64
// CHECK-SAME: narrowBits = 16 : i64
// CHECK-SAME: startValues
// CHECK-SAME: weightBase = -9 : i64
// CHECK: ulq.winograd_output
// CHECK: ulq.epilogue_tile
// CHECK: memref.atomic_rmw assign %c0_i32
// CHECK: memref.atomic_rmw addi %c1_i32
// CHECK: scf.while
func.func @winograd(%x: tensor<1x24x24x64xui6>) -> tensor<1x24x24x64xf32> {
  %w = ulq.constant {value = dense<1> : tensor<64x3x3x64xi8>} : tensor<64x3x3x64xsi2>
  %a = ulq.layer %x, %w {geometry = #square} : (tensor<1x24x24x64xui6>, tensor<64x3x3x64xsi2>) -> tensor<1x24x24x64xf32> loc("square")
  return %a : tensor<1x24x24x64xf32>
}

// -----

// A copy of bytes: the lines of 9 codes of 4 bits stand in 5 bytes. A repeated run is loaded once; a run beyond 4096 bytes
// is a loop and what is left of it.
// CHECK-LABEL: @copy
// CHECK: %[[M:.*]] = ulq.dispatch "ulq_avx2_0_lines"(%{{.*}}) workgroups 1 : (tensor<15xi8>) -> tensor<30xi8>
// CHECK: ulq.dispatch "ulq_avx2_1_long"(%{{.*}}) workgroups 1 : (tensor<4100xi8>) -> tensor<4100xi8>
// CHECK-LABEL: func.func @ulq_avx2_0_lines
// CHECK: scf.for %[[LINE:.*]] = %c0 to %c3 step %c1
// CHECK: %[[FROM:.*]] = arith.muli %[[LINE]], %c5
// CHECK: %[[TO:.*]] = arith.muli %[[LINE]], %c10
// CHECK: %[[PIECE:.*]] = vector.load {{.*}} vector<4xi8>
// CHECK: vector.store %[[PIECE]]
// CHECK: vector.store %[[PIECE]]
// CHECK: %[[LAST:.*]] = vector.load {{.*}} vector<1xi8>
// CHECK: vector.store %[[LAST]]
// CHECK: vector.store %[[LAST]]
// CHECK-LABEL: func.func @ulq_avx2_1_long
// CHECK: scf.for {{.*}} = %c0 to %c4096 step %c64
// CHECK: vector.load {{.*}} vector<64xi8>
// CHECK: vector.load {{.*}} vector<4xi8>
func.func @copy(%x: tensor<3x9xui4>, %y: tensor<1x8200xui4>) -> (tensor<3x2x9xui4>, tensor<8200xui4>) {
  %a = ulq.move_codes %x {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [3, 2], fromStrides = [9, 0], toStrides = [18, 9], run = 9>]} : (tensor<3x9xui4>) -> tensor<3x2x9xui4> loc("lines")
  %b = ulq.move_codes %y {blocks = [#ulq.block<input = 0, from = 0, to = 0, extents = [], fromStrides = [], toStrides = [], run = 8200>]} : (tensor<1x8200xui4>) -> tensor<8200xui4> loc("long")
  return %a, %b : tensor<3x2x9xui4>, tensor<8200xui4>
}

// -----

// Two codes of 2 bits are one field: a lookup for each half of a byte. The table is an input, in whole vectors; the last
// vector of a part overlaps the one before it. Of 64 entries the first 21 differ; 256 are a load for each code.
// CHECK-LABEL: @lookups
// CHECK-DAG: arith.constant dense<{{.*}}> : tensor<16xi8>
// CHECK-DAG: arith.constant dense<{{.*}}> : tensor<64xi8>
// CHECK-LABEL: func.func @ulq_avx2_1_pairs
// CHECK: vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle {{.*}} vector<16xi8>, vector<16xi8>
// CHECK: scf.for %[[I:.*]] = %c0 to %c50 step %c32
// CHECK: arith.minsi %[[I]], %c18
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK-COUNT-2: ulq.table_lookup {{.*}} : vector<32xi8>
// CHECK: vector.store {{.*}} vector<32xi8>
// CHECK-LABEL: func.func @ulq_avx2_2_saturated
// CHECK: scf.for
// CHECK: arith.minui {{.*}} : vector<32xi8>
// CHECK: ulq.table_lookup
// CHECK: ulq.table_lookup
// CHECK: arith.cmpi sgt
// CHECK-NEXT: arith.select
// CHECK-NOT: ulq.table_lookup
// CHECK-LABEL: func.func @ulq_avx2_3_large
// CHECK-NOT: ulq.table_lookup
func.func @lookups(%x: tensor<5x40xui1>, %y: tensor<64xui6>, %z: tensor<64xui8>) -> (tensor<5x40xui2>, tensor<64xui8>, tensor<64xui8>) {
  %p = ulq.lookup %x {table = array<i64: 3, 1>} : (tensor<5x40xui1>) -> tensor<5x40xui2> loc("packed")
  %a = ulq.lookup %p {table = array<i64: 3, 0, 2, 1>} : (tensor<5x40xui2>) -> tensor<5x40xui2> loc("pairs")
  %b = ulq.lookup %y {table = array<i64: 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48, 51, 54, 57, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60>} : (tensor<64xui6>) -> tensor<64xui8> loc("saturated")
  %c = ulq.lookup %z {table = array<i64: 255, 254, 253, 252, 251, 250, 249, 248, 247, 246, 245, 244, 243, 242, 241, 240, 239, 238, 237, 236, 235, 234, 233, 232, 231, 230, 229, 228, 227, 226, 225, 224, 223, 222, 221, 220, 219, 218, 217, 216, 215, 214, 213, 212, 211, 210, 209, 208, 207, 206, 205, 204, 203, 202, 201, 200, 199, 198, 197, 196, 195, 194, 193, 192, 191, 190, 189, 188, 187, 186, 185, 184, 183, 182, 181, 180, 179, 178, 177, 176, 175, 174, 173, 172, 171, 170, 169, 168, 167, 166, 165, 164, 163, 162, 161, 160, 159, 158, 157, 156, 155, 154, 153, 152, 151, 150, 149, 148, 147, 146, 145, 144, 143, 142, 141, 140, 139, 138, 137, 136, 135, 134, 133, 132, 131, 130, 129, 128, 127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 109, 108, 107, 106, 105, 104, 103, 102, 101, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82, 81, 80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 69, 68, 67, 66, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0>} : (tensor<64xui8>) -> tensor<64xui8> loc("large")
  return %a, %b, %c : tensor<5x40xui2>, tensor<64xui8>, tensor<64xui8>
}

// -----

// Candidates fill vectors of 8 lanes: 7 arrays of 24 words for 9 boxes, behind
// the 24 selected boxes and the 6 counts.
// CHECK-LABEL: @suppression
// CHECK: %[[R:.*]]:3 = ulq.dispatch "ulq_avx2_0_layer"(%arg0, %arg1, %arg2, %arg3, %arg4) workgroups 1 {scratch}
// CHECK-SAME: -> (tensor<24x3xi64>, tensor<1xi64>, tensor<800xi8>)
// CHECK: return %[[R]]#0, %[[R]]#1
// CHECK: func.func @ulq_avx2_0_layer
// CHECK: scf.while
// CHECK: arith.divf %{{.*}} : vector<8xf32>
// CHECK: vector.reduction <maxsi>
func.func @suppression(%b: tensor<2x9x4xf32>, %s: tensor<2x3x9xf32>, %n: tensor<1xi64>, %t: tensor<f32>, %u: tensor<1xf32>) -> (tensor<24x3xi64>, tensor<1xi64>) {
  %r:2 = ulq.non_max_suppression %b, %s, %n, %t, %u : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<1xi64>, tensor<f32>, tensor<1xf32>) -> (tensor<24x3xi64>, tensor<1xi64>)
  return %r#0, %r#1 : tensor<24x3xi64>, tensor<1xi64>
}

// -----

// Parts take classes; the last one that is done joins the rows.
// CHECK-LABEL: @parts
// CHECK: ulq.dispatch "ulq_avx2_0_layer"(%arg0, %arg1, %arg2, %arg3) workgroups 15 {counters = 1 : i64, scratch}
// CHECK: func.func @ulq_avx2_0_layer
// CHECK: %[[DONE:.*]] = memref.atomic_rmw addi
// CHECK: %[[LAST:.*]] = arith.cmpi eq, %[[DONE]], %{{.*}} : i32
// CHECK: scf.if %[[LAST]]
func.func @parts(%b: tensor<1x999x4xf32>, %s: tensor<1x60x999xf32>, %n: tensor<1xi64>, %t: tensor<f32>) -> tensor<60x3xi64> {
  %r:2 = ulq.non_max_suppression %b, %s, %n, %t : (tensor<1x999x4xf32>, tensor<1x60x999xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<60x3xi64>, tensor<1xi64>)
  return %r#0 : tensor<60x3xi64>
}

// -----

// Keys fill vectors of 8 lanes, and one more.
// CHECK-LABEL: @top_k
// CHECK: %[[R:.*]]:3 = ulq.dispatch "ulq_avx2_0_layer"(%arg0) workgroups 1 {scratch} : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>, tensor<96xi8>)
// CHECK: return %[[R]]#0, %[[R]]#1
// CHECK: func.func @ulq_avx2_0_layer
// CHECK: arith.negf %{{.*}} : vector<8xf32>
// CHECK: scf.while
// CHECK: vector.reduction <minsi>
func.func @top_k(%x: tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>) {
  %r:2 = ulq.top_k %x {smallest} : (tensor<3x9xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>)
  return %r#0, %r#1 : tensor<3x4xf32>, tensor<3x4xi64>
}

// -----

#large = #ulq.geometry<input = [1, 112, 112, 128], output = [1, 112, 112, 128], kernel = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1], groups = 1>

// 32 parts share the 9 scratch memories that 16 MB hold, each with a lock and 14
// flags; the dispatch counts its parts.
// CHECK-LABEL: @memories
// CHECK: ulq.dispatch "ulq_avx2_0_layer"{{.*}} workgroups 40 {counters = 136 : i64, scratch}
// CHECK-SAME: tensor<15747840xi8>)
func.func @memories(%x: tensor<1x112x112x128xui4>) -> tensor<1x112x112x128xf32> {
  %w = ulq.constant {value = dense<1> : tensor<128x3x3x128xi8>} : tensor<128x3x3x128xsi4>
  %a = ulq.layer %x, %w {geometry = #large} : (tensor<1x112x112x128xui4>, tensor<128x3x3x128xsi4>) -> tensor<1x112x112x128xf32>
  return %a : tensor<1x112x112x128xf32>
}

// -----

// 8 pixels of 3 channels are joined in words, of which 24 bytes are stored; the last vector overlaps. In place 32 floats
// make 8 bytes. A quotient is found by products.
// CHECK-LABEL: @encodes
// CHECK: ulq.dispatch "ulq_avx2_0_image"(%arg0) {{.*}}: (tensor<2x3x3x5xf32>) -> tensor<90xi8>
// CHECK-LABEL: func.func @ulq_avx2_0_image
// CHECK: scf.for %{{.*}} = %c0 to %c2
// CHECK: scf.for %[[I:.*]] = %c0 to %c15 step %c8
// CHECK: arith.minsi %[[I]], %c7
// CHECK-COUNT-9: math.fma {{.*}} : vector<8xf32>
// CHECK: vector.store {{.*}} vector<16xi8>
// CHECK: vector.store {{.*}} vector<8xi8>
// CHECK-NOT: arith.divf
// CHECK-LABEL: func.func @ulq_avx2_1_place
// CHECK: scf.for {{.*}} = %c0 to %c10 step %c8
// CHECK-COUNT-12: math.fma
// CHECK: arith.trunci {{.*}} vector<32xi32> to vector<32xi8>
// CHECK: vector.store {{.*}} vector<8xi8>
func.func @encodes(%x: tensor<2x3x3x5xf32>, %y: tensor<5x8xf32>) -> (tensor<2x3x5x3xui8>, tensor<5x8xui2>) {
  %a = ulq.encode %x {scale = 0.1, zeroPoint = 3, min = 0, max = 255, channelsFirst} : (tensor<2x3x3x5xf32>) -> tensor<2x3x5x3xui8> loc("image")
  %b = ulq.encode %y {scale = 0.1, zeroPoint = 0, min = 0, max = 3} : (tensor<5x8xf32>) -> tensor<5x8xui2> loc("place")
  return %a, %b : tensor<2x3x5x3xui8>, tensor<5x8xui2>
}
