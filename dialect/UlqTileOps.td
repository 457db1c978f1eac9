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
    an index (byte offset), then the workgroup number. Codes and parameters are
    byte tensors, floats f32 tensors.
    The last result is scratch memory, to be ignored, when `scratch` is set.
    `counters` 32-bit integers, zero when the dispatch begins, are shared by its
    workgroups; they stand between the inputs and the results. With them the
    function has a last argument, an i32 that differs from thread to thread.
    Workgroups start in the order of their numbers and run to their end: one may
    wait for those before it.

    Constraints:
    - (C1) at least one workgroup.
    - (C2) `counters` is positive.
  }];
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$inputs, StrAttr:$kernel,
                       I64Attr:$workgroups, UnitAttr:$scratch,
                       OptionalAttr<I64Attr>:$counters);
  let results = (outs Variadic<AnyStaticShapeTensor>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `workgroups` $workgroups attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

class Ulq_CastOp<string mnemonic> : Ulq_Op<mnemonic, [Pure]> {
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Ulq_ToBytesOp : Ulq_CastOp<"to_bytes"> {
  let summary = "the bytes of a packed tensor, no copy";
  let description = [{
    The border between operations on `!ulq.packed` and dispatches on bytes.
    Folds with `ulq.from_bytes`.

    Constraints:
    - (C1) the result has as many bytes as the packed tensor.
  }];
  let arguments = (ins Ulq_PackedType:$input);
  let results = (outs 1DTensorOf<[I8]>:$result);
}

def Ulq_FromBytesOp : Ulq_CastOp<"from_bytes"> {
  let summary = "a packed tensor whose bytes are given, no copy";
  let description = [{
    Constraints:
    - (C1) the input has as many bytes as the packed tensor.
  }];
  let arguments = (ins 1DTensorOf<[I8]>:$input);
  let results = (outs Ulq_PackedType:$result);
}

//===----------------------------------------------------------------------===//
// Tile level, inside a kernel function. Every buffer operand is a
// memref<?xi8> and the byte offset at which it starts.
//===----------------------------------------------------------------------===//

def Ulq_UnpackWeightsOp : Ulq_Op<"unpack_weights"> {
  let summary = "expand packed weights into the panels that multiply_tile reads";
  let description = [{
    Expanded by the kernel family: `panels` panels of `kernel.outputs` channels
    and `depth` reduction elements become signed bytes, or f32 values with
    `floats`. A family that multiplies packed weights directly never asks for
    it.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset, Ulq_Bytes:$target,
                       Index:$targetOffset, Index:$panels,
                       Ulq_KernelAttr:$kernel, I64Attr:$depth,
                       I64Attr:$weightBits, I64Attr:$weightBase,
                       I64Attr:$weightStep, UnitAttr:$floats);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
}

def Ulq_PackPanelOp : Ulq_Op<"pack_panel"> {
  let summary = "interleave gathered rows to a panel of signed bytes or floats";
  let description = [{
    The panel of a computed operand, as `multiply_tile` of a family with
    `panelsAreWords` reads it: word i of row n at `source`, 4 bytes, becomes
    word `i * outputs + n` at `target`, for i < `words` and n <
    `kernel.outputs`. Rows are `rowBytes` apart, as `gather_rows` leaves them;
    `base` is added to each of their bytes.

    With `rowSums` the i32 at `offsets + 4 * n` becomes
    `sumScale * s + sumOffset`, s being the i32 at `sums + 4 * n`.

    Constraints:
    - (C1) rows are a multiple of 64 bytes that holds `words` words.
    - (C2) `base` is in -128 .. 127.
  }];
  let arguments = (ins Ulq_Bytes:$memory, Index:$source, Index:$sums,
                       Index:$target, Index:$offsets, Ulq_KernelAttr:$kernel,
                       I64Attr:$rowBytes, I64Attr:$words, I64Attr:$base,
                       UnitAttr:$rowSums, I64Attr:$sumScale,
                       I64Attr:$sumOffset);
  let assemblyFormat = [{
    $memory `[` $source `,` $sums `]` `to` `[` $target `,` $offsets `]`
    attr-dict `:` type($memory)
  }];
  let hasVerifier = 1;
}

def Ulq_BuildTablesOp : Ulq_Op<"build_tables"> {
  let summary = "lookup tables from the codes of gathered rows";
  let description = [{
    Expanded by the kernel family: `multiply_tile` reads the tables of a row,
    `tableBytes` from one row to the next, in place of its codes. `rows` rows at
    `source` are those of `gather_rows` with `expand`.

    Constraints:
    - (C1) rows are a multiple of 64 bytes that holds `depth` codes, at least
      one.
    - (C2) `maxCode` is 0 .. 255, `tableBytes` a positive multiple of 64.
  }];
  let arguments = (ins Ulq_Bytes:$memory, Index:$source, Index:$target,
                       Index:$rows, Ulq_KernelAttr:$kernel, I64Attr:$rowBytes,
                       I64Attr:$tableBytes, I64Attr:$depth, I64Attr:$maxCode);
  let assemblyFormat = [{
    $memory `[` $source `]` `to` `[` $target `]` `rows` $rows attr-dict
    `:` type($memory)
  }];
  let hasVerifier = 1;
}

def Ulq_MultiplyTileOp : Ulq_Op<"multiply_tile"> {
  let summary = "accumulate a tile of rows x outputs over the whole depth";
  let description = [{
    `lhs` is a block of gathered rows, `rowBytes` apart; `rhs` a weight panel;
    `tables` the kernel's lookup tables (families without tables ignore it).
    The accumulators, i32 (f32 for the float family), go to `target` as a
    row-major [kernel.rows, kernel.outputs] tile, in channel order.
    The weights are `weightBase + weightStep * code`, code below `weightLevels`.
    The result is `sum x * w`, or, with `codeProducts`, `sum x * code`. For a
    depthwise family output n sums over element n / `multiplier` of every tap.
    Its taps stand in `tapLines` lines, `lineBytes` apart; those of a line are
    `tapBytes` apart.

    With `startValues` the accumulators of each row start from
    [kernel.outputs] i32 at `tables`, otherwise from 0.

    A family may first sum in lanes of `narrowBits` bits, unsigned for
    `codeProducts` and signed otherwise, `flushInterval` products in each. Where
    it takes codes apart, these are products of parts, up to `narrowProduct`.

    Constraints:
    - (C1) `depth` products fit signed 32 bits.
    - (C2) `depth`, `rowBytes` and `weightStep` are positive, `maxCode` and
      `flushInterval` are not negative, and `weightLevels` is 1 to
      2 to the `weightBits`.
    - (C3) `flushInterval` products, at least one, fit `narrowBits` bits; it
      is 0 where `narrowBits` is. `narrowProduct` is not negative.
    - (C4) `multiplier` is positive and divides `kernel.outputs`.
    - (C5) `tapLines` is positive and at most `depth`.
  }];
  let arguments = (ins Ulq_Bytes:$lhs, Index:$lhsOffset, Ulq_Bytes:$rhs,
                       Index:$rhsOffset, Ulq_Bytes:$tables, Index:$tablesOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Ulq_KernelAttr:$kernel, I64Attr:$rowBytes,
                       I64Attr:$depth, I64Attr:$storageBits, I64Attr:$maxCode,
                       I64Attr:$weightBits, I64Attr:$weightBase,
                       I64Attr:$weightStep, I64Attr:$weightLevels,
                       UnitAttr:$codeProducts, UnitAttr:$startValues,
                       DefaultValuedAttr<I64Attr, "0">:$narrowBits,
                       DefaultValuedAttr<I64Attr, "0">:$flushInterval,
                       DefaultValuedAttr<I64Attr, "0">:$narrowProduct,
                       DefaultValuedAttr<I64Attr, "0">:$tapBytes,
                       DefaultValuedAttr<I64Attr, "1">:$tapLines,
                       DefaultValuedAttr<I64Attr, "0">:$lineBytes,
                       DefaultValuedAttr<I64Attr, "1">:$multiplier);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The largest absolute value of a weight, 0 for f32 weights.
    int64_t getLargestWeight();
    /// The largest absolute value of one product.
    int64_t getLargestProduct();
  }];
}

// A tile of the image yields one value per product, in row-major order of the
// products of both filters, and tiles follow each other in rows.
class Ulq_WinogradOp<string mnemonic> : Ulq_Op<mnemonic> {
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Ulq_WinogradInputOp : Ulq_WinogradOp<"winograd_input"> {
  let summary = "transform tiles of an image of codes";
  let description = [{
    `source` holds pixels of `rowBytes` bytes, one per code, and lines of
    `lineBytes`, from the upper left pixel of the first tile on. Byte c of tile
    t becomes, for product p, byte c at `p * productBytes + t * rowBytes` of
    `target`: the transformed codes plus the smallest offset, a multiple of
    `maxCode`, that makes them unsigned for codes of 0 to `maxCode`.

    Constraints:
    - (C1) transformed codes fit 8 bits.
    - (C2) at least one tile, `rowBytes` a multiple of 64, lines and products
      that do not overlap.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Ulq_WinogradAttr:$scheme, I64Attr:$tileRows,
                       I64Attr:$tileColumns, I64Attr:$rowBytes,
                       I64Attr:$lineBytes, I64Attr:$productBytes,
                       I64Attr:$maxCode);
}

def Ulq_WinogradWeightsOp : Ulq_WinogradOp<"winograd_weights"> {
  let summary = "expand and transform a panel of packed 3x3 weights";
  let description = [{
    `source` is a panel as the kernel packs it: weights
    `weightBase + weightStep * code`, code below `weightLevels`. `target`
    becomes one panel per product, `productBytes` apart, in the layout that
    multiply_tile reads: [depth / 4][outputs][4] signed bytes. The i32 array
    [products][outputs] at `startsOffset` of `target` becomes the sums that
    take away what the offsets of `winograd_input` add.

    Constraints:
    - (C1) transformed weights fit 8 bits.
    - (C2) `depth` is a positive multiple of 4, `outputs` of 8, and products
      do not overlap.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Index:$startsOffset, Ulq_WinogradAttr:$scheme,
                       I64Attr:$outputs, I64Attr:$depth,
                       I64Attr:$productBytes, I64Attr:$weightBits,
                       I64Attr:$weightBase, I64Attr:$weightStep,
                       I64Attr:$weightLevels, I64Attr:$maxCode);
}

def Ulq_WinogradOutputOp : Ulq_WinogradOp<"winograd_output"> {
  let summary = "transform sums of products to accumulators of pixels";
  let description = [{
    `source` holds i32 sums [products][tiles][outputs], products `productBytes`
    apart; `target` becomes the accumulators of the pixels, i32
    [tileRows * m][tileColumns * n][outputs] for tiles of m x n pixels, divided
    by the scale of the scheme.

    Constraints:
    - (C1) accumulators of up to `maxAccumulator`, multiplied by the scale, fit
      signed 32 bits. What is between may wrap.
    - (C2) at least one tile, `outputs` a positive multiple of 8, products that
      do not overlap.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Ulq_WinogradAttr:$scheme, I64Attr:$tileRows,
                       I64Attr:$tileColumns, I64Attr:$outputs,
                       I64Attr:$productBytes, I64Attr:$maxAccumulator);
}

def Ulq_GatherRowsOp : Ulq_Op<"gather_rows"> {
  let summary = "copy input patches to consecutive rows";
  let description = [{
    Row i of `target`, at `targetOffset + i * rowBytes`, becomes the patch of
    output pixel `firstRow + i` (batch, then y, then x) and `group`: for each
    tap, ky before kx, the group's channels of that input pixel, or `padCode`
    outside the input. A tap takes a whole number of bytes as in the input, or,
    with `expand`, one byte per code in the order of `expandedOrder`
    (lowering/kernels/Kernel.h) or, with `channelOrder` too, in that of the
    channels. Bits and bytes that hold no channel are 0, up to the end of the
    row. f32 elements (`storageBits` 32) are copied.

    With `pairs` rows of 1-bit codes are stored two at a time. For each byte p
    of the first row and q of the second, the 16-bit number
    `(p mod 16) * 16 + (q mod 16) * 256` goes to the first row and
    `(p div 16) * 16 + (q div 16) * 256` to the second. Where `rows` is odd, q
    is undefined in the last pair, for which `target` has room.

    With `planes` every `storageBits` times 64 bytes of a row are stored as
    `storageBits` planes of 64 bytes. Bit p of the code at bit f of byte
    `64 * v + j` goes to bit `f + v` of byte j of plane p.

    With `rowSums` the sum of the row's codes, padding taps included, goes to
    the i32 at `sumsOffset + 4 * i` of `target`.

    Constraints:
    - (C1) `storageBits` is 1, 2, 4, 8, or 32 for f32.
    - (C2) `rowBytes` is a multiple of 64 that holds all taps; a multiple of
      128 that holds them twice with `pairs`; of 64 times `storageBits` with
      `planes`.
    - (C3) a group's channels start at a byte.
    - (C4) f32 has no `padCode`, `expand`, `planes` or `rowSums`.
    - (C5) the geometry is one of `ulq.layer`: its (C1) to (C3).
    - (C6) `pairs` is for 1-bit codes that are not expanded.
    - (C7) `planes` is for codes that are neither expanded nor in pairs.
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset,
                       Ulq_Bytes:$target, Index:$targetOffset,
                       Index:$sumsOffset, Index:$firstRow, Index:$rows,
                       Index:$group, Ulq_GeometryAttr:$geometry,
                       I64Attr:$storageBits, I64Attr:$padCode,
                       I64Attr:$rowBytes, UnitAttr:$expand, UnitAttr:$pairs,
                       UnitAttr:$channelOrder, UnitAttr:$planes,
                       UnitAttr:$rowSums);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Ulq_LaneKind : I32EnumAttr<"LaneKind", "one operation on the lanes of v", [
    I32EnumAttrCase<"Mul", 0, "mul">,
    I32EnumAttrCase<"Div", 1, "div">,
    I32EnumAttrCase<"Add", 2, "add">,
    I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">,
    I32EnumAttrCase<"Leaky", 5, "leaky">,
    I32EnumAttrCase<"Load", 6, "load">,
    I32EnumAttrCase<"AddLoaded", 7, "add_loaded">,
    I32EnumAttrCase<"Round", 8, "round">,
    I32EnumAttrCase<"Count", 9, "count">,
    I32EnumAttrCase<"StoreFloat", 10, "store_float">,
    I32EnumAttrCase<"StoreCode", 11, "store_code">,
    I32EnumAttrCase<"Curve", 12, "curve">]> {
  let cppNamespace = "::ulq";
  let genSpecializedAttr = 0;
}

def Ulq_LaneStepAttr : Ulq_Attr<"LaneStep", "lane"> {
  let summary = "a step of an epilogue over f64 lanes, its constants placed";
  let description = [{
    `mul`, `div`, `add`, `max`, `min` and `leaky` combine v with a constant:
    `value` for all channels, or the f64 array at byte `slot` of the
    parameters, one element per lane of every panel. `load` starts a second
    value r from addend `index`; the steps up to `add_loaded`, which
    adds it to v, apply to r. `round` uses the mode `index` of `Rounding`; v is
    in doubt within `value` of the middle between two integers.
    `count` replaces v by `start` and the number of the `index` arrays at
    `slot` that it reaches, the last `falling` of which lower it; `shared`
    arrays are one number each. `curve`, in f32, replaces v by a polynomial of
    z = v - s, where s, the nearest integer, is -16 to 15: the coefficient of
    power k < 5 is number 32 k + s mod 32 of the f32 array at `slot`. `store_float` and
    `store_code` write v to a target.
  }];
  let parameters = (ins EnumParameter<Ulq_LaneKind>:$kind,
                        OptionalParameter<"::mlir::FloatAttr">:$value,
                        DefaultValuedParameter<"int64_t", "-1">:$slot,
                        DefaultValuedParameter<"int64_t", "0">:$index,
                        DefaultValuedParameter<"int64_t", "0">:$falling,
                        DefaultValuedParameter<"int64_t", "0">:$start,
                        DefaultValuedParameter<"bool", "false">:$shared);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// Of a rounding; 0 for other steps.
    double getDoubt() const;
  }];
}

def Ulq_EpilogueTileOp : Ulq_Op<"epilogue_tile", [AttrSizedOperandSegments]> {
  let summary = "requantize a tile of accumulators and store it";
  let description = [{
    Row i of the tile at `accumulators` belongs to output pixel
    `firstRow + i`, lane j to channel `channel + j`; `rows` and `width` say how
    many of them exist. With S the accumulator and R the row sum at `sums`,

    ```
    a = scaleCodes * S + scaleSum * R + zero[lane] * R + offset[lane]
    ```

    where `zero` is the i32 array at `zeroSlot` of the parameters, if any, and
    `offset` the i32 array of the panel at `offsets` of the scratch memory, if
    any.
    `levels` > 0: the code is `start` and the number of the arrays at
    `thresholdSlot` that a exceeds, the last `falling` of which lower it, with a
    complemented first in the lanes that are set in the mask at `flipSlot`, if
    any. With `thresholdBits` = 16, arrays and mask are i16, and a is saturated
    to 16 bits before; else they are i32, and with 31 the thresholds and a fit
    31 bits, so that their differences fit 32. `steps` are applied to the real
    number a, in f64, in order, or, with `singles`, in f32; so are their arrays.
    All arrays have `lanes` elements, one per lane of every panel, and `panel`
    is the number of this one.
    Where a value that is rounded is in doubt, the code comes from the
    thresholds, or from `exactSteps` in f64.

    `targets` are a code tensor of `codeBits` bits per element when
    `codeBits` > 0, then an f32 tensor when one of the steps is `store_float`;
    both have `outputs` channels per pixel. The storage widths of `addends`
    are `addendBits`, 32 for f32.

    Constraints:
    - (C1) 0 < `width` <= `kernel.outputs`, a multiple of 8.
    - (C2) one offset per addend and per target; one width per operand.
    - (C3) one target per store: codes when `codeBits` > 0, f32 when a step
      stores it.
    - (C4) `steps` and `exactSteps` are `#ulq.lane` attributes, and `load` names an addend.
    - (C5) `singles` needs integer accumulators, and no step is `count` or
      `store_float`; `curve` needs `singles`.
    - (C6) doubts are below 0.5, with `singles` and either `levels` or
      `exactSteps`.
    - (C7) `thresholdBits` is 16, 31 or 32.
  }];
  let arguments = (ins
      Ulq_Bytes:$scratch, Index:$accumulators, Index:$sums,
      Ulq_Bytes:$params, Index:$paramsOffset,
      Variadic<Ulq_Bytes>:$addends, Variadic<Index>:$addendOffsets,
      Variadic<Ulq_Bytes>:$targets, Variadic<Index>:$targetOffsets,
      Index:$firstRow, Index:$rows, Index:$panel, Index:$channel,
      Optional<Index>:$offsets, Ulq_KernelAttr:$kernel, I64Attr:$width, I64Attr:$outputs, I64Attr:$lanes,
      I64Attr:$scaleCodes, I64Attr:$scaleSum, UnitAttr:$floatAccumulators,
      DefaultValuedAttr<I64Attr, "-1">:$zeroSlot,
      DefaultValuedAttr<I64Attr, "0">:$levels,
      DefaultValuedAttr<I64Attr, "-1">:$thresholdSlot,
      DefaultValuedAttr<I64Attr, "0">:$falling,
      DefaultValuedAttr<I64Attr, "0">:$start,
      DefaultValuedAttr<I64Attr, "-1">:$flipSlot,
      DefaultValuedAttr<I64Attr, "32">:$thresholdBits,
      ArrayAttr:$steps,
      UnitAttr:$singles,
      DefaultValuedAttr<ArrayAttr, "{}">:$exactSteps,
      DenseI64ArrayAttr:$addendBits, I64Attr:$codeBits);
  let assemblyFormat = [{
    $scratch `[` $accumulators `,` $sums `]` `params` $params `[` $paramsOffset `]`
    (`add` $addends^ `[` $addendOffsets `]`)?
    `to` $targets `[` $targetOffsets `]`
    `at` $firstRow `,` $rows `,` $panel `,` $channel
    (`offsets` `[` $offsets^ `]`)? attr-dict `:`
    type($scratch) `,` type($params) `,` type($targets) (`add` type($addends)^)?
  }];
  let hasVerifier = 1;
}

def Ulq_MaxPoolTileOp : Ulq_Op<"max_pool_tile"> {
  let summary = "largest code of the windows of some output pixels";
  let description = [{
    Writes output pixels `firstRow` to `firstRow + rows - 1` of a pool over
    packed codes of `storageBits` bits. Padding never wins.

    Constraints:
    - (C1) `storageBits` is 1, 2, 4 or 8.
    - (C2) the geometry is one of `ulq.layer`: its (C1) to (C3).
  }];
  let arguments = (ins Ulq_Bytes:$source, Index:$sourceOffset,
                       Ulq_Bytes:$target, Index:$targetOffset, Index:$firstRow,
                       Index:$rows, Ulq_GeometryAttr:$geometry,
                       I64Attr:$storageBits);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Register level: what an ISA provides
//===----------------------------------------------------------------------===//

def Ulq_ByteVector : VectorOfRankAndType<[1], [I8]>;
def Ulq_HalfVector : VectorOfRankAndType<[1], [I16]>;
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

def Ulq_WordLookupOp : Ulq_Op<"word_lookup"> {
  let summary = "f32 words of a table in memory: result[i] = table[index[i] mod 32]";
  let description = [{
    The table is 32 numbers from byte `offset` of `memory` on. Only the last 5
    bits of an index count.

    Constraints:
    - (C1) as many i32 indices as f32 results, a multiple of 4.
  }];
  let arguments = (ins Ulq_Bytes:$memory, Index:$offset,
                       VectorOfRankAndType<[1], [I32]>:$index);
  let results = (outs VectorOfRankAndType<[1], [F32]>:$result);
  let extraClassDeclaration = [{
    /// Of a table.
    static constexpr int64_t kWords = 32;
  }];
  let assemblyFormat = "$memory `[` $offset `]` `,` $index attr-dict `:` type($memory) `,` type($index) `->` type($result)";
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

def Ulq_PopcountAddOp : Ulq_Op<"popcount_add", [Pure,
    AllTypesMatch<["acc", "bits", "result"]>]> {
  let summary = "acc[i] + the number of ones in byte bits[i]";
  let description = [{
    Sums wrap at 256.

    Constraints:
    - (C1) the vector has a multiple of 16 bytes.
  }];
  let arguments = (ins Ulq_ByteVector:$acc, Ulq_ByteVector:$bits);
  let results = (outs Ulq_ByteVector:$result);
  let assemblyFormat = "$acc `,` $bits attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Ulq_Dot2Op : Ulq_Op<"dot2", [Pure, AllTypesMatch<["lhs", "rhs"]>,
                                  AllTypesMatch<["acc", "result"]>]> {
  let summary = "acc[i] + sum over j < 2 of lhs[2i+j] * rhs[2i+j], u8 by s8";
  let description = [{
    16-bit sums. `maxAcc`, `maxLhs` and `maxRhs` bound |acc|, lhs (unsigned) and
    |rhs|, so that nothing wraps or saturates.

    Constraints:
    - (C1) two bytes per accumulator lane.
    - (C2) 0 < `maxLhs` <= 255, 0 < `maxRhs` <= 128, `maxAcc` >= 0.
    - (C3) `maxAcc` and two products fit signed 16 bits.
  }];
  let arguments = (ins Ulq_HalfVector:$acc, Ulq_ByteVector:$lhs,
                       Ulq_ByteVector:$rhs, I64Attr:$maxAcc, I64Attr:$maxLhs,
                       I64Attr:$maxRhs);
  let results = (outs Ulq_HalfVector:$result);
  let assemblyFormat =
      "$acc `,` $lhs `,` $rhs attr-dict `:` type($result) `,` type($lhs)";
  let hasVerifier = 1;
}

def Ulq_WidenAddOp : Ulq_Op<"widen_add", [Pure,
    AllTypesMatch<["acc", "result"]>]> {
  let summary = "acc[i] + halves[2i] + halves[2i+1], signed 16 to 32 bits";
  let description = [{
    Constraints:
    - (C1) two halves per accumulator lane.
  }];
  let arguments = (ins Ulq_WordVector:$acc, Ulq_HalfVector:$halves);
  let results = (outs Ulq_WordVector:$result);
  let assemblyFormat =
      "$acc `,` $halves attr-dict `:` type($result) `,` type($halves)";
  let hasVerifier = 1;
}

#endif // ULQ_TILE_OPS
