// RUN: ulq-opt %s --split-input-file --ulq-lower-isa --verify-diagnostics | FileCheck %s

// CHECK-LABEL: module @kernels
// CHECK-LABEL: func.func @registers
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"(%{{.*}}, %{{.*}})
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
//       CHECK:   arith.addi %{{.*}}, %{{.*}} : vector<8xi32>
//   CHECK-NOT:   ulq.
module {
  module @kernels attributes {ulq.isa = "avx2"} {
    func.func @registers(%acc: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
      %found = ulq.table_lookup %a, %b : vector<32xi8>
      %sum = ulq.dot4 %acc, %found, %b {maxLhs = 15, maxRhs = 8} : vector<8xi32>, vector<32xi8>
      return %sum : vector<8xi32>
    }
  }
}

// -----

// Register-level operations outside @kernels are none of its business.
// CHECK-LABEL: func.func @elsewhere
//       CHECK:   ulq.table_lookup
func.func @elsewhere(%a: vector<32xi8>, %b: vector<32xi8>) -> vector<32xi8> {
  %found = ulq.table_lookup %a, %b : vector<32xi8>
  return %found : vector<32xi8>
}

// -----

module {
  // expected-error @+1 {{expected a string attribute 'ulq.isa'}}
  module @kernels {
  }
}

// -----

module {
  // expected-error @+1 {{unknown ISA 'mmx'}}
  module @kernels attributes {ulq.isa = "mmx"} {
  }
}

// -----

module {
  module @kernels attributes {ulq.isa = "avx2"} {
    func.func @too_wide(%a: vector<64xi8>, %b: vector<64xi8>) -> vector<64xi8> {
      // expected-error @+1 {{no instruction for 'ulq.table_lookup' on 'vector<64xi8>' in ISA 'avx2'}}
      %found = ulq.table_lookup %a, %b : vector<64xi8>
      return %found : vector<64xi8>
    }
  }
}
