// RUN: rm -rf %t && split-file %s %t
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/absent" 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 costs=%t/absent" 2>&1 | FileCheck %s --check-prefix=COSTS
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/text" 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/format" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/isa" 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/none" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/shape" 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 tuning=%t/time" 2>&1 | FileCheck %s --check-prefix=TIME
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 costs=%t/key" 2>&1 | FileCheck %s --check-prefix=KEY
// RUN: not ulq-opt %t/module.mlir --ulq-select-kernel="isa=avx2 costs=%t/zero" 2>&1 | FileCheck %s --check-prefix=ZERO

// ABSENT: error: tuning: cannot read the file: No such file or directory
// COSTS: error: costs: cannot read the file: No such file or directory
// TEXT: error: tuning: {{.*}}Invalid JSON value
// FORMAT: error: tuning: expected 1 at (root).format
// ISA: error: tuning: expected measurements on avx2, got those on avx512vnni, neon
// NONE: error: tuning: expected measurements on avx2, got those on no ISA
// SHAPE: error: tuning: expected array at (root).isas.avx2.conv1
// TIME: error: tuning: expected a positive number at (root).isas.avx2.conv1[0].ns
// KEY: error: costs: expected the key of a layer, got 'conv1'
// ZERO: error: costs: expected the key of a layer, got '1x1x1x0

//--- module.mlir
//--- text
times
//--- format
{"format": 2, "isas": {}}
//--- isa
{"format": 1, "isas": {"neon": {}, "avx512vnni": {}}}
//--- none
{"format": 1, "isas": {}}
//--- shape
{"format": 1, "isas": {"avx2": {"conv1": {"dot": 1}}}}
//--- time
{"format": 1, "isas": {"avx2": {"conv1": [{"kernel": "dot", "ns": 0}]}}}
//--- key
{"format": 1, "isas": {"avx2": {"conv1": [{"kernel": "dot", "ns": 1}]}}}
//--- zero
{"format": 1, "isas": {"avx2": {"1x1x1x0 1x1x1x1 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2": [{"kernel": "dot", "ns": 1}]}}}
