// RUN: ulq-opt %s --ulq-report-layers --verify-diagnostics

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

func.func @no_kernel(%x: tensor<1x1x1x3xui2>, %w: tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32> {
  // expected-error@below {{'ulq.layer' op expected a kernel: run ulq-select-kernel first}}
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}
