// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-avxvnni.s

module {
  module @kernels attributes {ulq.isa = "avxvnni"} {
    // CHECK-LABEL: lookup:
    // CHECK: vpshufb {{.*}}%ymm
    // CHECK: retq
    func.func @lookup(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 32 : index
      %table = vector.load %a[%c0] : memref<256xi8>, vector<32xi8>
      %index = vector.load %a[%c1] : memref<256xi8>, vector<32xi8>
      %out = ulq.table_lookup %table, %index : vector<32xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<32xi8>
      return
    }
    // CHECK-LABEL: dot4_32:
    // CHECK: {vex} vpdpbusd {{.*}}%ymm
    // CHECK-NOT: vpadd
    // CHECK: retq
    func.func @dot4_32(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 32 : index
      %c2 = arith.constant 64 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<32xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<32xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<32xi8>
      %acc = vector.bitcast %bytes : vector<32xi8> to vector<8xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 255, maxRhs = 128} : vector<8xi32>, vector<32xi8>
      %out = vector.bitcast %sum : vector<8xi32> to vector<32xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<32xi8>
      return
    }
    // CHECK-LABEL: dot4_16:
    // CHECK: {vex} vpdpbusd {{.*}}%xmm
    // CHECK-NOT: vpadd
    // CHECK: retq
    func.func @dot4_16(%a: memref<256xi8>) attributes {llvm.bareptr} {
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
    // CHECK: vpshufb {{.*}}%ymm
    // CHECK: vpshufb {{.*}}%ymm
    // CHECK: vpaddb {{.*}}%ymm
    // CHECK: retq
    func.func @popcount(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 32 : index
      %acc = vector.load %a[%c0] : memref<256xi8>, vector<32xi8>
      %bits = vector.load %a[%c1] : memref<256xi8>, vector<32xi8>
      %out = ulq.popcount_add %acc, %bits : vector<32xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<32xi8>
      return
    }
  }
}
