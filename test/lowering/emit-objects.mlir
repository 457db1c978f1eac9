// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --split-input-file --ulq-emit-objects="directory=%t triple=x86_64-none-elf" --verify-diagnostics | FileCheck %s -DDIR=%t
// RUN: llvm-readelf --symbols %t/kernels-avx2.o | FileCheck %s --check-prefix=SYMBOLS

// SYMBOLS: FUNC GLOBAL HIDDEN {{.*}} add_bytes

// CHECK-LABEL: module @kernels
//  CHECK-SAME:   ulq.object = {isa = "avx2", path = "[[DIR]]{{/|\\\\}}kernels-avx2.o"}
//       CHECK:   func.func private @add_bytes(memref<i8>, index, memref<i8>, index, index) attributes {llvm.bareptr}
//   CHECK-NOT:   arith
module {
  module @kernels attributes {ulq.isa = "avx2"} {
    func.func @add_bytes(%in: memref<i8>, %inOffset: index, %out: memref<i8>, %outOffset: index, %workgroup: index) attributes {llvm.bareptr} {
      %size = arith.constant 64 : index
      %from = memref.reinterpret_cast %in to offset: [0], sizes: [%size], strides: [1] : memref<i8> to memref<?xi8>
      %to = memref.reinterpret_cast %out to offset: [0], sizes: [%size], strides: [1] : memref<i8> to memref<?xi8>
      %a = vector.load %from[%inOffset] : memref<?xi8>, vector<32xi8>
      %sum = arith.addi %a, %a : vector<32xi8>
      vector.store %sum, %to[%outOffset] : memref<?xi8>, vector<32xi8>
      return
    }
  }
}

// -----

// No libm: the generic x86 target has no instruction for an fma.
module {
  module @kernels attributes {ulq.isa = "generic"} {
    func.func @fine() attributes {llvm.bareptr} {
      return
    }
    // expected-error @+1 {{kernels are linked without libraries, but the code needs the symbol 'fmaf'}}
    func.func @needs_libm(%a: memref<4xf32>) attributes {llvm.bareptr} {
      %c0 = arith.constant 0 : index
      %x = memref.load %a[%c0] : memref<4xf32>
      %y = math.fma %x, %x, %x : f32
      memref.store %y, %a[%c0] : memref<4xf32>
      return
    }
  }
}

// -----

module {
  // expected-error @+1 {{expected the name of an ISA in 'ulq.isa'}}
  module @kernels {
  }
}

// -----

// A module without layers needs no object.
// CHECK-LABEL: func.func @main
func.func @main() {
  return
}
