// RUN: ulq-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics --ulq-export-iree='target=#hal.executable.target<"llvm-cpu","embedded-elf-x86_64">'
// RUN: not ulq-opt %s --split-input-file --ulq-export-iree 2>&1 | FileCheck %s --check-prefix=STRICT

// STRICT: expected --allow-unregistered-dialect: IREE's operations are built

// expected-error@below {{expected an object file of the kernels}}
module {
  module @kernels attributes {ulq.isa = "avx2"} {
  }
}

// -----

module {
  func.func @unknown_kernel(%x: tensor<64xi8>) -> tensor<32xi8> {
    // expected-error@below {{'ulq.dispatch' op expected a kernel named conv2}}
    %r = ulq.dispatch "conv2"(%x) workgroups 4 : (tensor<64xi8>) -> tensor<32xi8>
    return %r : tensor<32xi8>
  }
  module @kernels attributes {ulq.isa = "avx2", ulq.object = {isa = "avx2", path = "/objects/kernels-avx2.o"}} {
    func.func private @conv1(memref<i8>, index, memref<i8>, index, index) attributes {llvm.bareptr}
  }
}

// -----

func.func @foreign_operation(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{expected operations that IREE reads, got 'ulq.round'}}
  %r = ulq.round %x {rounding = #ulq.rounding<floor>} : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// A dispatch without kernels.
func.func @no_kernels(%x: tensor<64xi8>) -> tensor<32xi8> {
  // expected-error@below {{expected operations that IREE reads, got 'ulq.dispatch'}}
  %r = ulq.dispatch "conv1"(%x) workgroups 4 : (tensor<64xi8>) -> tensor<32xi8>
  return %r : tensor<32xi8>
}
