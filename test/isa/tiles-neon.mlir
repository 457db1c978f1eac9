// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-expand-tiles --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-neon.s

// Whole tiles stay in registers: the innermost loop has its instructions once each, and spills no vector.

module {
  module @kernels attributes {ulq.isa = "neon"} {
    // CHECK-LABEL: dot_3x16:
    // CHECK: Inner Loop Header
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK-COUNT-24: smull
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK: b.{{ne|lo|lt}}
    func.func @dot_3x16(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "neon", rows = 3, outputs = 16, block = 3,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: lut_6x32:
    // CHECK: Inner Loop Header
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK-COUNT-24: tbl
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK: b.{{ne|lo|lt}}
    func.func @lut_6x32(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "lut", isa = "neon", rows = 6, outputs = 32, block = 6,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 576, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2,
        weightStep = 1, weightLevels = 4, codeProducts, narrowBits = 8, flushInterval = 28
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: nibble_4x32:
    // CHECK: Inner Loop Header
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK-COUNT-24: tbl
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK: b.{{ne|lo|lt}}
    func.func @nibble_4x32(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "nibble", isa = "neon", rows = 4, outputs = 32, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 640, depth = 2304, storageBits = 1, maxCode = 1, weightBits = 1, weightBase = -1,
        weightStep = 2, weightLevels = 2, codeProducts, narrowBits = 8, flushInterval = 240
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: float_6x16:
    // CHECK: Inner Loop Header
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK-COUNT-24: fmla
    // CHECK-NOT: q{{[0-9]+}}, [sp
    // CHECK: b.{{ne|lo|lt}}
    func.func @float_6x16(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "float32", isa = "neon", rows = 6, outputs = 16, block = 6,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 9216, depth = 2304, storageBits = 32, maxCode = 0, weightBits = 32, weightBase = 0,
        weightStep = 1, weightLevels = 0
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
  }
}
