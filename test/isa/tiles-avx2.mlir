// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-expand-tiles --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-avx2.s

// Whole tiles stay in registers: the innermost loop has its instructions once each, and no stack access.

module {
  module @kernels attributes {ulq.isa = "avx2"} {
    // CHECK-LABEL: dot_4x16:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-8: vpmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_4x16(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 16, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot_4x16_exact:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-16: vpmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_4x16_exact(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "avx2", rows = 4, outputs = 16, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 8, maxCode = 255, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot16_4x16:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-8: vpaddw
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot16_4x16(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot16", isa = "avx2", rows = 4, outputs = 16, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 4, maxCode = 15, weightBits = 4, weightBase = -8,
        weightStep = 1, weightLevels = 16, narrowBits = 16, flushInterval = 128
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: lut_4x64:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-16: vpshufb
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @lut_4x64(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "lut", isa = "avx2", rows = 4, outputs = 64, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 576, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2,
        weightStep = 1, weightLevels = 4, codeProducts, narrowBits = 8, flushInterval = 28
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: nibble_8x32:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-24: vpshufb
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @nibble_8x32(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "nibble", isa = "avx2", rows = 8, outputs = 32, block = 8,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 640, depth = 2304, storageBits = 1, maxCode = 1, weightBits = 1, weightBase = -1,
        weightStep = 2, weightLevels = 2, codeProducts, narrowBits = 8, flushInterval = 240
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: float_6x16:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-12: vfmadd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @float_6x16(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "float32", isa = "avx2", rows = 6, outputs = 16, block = 6,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 9216, depth = 2304, storageBits = 32, maxCode = 0, weightBits = 32, weightBase = 0,
        weightStep = 1, weightLevels = 0
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
  }
}
