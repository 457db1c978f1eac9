//===- UlqTileOps.td - tile and register level -------------*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_TILE_OPS
#define ULQ_TILE_OPS

include "UlqOps.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Ulq_Bytes : MemRefRankOf<[I8], [1]>;

//===----------------------------------------------------------------------===//
// Tile level, host side
//===----------------------------------------------------------------------===//

def Ulq_DispatchOp : Ulq_Op<"dispatch", [Pure]> {
  let summary = "run a kernel function over its workgroups";
  let description = [{
    `kernel` is a function of the `@kernels` module of the same name. Its
    arguments are, for each input and then for each result, a memref<i8> and
    an index (byte offset), then the workgroup number. All tensors are bytes.
    The last result is scratch memory, to be ignored, when `scratch` is set.

    Constraints:
    - (C1) at least one workgroup.
  }];
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$inputs, StrAttr:$kernel,
                       I64Attr:$workgroups, UnitAttr:$scratch);
  let results = (outs Variadic<AnyStaticShapeTensor>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `workgroups` $workgroups attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Tile level, inside a kernel function. Every buffer operand is a
// memref<?xi8> and the byte offset at which it starts.
//===----------------------------------------------------------------------===//

def Ulq_UnpackWeightsOp : Ulq_Op<"unpack_weights"> {
  let summary = "expand packed weights into the panels that multiply_tile reads";
  let description = [{
    Expanded by the kernel family: `panels` panels of `kernel.outputs` channels
    and `depth` reduction elements. A family that multiplies packed weights
    directly never asks for it.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset, Ulq_Bytes:$target,
                       Index:$targetOffset, Index:$panels,
                       Ulq_KernelAttr:$kernel, I64Attr:$depth,
                       I64Attr:$weightBits, I64Attr:$weightBase,
                       I64Attr:$weightStep);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
}

def Ulq_MultiplyTileOp : Ulq_Op<"multiply_tile"> {
  let summary = "accumulate a tile of rows x outputs over the whole depth";
  let description = [{
    `lhs` is a block of gathered rows, `rowBytes` apart; `rhs` a weight panel;
    `tables` the kernel's lookup tables (families without tables ignore it).
    The accumulators, i32 (f32 for the float family), go to `target` as a
    row-major [kernel.rows, kernel.outputs] tile, in channel order.
    The result is `sum x * w'` for the weights as the family stores them:
    see `Kernel::accumulatesCodes`.

    Constraints:
    - (C1) `depth` products of codes up to `maxCode` and weights of the range
      fit 32 bits. A family with narrow accumulators adds its own bound, which
      `flushInterval` has to keep.
    - (C2) `depth`, `rowBytes` and `weightStep` are positive, `maxCode` and
      `flushInterval` are not negative.
  }];
  let arguments = (ins Ulq_Bytes:$lhs, Index:$lhsOffset, Ulq_Bytes:$rhs,
                       Index:$rhsOffset, Ulq_Bytes:$tables, Index:$tablesOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Ulq_KernelAttr:$kernel, I64Attr:$rowBytes,
                       I64Attr:$depth, I64Attr:$storageBits, I64Attr:$maxCode,
                       I64Attr:$weightBits, I64Attr:$weightBase,
                       I64Attr:$weightStep, I64Attr:$flushInterval);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Register level: what an ISA provides
//===----------------------------------------------------------------------===//

def Ulq_ByteVector : VectorOfRankAndType<[1], [I8]>;
def Ulq_WordVector : VectorOfRankAndType<[1], [I32]>;

def Ulq_TableLookupOp : Ulq_Op<"table_lookup", [Pure,
    AllTypesMatch<["table", "index", "result"]>]> {
  let summary = "byte shuffle within 16-byte lanes: result[i] = table[lane(i) + index[i]]";
  let description = [{
    Every index byte is 0..15; the table is repeated, or differs, per 16-byte
    lane.

    Constraints:
    - (C1) the vector has a multiple of 16 bytes.
  }];
  let arguments = (ins Ulq_ByteVector:$table, Ulq_ByteVector:$index);
  let results = (outs Ulq_ByteVector:$result);
  let assemblyFormat = "$table `,` $index attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Ulq_Dot4Op : Ulq_Op<"dot4", [Pure, AllTypesMatch<["lhs", "rhs"]>,
                                  AllTypesMatch<["acc", "result"]>]> {
  let summary = "acc[i] + sum over j < 4 of lhs[4i+j] * rhs[4i+j], u8 by s8";
  let description = [{
    `maxLhs` and `maxRhs` bound lhs (unsigned) and |rhs|: an ISA may use a
    narrower intermediate where they allow it.

    Constraints:
    - (C1) four bytes per accumulator lane.
    - (C2) 0 < `maxLhs` <= 255, 0 < `maxRhs` <= 128.
  }];
  let arguments = (ins Ulq_WordVector:$acc, Ulq_ByteVector:$lhs,
                       Ulq_ByteVector:$rhs, I64Attr:$maxLhs, I64Attr:$maxRhs);
  let results = (outs Ulq_WordVector:$result);
  let assemblyFormat =
      "$acc `,` $lhs `,` $rhs attr-dict `:` type($result) `,` type($lhs)";
  let hasVerifier = 1;
}

#endif // ULQ_TILE_OPS
