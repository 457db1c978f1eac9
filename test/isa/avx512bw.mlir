// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-avx512bw.s

module {
  module @kernels attributes {ulq.isa = "avx512bw"} {
    // 16 of the 32 words in a register.
    // CHECK-LABEL: words:
    // CHECK: vperm{{[it]}}2ps {{.*}}%zmm
    // CHECK: retq
    func.func @words(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 128 : index
      %bytes = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %index = vector.bitcast %bytes : vector<64xi8> to vector<16xi32>
      %table = memref.cast %a : memref<256xi8> to memref<?xi8>
      %words = ulq.word_lookup %table[%c0], %index : memref<?xi8>, vector<16xi32> -> vector<16xf32>
      %out = vector.bitcast %words : vector<16xf32> to vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // CHECK-LABEL: lookup:
    // CHECK: vpshufb {{.*}}%zmm
    // CHECK: retq
    func.func @lookup(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %table = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %index = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %out = ulq.table_lookup %table, %index : vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // CHECK-LABEL: lookup_32:
    // CHECK: vpshufb {{.*}}%ymm
    // CHECK: retq
    func.func @lookup_32(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 32 : index
      %table = vector.load %a[%c0] : memref<256xi8>, vector<32xi8>
      %index = vector.load %a[%c1] : memref<256xi8>, vector<32xi8>
      %out = ulq.table_lookup %table, %index : vector<32xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<32xi8>
      return
    }
    // Sums of two products stay below 2^15: one vpmaddubsw.
    // CHECK-LABEL: dot4_narrow:
    // CHECK: vpmaddubsw {{.*}}%zmm
    // CHECK: vpmaddwd {{.*}}%zmm
    // CHECK: vpaddd {{.*}}%zmm
    // CHECK-NOT: vpmadd
    // CHECK: retq
    func.func @dot4_narrow(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %c2 = arith.constant 128 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<64xi8>
      %acc = vector.bitcast %bytes : vector<64xi8> to vector<16xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 127, maxRhs = 128} : vector<16xi32>, vector<64xi8>
      %out = vector.bitcast %sum : vector<16xi32> to vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // They may not: even and odd bytes apart, as 16-bit lanes.
    // CHECK-LABEL: dot4_wide:
    // CHECK-COUNT-2: vpmaddwd {{.*}}%zmm
    // CHECK-NOT: vpmadd
    // CHECK: retq
    func.func @dot4_wide(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %c2 = arith.constant 128 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<64xi8>
      %acc = vector.bitcast %bytes : vector<64xi8> to vector<16xi32>
      %sum = ulq.dot4 %acc, %lhs, %rhs {maxLhs = 255, maxRhs = 128} : vector<16xi32>, vector<64xi8>
      %out = vector.bitcast %sum : vector<16xi32> to vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // CHECK-LABEL: popcount:
    // CHECK: vpshufb {{.*}}%zmm
    // CHECK: vpshufb {{.*}}%zmm
    // CHECK: vpaddb {{.*}}%zmm
    // CHECK: retq
    func.func @popcount(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %acc = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %bits = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %out = ulq.popcount_add %acc, %bits : vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // CHECK-LABEL: dot2:
    // CHECK: vpmaddubsw {{.*}}%zmm
    // CHECK: vpaddw {{.*}}%zmm
    // CHECK: retq
    func.func @dot2(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %c2 = arith.constant 128 : index
      %lhs = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %rhs = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %bytes = vector.load %a[%c2] : memref<256xi8>, vector<64xi8>
      %acc = vector.bitcast %bytes : vector<64xi8> to vector<32xi16>
      %sum = ulq.dot2 %acc, %lhs, %rhs {maxAcc = 240, maxLhs = 15, maxRhs = 8} : vector<32xi16>, vector<64xi8>
      %out = vector.bitcast %sum : vector<32xi16> to vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
    // CHECK-LABEL: widen_add:
    // CHECK: vpmaddwd {{.*}}%zmm
    // CHECK: vpaddd {{.*}}%zmm
    // CHECK: retq
    func.func @widen_add(%a: memref<256xi8>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 64 : index
      %first = vector.load %a[%c0] : memref<256xi8>, vector<64xi8>
      %second = vector.load %a[%c1] : memref<256xi8>, vector<64xi8>
      %acc = vector.bitcast %first : vector<64xi8> to vector<16xi32>
      %halves = vector.bitcast %second : vector<64xi8> to vector<32xi16>
      %sum = ulq.widen_add %acc, %halves : vector<16xi32>, vector<32xi16>
      %out = vector.bitcast %sum : vector<16xi32> to vector<64xi8>
      vector.store %out, %a[%c0] : memref<256xi8>, vector<64xi8>
      return
    }
  }
}
