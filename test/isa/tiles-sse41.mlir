// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-expand-tiles --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-sse41.s

// Whole tiles stay in registers: the innermost loop has its instructions once each, and no stack access.

module {
  module @kernels attributes {ulq.isa = "sse41"} {
    // CHECK-LABEL: dot_4x8:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-8: pmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_4x8(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "sse41", rows = 4, outputs = 8, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot_4x8_exact:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-16: pmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_4x8_exact(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "sse41", rows = 4, outputs = 8, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 8, maxCode = 255, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot16_4x8:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-8: paddw
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot16_4x8(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot16", isa = "sse41", rows = 4, outputs = 8, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 4, maxCode = 15, weightBits = 4, weightBase = -8,
        weightStep = 1, weightLevels = 16, narrowBits = 16, flushInterval = 128
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
  }
}
