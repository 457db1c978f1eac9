// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-neon.s

module {
  module @kernels attributes {ulq.isa = "neon"} {
    // CHECK-LABEL: lookup:
    // CHECK: tbl v
    // CHECK: ret
    func.func @lookup(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 16 : index
      %table = vector.load %a[%c0] : memref<256xi8>, vector<16xi8>
      %index = vector.load %a[%c1] : memref<256xi8>, vector<16xi8>
      %out = ulq.table_lookup %table, %index : vector<16xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<16xi8>
      return
    }
    // Sums of two products fit 16 bits.
    // CHECK-LABEL: dot4_pairs:
    // CHECK-COUNT-2: {{smull2?}} v
    // CHECK: addp v{{.*}}.8h
    // CHECK: sadalp v{{.*}}.4s
    // CHECK: ret
    func.func @dot4_pairs(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 16 : index
      %c2 = arith.constant 32 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<16xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<16xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<16xi8>
      %acc = vector.bitcast %bytes : vector<16xi8> to vector<4xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 127, maxRhs = 128} : vector<4xi32>, vector<16xi8>
      %out = vector.bitcast %sum : vector<4xi32> to vector<16xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<16xi8>
      return
    }
    // Single products only.
    // The eighth bit of lhs is no sign: 16-bit products of extended bytes.
    // CHECK-LABEL: dot4_wide:
    // CHECK-COUNT-2: mul v{{.*}}.8h
    // CHECK-COUNT-2: saddlp v{{.*}}.4s
    // CHECK: addp v{{.*}}.4s
    // CHECK: ret
    func.func @dot4_wide(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 16 : index
      %c2 = arith.constant 32 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<16xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<16xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<16xi8>
      %acc = vector.bitcast %bytes : vector<16xi8> to vector<4xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 255, maxRhs = 128} : vector<4xi32>, vector<16xi8>
      %out = vector.bitcast %sum : vector<4xi32> to vector<16xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<16xi8>
      return
    }
    // CHECK-LABEL: popcount:
    // CHECK: cnt v{{.*}}.16b
    // CHECK: add v{{.*}}.16b
    // CHECK: ret
    func.func @popcount(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 16 : index
      %acc = vector.load %a[%c0] : memref<256xi8>, vector<16xi8>
      %bits = vector.load %a[%c1] : memref<256xi8>, vector<16xi8>
      %out = ulq.popcount_add %acc, %bits : vector<16xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<16xi8>
      return
    }
  }
}
