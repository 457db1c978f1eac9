//===- UlqDialect.td - the dialect definition ------------*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_DIALECT
#define ULQ_DIALECT

include "mlir/IR/OpBase.td"

def Ulq_Dialect : Dialect {
  let name = "ulq";
  let cppNamespace = "::ulq";
  let summary = "Low-bit quantized neural networks on CPUs";
  let description = [{
    One dialect carries a quantized network from the ONNX graph to registers.

    | level | operations | types |
    |---|---|---|
    | graph | `quantize`, `dequantize`, `conv2d`, `matmul`, … as the model says it, channels first | `f32` tensors, and codes as tensors of `ui1`..`ui8`, `si2`..`si8` |
    | integer | `layer`, `max_pool_codes`, `lookup`, `move_codes`: exact integer accumulation, one epilogue, channels last | tensors of codes |
    | packed | the same operations with a kernel and a layout | `!ulq.packed` |
    | tile | `gather_rows`, `unpack_weights`, `multiply_tile`, `epilogue_tile` inside `scf` loops | `memref<?xi8>` |
    | register | `table_lookup`, `dot4`, `dot2`, `widen_add` | vectors |

    Constraints are numbered per operation, (C1), (C2), …; the verifier names
    them in a comment and `test/dialect/*invalid.mlir` has one case for each.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
}

#endif // ULQ_DIALECT
