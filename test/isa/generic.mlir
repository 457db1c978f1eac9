// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-lower-isa --ulq-emit-objects="directory=%t triple=x86_64-none-elf assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-generic.s
// RUN: ulq-opt %s --ulq-lower-isa | FileCheck %s --check-prefix=PLAIN

// No intrinsic: any LLVM target compiles it.
// PLAIN-NOT: llvm.call_intrinsic
// PLAIN-NOT: ulq.{{(dot4|dot2|widen_add|table_lookup)}}

module {
  module @kernels attributes {ulq.isa = "generic"} {
    // Even and odd bytes are multiplied as 16-bit lanes.
    // CHECK-LABEL: dot4:
    // CHECK-COUNT-2: pmullw
    // CHECK: retq
    func.func @dot4(%a: memref<64xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %lhs = vector.load %a[%c0] : memref<64xi8>, vector<16xi8>
      %rhs = vector.load %a[%c16] : memref<64xi8>, vector<16xi8>
      %bytes = vector.load %a[%c32] : memref<64xi8>, vector<16xi8>
      %acc = vector.bitcast %bytes : vector<16xi8> to vector<4xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 255, maxRhs = 128} : vector<4xi32>, vector<16xi8>
      %out = vector.bitcast %sum : vector<4xi32> to vector<16xi8>
      vector.store %out, %a[%c0] : memref<64xi8>, vector<16xi8>
      return
    }
    // CHECK-LABEL: dot2:
    // CHECK-COUNT-2: pmullw
    // CHECK: retq
    func.func @dot2(%a: memref<64xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %lhs = vector.load %a[%c0] : memref<64xi8>, vector<16xi8>
      %rhs = vector.load %a[%c16] : memref<64xi8>, vector<16xi8>
      %bytes = vector.load %a[%c32] : memref<64xi8>, vector<16xi8>
      %acc = vector.bitcast %bytes : vector<16xi8> to vector<8xi16>
      %halves = ulq.dot2 %acc, %lhs, %rhs {maxAcc = 240, maxLhs = 15, maxRhs = 8} : vector<8xi16>, vector<16xi8>
      %words = vector.bitcast %bytes : vector<16xi8> to vector<4xi32>
      %sum = ulq.widen_add %words, %halves : vector<4xi32>, vector<8xi16>
      %out = vector.bitcast %sum : vector<4xi32> to vector<16xi8>
      vector.store %out, %a[%c0] : memref<64xi8>, vector<16xi8>
      return
    }
    // CHECK-LABEL: words:
    // CHECK: mov
    // CHECK: retq
    func.func @words(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 128 : index
      %bytes = vector.load %a[%c1] : memref<256xi8>, vector<32xi8>
      %index = vector.bitcast %bytes : vector<32xi8> to vector<8xi32>
      %table = memref.cast %a : memref<256xi8> to memref<?xi8>
      %words = ulq.word_lookup %table[%c0], %index : memref<?xi8>, vector<8xi32> -> vector<8xf32>
      %out = vector.bitcast %words : vector<8xf32> to vector<32xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<32xi8>
      return
    }
    // CHECK-LABEL: lookup:
    // CHECK: retq
    func.func @lookup(%a: memref<64xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %table = vector.load %a[%c0] : memref<64xi8>, vector<16xi8>
      %index = vector.load %a[%c16] : memref<64xi8>, vector<16xi8>
      %out = ulq.table_lookup %table, %index : vector<16xi8>
      vector.store %out, %a[%c0] : memref<64xi8>, vector<16xi8>
      return
    }
    // CHECK-LABEL: popcount:
    // CHECK: paddb
    // CHECK: retq
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
