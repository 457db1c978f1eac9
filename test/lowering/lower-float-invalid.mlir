// RUN: ulq-opt %s --ulq-lower-float --split-input-file --verify-diagnostics

#point = #ulq.geometry<input = [1, 1, 1, 3], output = [1, 1, 1, 1], kernel = [1, 1], strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1>

// Layers are no business of this pass.
func.func @layer(%x: tensor<1x1x1x3xui2>, %w: tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32> {
  // expected-error@below {{failed to legalize operation 'ulq.layer'}}
  %r = ulq.layer %x, %w {geometry = #point} : (tensor<1x1x1x3xui2>, tensor<1x1x1x3xi8>) -> tensor<1x1x1x1xf32>
  return %r : tensor<1x1x1x1xf32>
}

// -----

func.func @wide_constant() -> tensor<2xui8> {
  // expected-error@+2 {{'ulq.constant' op expected a value of the result's type}}
  // expected-error@below {{failed to legalize operation 'ulq.constant'}}
  %w = ulq.constant {value = dense<[200, 1]> : tensor<2xi16>} : tensor<2xui8>
  return %w : tensor<2xui8>
}
