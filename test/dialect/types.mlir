// RUN: ulq-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @codes
// CHECK-SAME: tensor<2xui1>, %{{.*}}: tensor<2xui8>, %{{.*}}: tensor<2xsi2>, %{{.*}}: tensor<2xsi8>
func.func @codes(%0: tensor<2xui1>, %1: tensor<2xui8>, %2: tensor<2xsi2>, %3: tensor<2xsi8>) {
  ulq.recode %0 {offset = 0} : (tensor<2xui1>) -> tensor<2xui8>
  ulq.recode %2 {offset = 0} : (tensor<2xsi2>) -> tensor<2xsi8>
  return
}

// Storage may be wider than the code.
// CHECK-LABEL: @packed
// CHECK-SAME: !ulq.packed<[1, 8, 8, 64] x ui2, <bits = 2>>
// CHECK-SAME: !ulq.packed<[4] x ui3, <bits = 8>>
// CHECK-SAME: !ulq.packed<[1, 10] x f32, <bits = 32>>
func.func private @packed(!ulq.packed<[1, 8, 8, 64] x ui2, <bits = 2>>, !ulq.packed<[4] x ui3, <bits = 8>>, !ulq.packed<[1, 10] x f32, <bits = 32>>)

// -----

func.func @signed_bit(%x: tensor<2xsi1>) {
  // expected-error@below {{'ulq.recode' op operand #0 must be statically shaped tensor of code of 1 to 8 bits (ui1..ui8, si2..si8) values, but got 'tensor<2xsi1>'}}
  ulq.recode %x {offset = 0} : (tensor<2xsi1>) -> tensor<2xui1>
  return
}

// -----

func.func @wide(%x: tensor<2xui9>) {
  // expected-error@below {{'ulq.recode' op operand #0 must be statically shaped tensor of code of 1 to 8 bits (ui1..ui8, si2..si8) values, but got 'tensor<2xui9>'}}
  ulq.recode %x {offset = 0} : (tensor<2xui9>) -> tensor<2xui8>
  return
}

// -----

func.func @signless(%x: tensor<2xi8>) {
  // expected-error@below {{'ulq.recode' op operand #0 must be statically shaped tensor of code of 1 to 8 bits (ui1..ui8, si2..si8) values, but got 'tensor<2xi8>'}}
  ulq.recode %x {offset = 0} : (tensor<2xi8>) -> tensor<2xui8>
  return
}

// -----

func.func @dynamic(%x: tensor<?xui2>) {
  // expected-error@below {{'ulq.recode' op operand #0 must be statically shaped tensor of code of 1 to 8 bits (ui1..ui8, si2..si8) values, but got 'tensor<?xui2>'}}
  ulq.recode %x {offset = 0} : (tensor<?xui2>) -> tensor<?xui8>
  return
}

// -----

// expected-error@below {{expected positive extents, got 0}}
func.func private @packed_c1(!ulq.packed<[2, 0] x ui2, <bits = 2>>)

// -----

// expected-error@below {{expected positive extents, got -1}}
func.func private @packed_c1_negative(!ulq.packed<[-1] x ui2, <bits = 2>>)

// -----

// expected-error@below {{expected codes or f32, got 'i8'}}
func.func private @packed_c2(!ulq.packed<[2] x i8, <bits = 8>>)

// -----

// expected-error@below {{expected 1, 2, 4 or 8 storage bits, got 3}}
func.func private @packed_c3(!ulq.packed<[2] x ui3, <bits = 3>>)

// -----

// expected-error@below {{expected at least 3 storage bits for 'ui3', got 2}}
func.func private @packed_c3_narrow(!ulq.packed<[2] x ui3, <bits = 2>>)

// -----

// expected-error@below {{expected 32 bits for f32, got 8}}
func.func private @packed_c3_float(!ulq.packed<[2] x f32, <bits = 8>>)
