// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-expand-tiles --ulq-lower-isa --ulq-emit-objects="directory=%t assembly=true" -o %t/out.mlir
// RUN: FileCheck %s < %t/kernels-avx512bw.s

// Whole tiles stay in registers: the innermost loop has its instructions once each, and no stack access.

module {
  module @kernels attributes {ulq.isa = "avx512bw"} {
    // CHECK-LABEL: dot_6x64:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-24: vpmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_6x64(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "avx512bw", rows = 6, outputs = 64, block = 6,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot_4x64_exact:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-32: vpmaddwd
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot_4x64_exact(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot", isa = "avx512bw", rows = 4, outputs = 64, block = 4,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 8, maxCode = 255, weightBits = 8, weightBase = -128,
        weightStep = 1, weightLevels = 256
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: dot16_6x64:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-24: vpaddw
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @dot16_6x64(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "dot16", isa = "avx512bw", rows = 6, outputs = 64, block = 6,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 2304, depth = 2304, storageBits = 4, maxCode = 15, weightBits = 4, weightBase = -8,
        weightStep = 1, weightLevels = 16, narrowBits = 16, flushInterval = 128
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: lut_7x128:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-28: vpshufb
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @lut_7x128(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "lut", isa = "avx512bw", rows = 7, outputs = 128, block = 7,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 576, depth = 2304, storageBits = 2, maxCode = 3, weightBits = 2, weightBase = -2,
        weightStep = 1, weightLevels = 4, codeProducts, narrowBits = 8, flushInterval = 28
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
    // CHECK-LABEL: nibble_8x128:
    // CHECK: Inner Loop Header
    // CHECK-NOT: rsp
    // CHECK-COUNT-48: vpshufb
    // CHECK-NOT: rsp
    // CHECK: j{{ne|b|l}}
    func.func @nibble_8x128(%lhs: memref<i8>, %rhs: memref<i8>, %out: memref<i8>, %i: index) attributes {llvm.bareptr} {
      %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      %c = memref.reinterpret_cast %out to offset: [0], sizes: [%i], strides: [1] : memref<i8> to memref<?xi8>
      ulq.multiply_tile %a, %i, %b, %i, %b, %i, %c, %i {
        kernel = #ulq.kernel<family = "nibble", isa = "avx512bw", rows = 8, outputs = 128, block = 8,
                             workgroups = 1, cost = 1.0 : f64, runnerUp = "", margin = 1.0 : f64>,
        rowBytes = 640, depth = 2304, storageBits = 1, maxCode = 1, weightBits = 1, weightBase = -1,
        weightStep = 2, weightLevels = 2, codeProducts, narrowBits = 8, flushInterval = 240
      } : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
      return
    }
  }
}
