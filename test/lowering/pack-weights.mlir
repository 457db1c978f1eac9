// RUN: ulq-opt %s --ulq-prove-ranges --ulq-select-kernel="isa=avx2" --ulq-pack-weights | FileCheck %s
// RUN: not ulq-opt %s --ulq-prove-ranges --ulq-pack-weights 2>&1 | FileCheck %s --check-prefix=EARLY

// EARLY: expected a kernel: run ulq-select-kernel first

#point = #ulq.geometry<input = [1, 1, 1, 64], output = [1, 1, 1, 32], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// 64 x 32 weights of one value: a bit each, none wasted.
// CHECK-LABEL: @bytes
// CHECK: %[[W:.*]] = ulq.constant {value = dense<{{.*}}> : tensor<256xi8>} : tensor<256xi8>
// CHECK-NOT: tensor<32x1x1x64
// CHECK: ulq.layer %{{.*}}, %[[W]]
// CHECK: return
func.func @bytes(%x: tensor<1x1x1x64xui2>) -> tensor<1x1x1x32xf32> {
  %w = ulq.constant {value = dense<1> : tensor<32x1x1x64xi8>} : tensor<32x1x1x64xsi2>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x64xui2>, tensor<32x1x1x64xsi2>) -> tensor<1x1x1x32xf32>
  return %r : tensor<1x1x1x32xf32>
}

// f32 weights keep their bits: 4 bytes each, whole panels.
// CHECK-LABEL: @floats
// CHECK: ulq.constant {value = dense<{{.*}}> : tensor<8192xi8>} : tensor<8192xi8>
func.func @floats(%x: tensor<1x1x1x64xf32>) -> tensor<1x1x1x32xf32> {
  %w = ulq.constant {value = dense<1.5> : tensor<32x1x1x64xf32>} : tensor<32x1x1x64xf32>
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x64xf32>, tensor<32x1x1x64xf32>) -> tensor<1x1x1x32xf32>
  return %r : tensor<1x1x1x32xf32>
}
