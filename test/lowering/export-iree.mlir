// RUN: ulq-opt %s --allow-unregistered-dialect --ulq-export-iree='target=#hal.executable.target<"llvm-cpu","embedded-elf-x86_64">' --mlir-print-op-generic --split-input-file | FileCheck %s

// Three bindings, each a pointer and an offset, and the workgroup's number;
// the object is linked into the executable.
// CHECK: "builtin.module"()
// CHECK-LABEL: sym_name = "main"
// CHECK: %[[R:.*]]:2 = "flow.dispatch"(%{{[a-z0-9]+}})
// CHECK-SAME: entry_points = [@ulq_kernels::@conv1_dispatch]
// CHECK-SAME: operandSegmentSizes = array<i32: 0, 1, 0, 0>
// CHECK-SAME: tied_operands = [-1 : index, -1 : index]
// CHECK-SAME: (tensor<64xi8>) -> (tensor<32xi8>, tensor<8xf32>)
// CHECK: "func.return"(%[[R]]#0)

// CHECK: "stream.executable"()
// CHECK: "stream.executable.export"()
// CHECK: %[[COUNT:.*]] = "arith.constant"() <{value = 4 : index}>
// CHECK: "stream.return"(%[[COUNT]], %[[ONE:.*]], %[[ONE]])
// CHECK: function_ref = @conv1_dispatch, sym_name = "conv1_dispatch", sym_visibility = "public"

// The kernel is declared as it is, and called by the function of the export.
// CHECK: function_type = (memref<i8>, index, memref<i8>, index, memref<i8>, index, index) -> (), sym_name = "conv1", sym_visibility = "private"
// CHECK: {hal.import.static, llvm.bareptr = true}
// CHECK: function_type = (!stream.binding, !stream.binding, !stream.binding) -> (), sym_name = "conv1_dispatch"
// CHECK: %[[X:.*]] = "stream.binding.subspan"(%arg0, %{{.*}}) : (!stream.binding, index) -> memref<64xi8>
// CHECK: %[[XP:.*]]:4 = "iree_codegen.extract_strided_metadata"(%[[X]])
// CHECK: %[[Y:.*]] = "stream.binding.subspan"(%arg1, %{{.*}}) : (!stream.binding, index) -> memref<32xi8>
// CHECK: %[[YP:.*]]:4 = "iree_codegen.extract_strided_metadata"(%[[Y]])
// CHECK: %[[Z:.*]] = "stream.binding.subspan"(%arg2, %{{.*}}) : (!stream.binding, index) -> memref<32xi8>
// CHECK: %[[ZP:.*]]:4 = "iree_codegen.extract_strided_metadata"(%[[Z]])
// CHECK: %[[ID:.*]] = "stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index
// CHECK: "func.call"(%[[XP]]#0, %[[XP]]#1, %[[YP]]#0, %[[YP]]#1, %[[ZP]]#0, %[[ZP]]#1, %[[ID]]) <{callee = @conv1}>
// CHECK: "stream.executable.end"
// CHECK: hal.executable.objects = #hal.executable.objects<{{.*}}"llvm-cpu","embedded-elf-x86_64"{{.*}}path = "/objects/kernels-avx2.o"
// CHECK-SAME: sym_name = "ulq_kernels", sym_visibility = "private"
// CHECK: hal.device.targets = [#hal.device.target<"local", [#hal.executable.target<"llvm-cpu","embedded-elf-x86_64">]> : !hal.device]
module {
  func.func @main(%x: tensor<64xi8>) -> tensor<32xi8> {
    %r:2 = ulq.dispatch "conv1"(%x) workgroups 4 : (tensor<64xi8>) -> (tensor<32xi8>, tensor<8xf32>)
    return %r#0 : tensor<32xi8>
  }
  module @kernels attributes {ulq.isa = "avx2", ulq.object = {isa = "avx2", path = "/objects/kernels-avx2.o"}} {
    func.func private @conv1(memref<i8>, index, memref<i8>, index, memref<i8>, index, index) attributes {llvm.bareptr}
  }
}

// -----

// Counters are a tensor of zeros that the dispatch writes to; IREE passes what
// tells threads apart.
// CHECK-LABEL: sym_name = "main"
// CHECK: %[[ZEROS:.*]] = "flow.tensor.splat"(%{{.*}}) : (i32) -> tensor<3xi32>
// CHECK: "flow.dispatch"(%{{[a-z0-9]+}}, %[[ZEROS]])
// CHECK-SAME: tied_operands = [-1 : index, 1 : index]
// CHECK-SAME: (tensor<64xi8>, tensor<3xi32>) -> (tensor<32xi8>, tensor<3xi32>)
// CHECK: function_type = (memref<i8>, index, memref<i8>, index, memref<i8>, index, index) -> (), sym_name = "conv1", sym_visibility = "private"
// CHECK: hal.import.fields = ["processor_id"]
// CHECK: "stream.binding.subspan"(%arg1, %{{.*}}) : (!stream.binding, index) -> memref<12xi8>
module {
  func.func @main(%x: tensor<64xi8>) -> tensor<32xi8> {
    %r = ulq.dispatch "conv1"(%x) workgroups 4 {counters = 3 : i64} : (tensor<64xi8>) -> tensor<32xi8>
    return %r : tensor<32xi8>
  }
  module @kernels attributes {ulq.isa = "avx2", ulq.object = {isa = "avx2", path = "/objects/kernels-avx2.o"}} {
    func.func private @conv1(memref<i8>, index, memref<i8>, index, memref<i8>, index, index, i32) attributes {llvm.bareptr}
  }
}
