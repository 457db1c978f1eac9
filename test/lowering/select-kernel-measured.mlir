// RUN: rm -rf %t && split-file %s %t
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2" | FileCheck %s --check-prefix=PREDICTED
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2 tuning=%t/tuning.json" | FileCheck %s --check-prefix=TUNED
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2 tuning=%t/partial.json" | FileCheck %s --check-prefix=PARTIAL
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2 costs=%t/costs.json" | FileCheck %s --check-prefix=COSTS
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2 costs=%t/other.json" | FileCheck %s --check-prefix=PREDICTED
// RUN: ulq-opt %t/layers.mlir --ulq-select-kernel="isa=avx2 family=lut tuning=%t/tuning.json" | FileCheck %s --check-prefix=FORCED

// PREDICTED-NOT: ulq.notes
// PREDICTED: family = "lut"
// PREDICTED-SAME: runnerUp = "dot16"
// PREDICTED-NOT: measured
// PREDICTED-SAME: ulq.candidates = ["lut", {{.*}}"dot"

// 100 ns of 300 and 100 count: 150 / 100 is the margin.
// TUNED: ulq.notes = ["the tuning file has times of 'later', which is no kernel of this version"]
// TUNED: family = "dot"
// TUNED-SAME: runnerUp = "lut", margin = 1.500000e+00 : f64, {{.*}}measured = true>
// TUNED-SAME: ulq.candidates = ["dot", "lut"

// A measured time is no margin over a predicted one.
// PARTIAL: family = "dot"
// PARTIAL-SAME: runnerUp = "", margin = 1.000000e+00 : f64, {{.*}}measured = true>

// Times of a layer with twice the rows.
// COSTS: family = "dot"
// COSTS-SAME: runnerUp = "lut"
// COSTS-NOT: measured
// COSTS-SAME: ulq.candidates = ["dot", "lut"

// FORCED: family = "lut"
// FORCED-SAME: runnerUp = "dot"

//--- layers.mlir
#product = #ulq.geometry<input = [1, 64, 1, 256], output = [1, 64, 1, 64], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>
func.func @product(%x: tensor<1x64x1x256xui2>) -> tensor<1x64x1x64xf32> {
  %w = ulq.constant {value = dense<1> : tensor<64x1x1x256xi8>} : tensor<64x1x1x256xsi2>
  %r = ulq.layer %x, %w {geometry = #product, weightBits = 2, weightBase = -2, weightStep = 1, weightLevels = 4, maxCode = 3, accumulatorMin = -1536, accumulatorMax = 768} : (tensor<1x64x1x256xui2>, tensor<64x1x1x256xsi2>) -> tensor<1x64x1x64xf32>
  return %r : tensor<1x64x1x64xf32>
}

//--- tuning.json
{"format": 1, "machine": {"cpu": "any"}, "isas": {"neon": {}, "avx2": {
  "1x64x1x256 1x64x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2": [
    {"kernel": "dot", "tile": "8x8", "ns": 300}, {"kernel": "dot", "tile": "4x8", "ns": 100},
    {"kernel": "lut", "ns": 150}, {"kernel": "later", "ns": 1}]}}}
//--- partial.json
{"format": 1, "isas": {"avx2": {
  "1x64x1x256 1x64x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2": [{"kernel": "dot", "ns": 300}]}}}
//--- costs.json
{"format": 1, "isas": {"avx2": {
  "1x128x1x256 1x128x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2": [{"kernel": "dot", "ns": 100}, {"kernel": "lut", "ns": 1000}],
  "1x9000x1x256 1x9000x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2": [{"kernel": "dot", "ns": 100000}, {"kernel": "lut", "ns": 1000}]}}}
//--- other.json
{"format": 1, "isas": {"avx2": {
  "1x64x1x256 1x64x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a4": [{"kernel": "dot", "ns": 100}, {"kernel": "lut", "ns": 1000}],
  "1x64x1x256 1x64x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w8a8 computed": [{"kernel": "dot", "ns": 100}]}}}
