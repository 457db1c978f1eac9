// RUN: ulq-opt %s --ulq-quantize | FileCheck %s --check-prefix=QUANTIZE
// RUN: rm -rf %t && mkdir %t
// RUN: ulq-opt %s --ulq-quantize --ulq-codegen="isa=avx2 directory=%t" | FileCheck %s --check-prefix=CODEGEN
// RUN: ulq-opt %s --allow-unregistered-dialect --ulq-compile='isa=avx2 directory=%t target=#hal.executable.target<"llvm-cpu","embedded-elf-x86_64">' --mlir-print-op-generic | FileCheck %s --check-prefix=COMPILE
// RUN: llvm-readelf --symbols %t/kernels-avx2.o | FileCheck %s --check-prefix=SYMBOLS

// A QDQ graph as the importer writes it: two layers and nothing float between
// the first quantizer and the last dequantize.
// QUANTIZE-LABEL: @main
// QUANTIZE: %[[Q:.*]] = ulq.quantize %arg0 {max = 15 : i64, min = 0 : i64, {{.*}} -> tensor<1x8x6x6xui4>
// QUANTIZE: %[[T:.*]] = ulq.transpose %[[Q]] {perm = array<i64: 0, 2, 3, 1>}
// QUANTIZE: %[[A:.*]] = ulq.layer %[[T]], {{.*}} padCode = 8 : i64, thresholds = {{.*}} -> tensor<1x6x6x8xui2>
// QUANTIZE: %[[B:.*]] = ulq.layer %[[A]], {{.*}}epilogue = [#ulq.affine<{{.*}} kernel = [6, 6]
// QUANTIZE: %[[R:.*]] = ulq.reshape %[[B]] : (tensor<1x1x1x4xf32>) -> tensor<1x4xf32>
// QUANTIZE-NEXT: return %[[R]]

// CODEGEN: module attributes {ulq.layers = [
// CODEGEN-SAME: name = "conv1", op = "Conv"
// CODEGEN-SAME: name = "fc", op = "MatMul"
// CODEGEN-LABEL: @main
// CODEGEN: ulq.dispatch "ulq_avx2_0_conv1"
// CODEGEN: ulq.dispatch "ulq_avx2_1_fc"
// CODEGEN: module @kernels attributes {ulq.isa = "avx2", ulq.object = {isa = "avx2", path = "{{.*}}kernels-avx2.o"}}
// CODEGEN: func.func private @ulq_avx2_0_conv1
// CODEGEN: func.func private @ulq_avx2_1_fc

// COMPILE: "flow.dispatch"
// COMPILE: "flow.dispatch"
// COMPILE: "stream.executable"
// COMPILE-NOT: ulq.dispatch

// SYMBOLS-DAG: ulq_avx2_0_conv1
// SYMBOLS-DAG: ulq_avx2_1_fc
func.func @main(%x: tensor<1x8x6x6xf32>) -> tensor<1x4xf32> {
  %k1 = ulq.constant {value = dense<1> : tensor<8x8x3x3xi8>} : tensor<8x8x3x3xsi2>
  %w1 = ulq.dequantize %k1 {scale = array<f64: 0.125>, zeroPoint = array<f64: 0.0>} : (tensor<8x8x3x3xsi2>) -> tensor<8x8x3x3xf32>
  %k2 = ulq.constant {value = dense<-1> : tensor<288x4xi8>} : tensor<288x4xsi2>
  %w2 = ulq.dequantize %k2 {scale = array<f64: 0.25>, zeroPoint = array<f64: 0.0>} : (tensor<288x4xsi2>) -> tensor<288x4xf32>
  %q0 = ulq.quantize %x {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = -128, max = 127, rounding = #ulq.rounding<half_even>} : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xsi8>
  %c0 = ulq.clamp %q0 {min = -8.0, max = 7.0} : (tensor<1x8x6x6xsi8>) -> tensor<1x8x6x6xsi8>
  %d0 = ulq.dequantize %c0 {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>} : (tensor<1x8x6x6xsi8>) -> tensor<1x8x6x6xf32>
  %y = ulq.conv2d %d0, %w1 {onnx.op = "Conv", strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x6x6xf32> loc("conv1")
  %b = ulq.affine %y {scale = array<f64: 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0>, offset = array<f64: 0.5>, axis = 1} : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32>
  %a = ulq.clamp %b {min = 0.0, max = 0x7FF0000000000000 : f64} : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32>
  %q1 = ulq.quantize %a {scale = array<f64: 0.25>, zeroPoint = array<f64: 0.0>, min = 0, max = 3, rounding = #ulq.rounding<half_even>} : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xui2>
  %d1 = ulq.dequantize %q1 {scale = array<f64: 0.25>, zeroPoint = array<f64: 0.0>} : (tensor<1x8x6x6xui2>) -> tensor<1x8x6x6xf32>
  %f = ulq.reshape %d1 : (tensor<1x8x6x6xf32>) -> tensor<1x288xf32>
  %r = ulq.matmul %f, %w2 {onnx.op = "MatMul"} : (tensor<1x288xf32>, tensor<288x4xf32>) -> tensor<1x4xf32> loc("fc")
  return %r : tensor<1x4xf32>
}
