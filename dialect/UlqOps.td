//===- UlqOps.td - graph, integer and packed level ---------*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_OPS
#define ULQ_OPS

include "UlqTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Ulq_Op<string mnemonic, list<Trait> traits = []>
    : Op<Ulq_Dialect, mnemonic, traits>;

// A graph-level operation on whole values: no side effect, has a verifier.
class Ulq_GraphOp<string mnemonic, list<Trait> traits = []>
    : Ulq_Op<mnemonic, !listconcat([Pure], traits)> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Graph level: values and quantizers. Tensors are channels first (NCHW).
//===----------------------------------------------------------------------===//

def Ulq_ConstantOp : Ulq_Op<"constant", [Pure, ConstantLike]> {
  let summary = "a constant tensor of codes or floats";
  let description = [{
    `value` holds one element per code (i8, i16 or i32 for codes and integers,
    f32 for floats), so no sub-byte element reaches an attribute.

    Constraints:
    - (C1) `value` has the shape of the result.
    - (C2) every code lies in the range of the result's element type.
    - (C3) `value` holds codes as i8, i16 or i32, other elements as themselves.

    ```mlir
    %w = ulq.constant {value = dense<[1, -2]> : tensor<2xi8>} : tensor<2xsi2>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Ulq_ValueTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Ulq_QuantizeOp : Ulq_GraphOp<"quantize"> {
  let summary = "codes of a float tensor under a uniform quantizer";
  let description = [{
    `clamp(round(x / scale) + zeroPoint, min, max)`, or, with `zeroPointFirst`,
    `round(clamp(x / scale + zeroPoint, min, max))` (ONNX QuantizeLinear and
    QONNX IntQuant order; they differ at ties when the zero point is odd and
    everywhere when it is no integer).

    Constraints:
    - (C1) input and result have the same shape.
    - (C2) `scale` and `zeroPoint` have one value, or one per index of `axis`.
    - (C3) every scale is positive and finite.
    - (C4) `min` <= `max`, both in the range of the result's element type.
    - (C5) `axis` is a dimension of the input.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, DenseF64ArrayAttr:$scale,
                       DenseF64ArrayAttr:$zeroPoint,
                       DefaultValuedAttr<I64Attr, "0">:$axis, I64Attr:$min,
                       I64Attr:$max, Ulq_RoundingAttr:$rounding,
                       UnitAttr:$zeroPointFirst);
  let results = (outs Ulq_CodeTensor:$result);
  let hasFolder = 1;
}

def Ulq_DequantizeOp : Ulq_GraphOp<"dequantize"> {
  let summary = "real values of codes: (code - zeroPoint) * scale";
  let description = [{
    Constraints: (C1), (C2), (C3), (C5) of `ulq.quantize`. The zero point may
    be a fraction: bipolar codes {0, 1} with values {-s, s} have scale 2s and
    zero point 0.5. 16- and 32-bit integers are admitted for biases.
  }];
  let arguments = (ins Ulq_ValueTensor:$input, DenseF64ArrayAttr:$scale,
                       DenseF64ArrayAttr:$zeroPoint,
                       DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_ThresholdOp : Ulq_GraphOp<"threshold"> {
  let summary = "number of thresholds that each element reaches (x >= t)";
  let description = [{
    `values` holds `count` ascending thresholds for all channels, or `count`
    for each index of `axis`, channel after channel (QONNX MultiThreshold;
    Sign is thresholds {0, the smallest positive number}). The code starts at
    `start`; the last `falling` thresholds of a channel, which ascend by
    themselves, lower it, as a quantizer behind a function may: {1, 4, 6, -3}
    with `start` 1 and `falling` 1 falls to 0 at -3 and rises from 1 on.

    Constraints:
    - (C1) input and result have the same shape.
    - (C2) `values` has `count` or `count` x extent-of-`axis` numbers.
    - (C3) the thresholds of a channel ascend, those that lower the code
      by themselves.
    - (C4) the codes are in the range of the result's element type.
    - (C5) `falling` is at most `count`.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, DenseF64ArrayAttr:$values,
                       I64Attr:$count, DefaultValuedAttr<I64Attr, "1">:$axis,
                       DefaultValuedAttr<I64Attr, "0">:$falling,
                       DefaultValuedAttr<I64Attr, "0">:$start);
  let results = (outs Ulq_CodeTensor:$result);
}

def Ulq_RecodeOp : Ulq_GraphOp<"recode"> {
  let summary = "code + offset, in another code type";
  let description = [{
    Relates the codes of the model to the unsigned codes of the kernels, e.g.
    si8 to ui8 with offset 128.

    Constraints:
    - (C1) input and result have the same shape.
  }];
  let arguments = (ins Ulq_CodeTensor:$input, I64Attr:$offset);
  let results = (outs Ulq_CodeTensor:$result);
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Graph level: arithmetic
//===----------------------------------------------------------------------===//

def Ulq_Conv2DOp : Ulq_GraphOp<"conv2d"> {
  let summary = "2-D convolution, NCHW by OIHW";
  let description = [{
    `pads` are [top, left, bottom, right]; padding is the real number 0.

    Constraints:
    - (C1) both operands have rank 4.
    - (C2) strides, dilations have 2 positive values, pads 4 non-negative ones.
    - (C3) input channels = weight channels x groups; outputs divide by groups.
    - (C4) the result has the shape that the geometry gives.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, Ulq_FloatTensor:$weights,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_MatmulOp : Ulq_GraphOp<"matmul"> {
  let summary = "matrix product of the last two dimensions";
  let description = [{
    Constraints:
    - (C1) both operands have rank 2 or more.
    - (C2) the reduction extents agree.
    - (C3) leading extents broadcast, and the result has the product's shape.
  }];
  let arguments = (ins Ulq_FloatTensor:$lhs, Ulq_FloatTensor:$rhs);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_AffineOp : Ulq_GraphOp<"affine"> {
  let summary = "x * scale + offset along an axis";
  let description = [{
    Bias, batch normalization, and multiplication or addition of a constant.

    Constraints:
    - (C1) input and result have the same shape.
    - (C2) `scale` and `offset` have one value, or one per index of `axis`.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, DenseF64ArrayAttr:$scale,
                       DenseF64ArrayAttr:$offset,
                       DefaultValuedAttr<I64Attr, "1">:$axis);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_AddOp : Ulq_GraphOp<"add", [Commutative]> {
  let summary = "elementwise sum";
  let description = [{
    Constraints:
    - (C1) operands and result have the same shape.
  }];
  let arguments = (ins Ulq_FloatTensor:$lhs, Ulq_FloatTensor:$rhs);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_ClampOp : Ulq_GraphOp<"clamp"> {
  let summary = "min(max(x, min), max) of floats or codes";
  let description = [{
    ReLU is clamp with min = 0 and max = infinity. On codes it is the Clip of
    a QCDQ graph.

    Constraints:
    - (C1) input and result have the same type.
    - (C2) `min` <= `max`.
  }];
  let arguments = (ins Ulq_AnyTensor:$input, F64Attr:$min, F64Attr:$max);
  let results = (outs Ulq_AnyTensor:$result);
}

def Ulq_LeakyReluOp : Ulq_GraphOp<"leaky_relu"> {
  let summary = "x < 0 ? alpha * x : x";
  let description = [{
    Constraints:
    - (C1) input and result have the same shape.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, F64Attr:$alpha);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_RoundOp : Ulq_GraphOp<"round"> {
  let summary = "round to an integer";
  let description = [{
    Found in quantizers that are written out as arithmetic.

    Constraints:
    - (C1) input and result have the same shape.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, Ulq_RoundingAttr:$rounding);
  let results = (outs Ulq_FloatTensor:$result);
}

class Ulq_PoolOp<string mnemonic, dag extra = (ins)> : Ulq_GraphOp<mnemonic> {
  let arguments = !con((ins Ulq_FloatTensor:$input, DenseI64ArrayAttr:$kernel,
                            DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                            DenseI64ArrayAttr:$dilations), extra);
  let results = (outs Ulq_FloatTensor:$result);
}

def Ulq_MaxPoolOp : Ulq_PoolOp<"max_pool"> {
  let summary = "largest value of each window, NCHW";
  let description = [{
    Padding never wins. A ceil-mode window is expressed by larger end pads.

    Constraints:
    - (C1) rank 4.
    - (C2) kernel, strides, dilations have 2 positive values, pads 4.
    - (C3) the result has the shape that the geometry gives.
    - (C4) no window lies in the padding alone.
  }];
}

def Ulq_AvgPoolOp : Ulq_PoolOp<"avg_pool", (ins BoolAttr:$countIncludePad)> {
  let summary = "mean of each window, NCHW";
  let description = [{
    With `countIncludePad` the divisor is the window size, otherwise the number
    of elements inside the input. Constraints as `ulq.max_pool`.
  }];
}

//===----------------------------------------------------------------------===//
// Graph level: shape
//===----------------------------------------------------------------------===//

class Ulq_ShapeOp<string mnemonic, dag extra = (ins)> : Ulq_GraphOp<mnemonic> {
  let arguments = !con((ins Ulq_ValueTensor:$input), extra);
  let results = (outs Ulq_ValueTensor:$result);
}

def Ulq_ReshapeOp : Ulq_ShapeOp<"reshape"> {
  let summary = "the same elements in row-major order, other extents";
  let description = [{
    Constraints:
    - (C1) equal number of elements, equal element types.
  }];
  let hasFolder = 1;
}

def Ulq_TransposeOp : Ulq_ShapeOp<"transpose", (ins DenseI64ArrayAttr:$perm)> {
  let summary = "result dimension i is input dimension perm[i]";
  let description = [{
    Constraints:
    - (C1) `perm` is a permutation of the dimensions.
    - (C2) the result has the permuted shape and the same element type.
  }];
  let hasFolder = 1;
}

def Ulq_PadOp : Ulq_ShapeOp<"pad", (ins DenseI64ArrayAttr:$low,
                                        DenseI64ArrayAttr:$high,
                                        F64Attr:$value)> {
  let summary = "surround with a constant";
  let description = [{
    Constraints:
    - (C1) one non-negative low and high pad per dimension.
    - (C2) the result has the padded shape and the same element type.
  }];
}

def Ulq_SliceOp : Ulq_ShapeOp<"slice", (ins DenseI64ArrayAttr:$starts,
                                            DenseI64ArrayAttr:$steps)> {
  let summary = "every so many elements from a start on, in each dimension";
  let description = [{
    Index i of a dimension of the result is `start + i * step` of the input.

    Constraints:
    - (C1) one non-negative start and one positive step per dimension.
    - (C2) the result has the input's rank and element type, and its last
      element lies inside the input.
  }];
}

def Ulq_ConcatOp : Ulq_GraphOp<"concat"> {
  let summary = "join along an axis";
  let description = [{
    Constraints:
    - (C1) equal element types, and equal extents off the axis.
    - (C2) the result's extent along the axis is the sum.
  }];
  let arguments = (ins Variadic<Ulq_ValueTensor>:$inputs, I64Attr:$axis);
  let results = (outs Ulq_ValueTensor:$result);
}

//===----------------------------------------------------------------------===//
// Integer and packed level. Tensors are channels last (NHWC).
//===----------------------------------------------------------------------===//

def Ulq_LayerOp : Ulq_Op<"layer", [Pure]> {
  let summary = "integer convolution or matrix product with its epilogue";
  let description = [{
    For codes the accumulator of output pixel p and channel n is the exact
    integer

    ```
    acc[p, n] = sum over taps t, channels c:  x[p + t, c] * (w[n, t, c] + weightZero[n])
    ```

    with unsigned codes x and integer weights w; taps outside the input read
    `padCode`. For an f32 input the sum is in f32, padding is 0. Then the
    epilogue is applied to v = acc (a real number, in f64), step by step:
    `#ulq.affine`, `#ulq.clamp`, `#ulq.leaky`, `#ulq.add`, `#ulq.quantize`,
    `#ulq.dequantize`, `#ulq.threshold`. The results are

    - codes: v after the last step, which then is a quantize or threshold step,
    - f32: v after all steps, or, when there is a code result too, before the
      last step.

    `thresholds`, when present, replaces the steps for the code result: the
    code is `start` and the number of t with `acc >= thresholds[n, t]`, or,
    where `descending[n]`, with `acc <= thresholds[n, t]`; the last `falling`
    of each channel lower it.

    The constants of affine steps may be composed, and divided by the scale of
    the quantizer that follows, in f64: a code differs from the step-by-step
    result at most where v lies within f64 rounding of a tie. Integer
    thresholds are solved with true divisions.

    With `computedWeights` the weights are a tensor of the network like the
    input, unsigned codes w or f32, one matrix for each image of the batch: the
    rows of a transposed right factor. For codes the accumulator is then

    ```
    acc[p, n] = sum over channels c:
                (x[p, c] - inputZero) * (w[n, c] + weightBase + weightZero[n])
    ```

    At the packed level codes (input, computed weights, addends, result) have type `!ulq.packed`, `kernel` is set, and `weights` is the byte blob in the
    kernel's own order (a rank-1 tensor of i8) whose integer meaning is kept in
    `weightBits`, `weightBase`, `weightStep`: w = base + step * code, with
    code < `weightLevels`. `maxCode` is the largest code that the input or its
    padding has.

    Constraints:
    - (C1) the geometry has 4 positive extents, 2 kernel extents, strides and
      dilations (positive) and 4 pads (non-negative).
    - (C2) output extents follow from the geometry.
    - (C3) channels divide by `groups`.
    - (C4) the input has the geometry's input shape; results have its output
      shape.
    - (C5) at the integer level weights are [outputs, kh, kw, channels / groups];
      computed ones are [batch, outputs, 1, channels] at every level.
    - (C6) `padCode` is a code of the input.
    - (C7) `weightZero`, when present, has one value per output channel.
    - (C8) every step's arrays have one value or one per output channel
      (thresholds: `count` times as many), and `#ulq.add` names an operand.
    - (C9) a code result needs a final quantize or threshold step whose codes
      fit the result, or `thresholds`.
    - (C10) `thresholds` is [outputs, levels] with `descending` of size outputs
      and at most `levels` that are `falling`.
    - (C11) one or two results: at most one of codes and one of f32.
    - (C12) an f32 input has f32 weights, or integer weights, and no `padCode`
      but 0; codes have integer weights.
    - (C13) `accumulatorMin` <= `accumulatorMax`, and both fit in 32 bits.
    - (C14) computed weights are unsigned codes or f32 as the input is, packed
      at the same width, with one value in all of `weightZero`; the kernel is
      1x1 with stride 1, without pads and groups.
    - (C15) `inputZero` stands only beside computed codes.
  }];
  let arguments = (ins
      Ulq_LayerTensor:$input,
      Ulq_WeightTensor:$weights,
      Variadic<Ulq_LayerTensor>:$addends,
      Ulq_GeometryAttr:$geometry,
      DefaultValuedAttr<I64Attr, "0">:$padCode,
      OptionalAttr<DenseI32ArrayAttr>:$weightZero,
      DefaultValuedAttr<ArrayAttr, "{}">:$epilogue,
      OptionalAttr<ElementsAttr>:$thresholds,
      OptionalAttr<DenseBoolArrayAttr>:$descending,
      OptionalAttr<StrAttr>:$op_type,
      OptionalAttr<I64Attr>:$weightBits,
      OptionalAttr<I64Attr>:$weightBase,
      OptionalAttr<I64Attr>:$weightStep,
      OptionalAttr<I64Attr>:$accumulatorMin,
      OptionalAttr<I64Attr>:$accumulatorMax,
      OptionalAttr<Ulq_KernelAttr>:$kernel,
      OptionalAttr<I64Attr>:$weightLevels,
      OptionalAttr<I64Attr>:$maxCode,
      UnitAttr:$computedWeights,
      OptionalAttr<I64Attr>:$inputZero,
      DefaultValuedAttr<I64Attr, "0">:$falling,
      DefaultValuedAttr<I64Attr, "0">:$start);
  let results = (outs Variadic<Ulq_LayerTensor>:$outputs);
  let builders = [OpBuilder<(ins "mlir::TypeRange":$outputs,
      "mlir::Value":$input, "mlir::Value":$weights, "mlir::ValueRange":$addends,
      "GeometryAttr":$geometry), [{
    $_state.addTypes(outputs);
    $_state.addOperands({input, weights});
    $_state.addOperands(addends);
    auto &properties = $_state.getOrAddProperties<Properties>();
    properties.geometry = geometry;
    properties.padCode = $_builder.getI64IntegerAttr(0);
    properties.epilogue = $_builder.getArrayAttr({});
  }]>];
  let extraClassDeclaration = [{
    /// Smallest and largest code of `thresholds`.
    std::pair<int64_t, int64_t> thresholdCodes();
  }];
  let assemblyFormat = [{
    $input `,` $weights (`add` $addends^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Ulq_MaxPoolCodesOp : Ulq_Op<"max_pool_codes", [Pure]> {
  let summary = "largest code of each window, NHWC";
  let description = [{
    Exact for any quantizer with a positive scale, since it is monotone.

    Constraints:
    - (C1) as `ulq.layer` (C1), (C2); channels are kept and `groups` is 1.
    - (C2) input and result have the geometry's shapes and equal element types.
  }];
  let arguments = (ins Ulq_LayerTensor:$input, Ulq_GeometryAttr:$geometry,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_LayerTensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Ulq_LookupOp : Ulq_Op<"lookup", [Pure]> {
  let summary = "another code for each code";
  let description = [{
    Element i of the result is `table[code]`, code the element i of the input:
    any function of one tensor of codes, a quantizer included. Elements are
    independent, so it stands at every level from the graph to packed codes.

    Constraints:
    - (C1) input and result have the same shape.
    - (C2) codes are unsigned, and `table` has one number for each code of the
      input.
    - (C3) these are codes of the result.
    - (C4) rows of packed tensors fill their bytes.
  }];
  let arguments = (ins Ulq_LayerTensor:$input, DenseI64ArrayAttr:$table,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_LayerTensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Ulq_EncodeOp : Ulq_Op<"encode", [Pure]> {
  let summary = "codes of a float tensor, ready to be read packed";
  let description = [{
    What `ulq.quantize` with rounding half_even and one grid yields, in f32, as
    a dispatch: `x / scale` is rounded to f32 before it is rounded to a code.
    The code of a NaN is `min`. With `channelsFirst` the input is NCHW, and the
    result, as always, NHWC.

    Constraints:
    - (C1) the result has the shape of the input, with `channelsFirst` that of
      its transpose, of rank 4 and 1 to 4 channels.
    - (C2) `scale` is from 2^-100 to 2^100, `zeroPoint` from -1024 to 1024.
    - (C3) codes are unsigned; `min` <= `max`, both in the range of the result's
      element type.
    - (C4) rows of a packed result fill their bytes, except with
      `channelsFirst`.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, F64Attr:$scale,
                       I64Attr:$zeroPoint, I64Attr:$min, I64Attr:$max,
                       UnitAttr:$zeroPointFirst, UnitAttr:$channelsFirst,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_LayerTensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Channels of the longest row that is made of `channelsFirst`.
    static constexpr int64_t kMostChannels = 4;
    /// Whether an operation without `channelsFirst` yields what `op` does.
    static bool takes(QuantizeOp op);
  }];
}

def Ulq_MoveCodesOp : Ulq_Op<"move_codes", [Pure]> {
  let summary = "codes of some tensors in other places";
  let description = [{
    What concats, slices, transposes and repetitions of codes do together: the
    copies that `blocks` list.

    Constraints:
    - (C1) inputs and result have equal element types, and all are plain or all
      are packed at one width.
    - (C2) a block names an input; its run and extents are positive, offsets and
      strides not negative, and there is a stride for each extent.
    - (C3) blocks read codes of their input.
    - (C4) they write each code of the result once.
    - (C5) of packed tensors, runs, offsets and strides are whole bytes; where
      rows do not end at a byte by themselves, whole rows.
  }];
  let arguments = (ins Variadic<Ulq_LayerTensor>:$inputs,
                       Ulq_BlockArrayAttr:$blocks,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_LayerTensor:$result);
  let assemblyFormat =
      "$inputs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Ulq_NonMaxSuppressionOp : Ulq_Op<"non_max_suppression", [Pure]> {
  let summary = "boxes of high score that overlap no better one of their class";
  let description = [{
    For each image of the batch and each class, on its own: of the boxes whose
    score exceeds `scoreThreshold` (any number, without it) the one with the
    highest score is selected, the first of equal ones, until there are
    `maxOutput` or no box is left. A selected box takes away those that it
    overlaps by more than `iouThreshold`: the area of the intersection over that
    of the union, in f32. Boxes are two opposite corners, or, with
    `centerPoint`, a center and extents.

    `rows` are image, class and box of the selected ones, image by image, class
    by class, by descending score; there are `count` of them, what follows is
    undefined. It stands at every level from the graph on, with `kernel` at the
    packed level.

    Constraints:
    - (C1) `boxes` is [batch, boxes, 4], `scores` [batch, classes, boxes].
    - (C2) `rows` is [batch x classes x limit, 3], the limit being 1 to the
      number of boxes.
    - (C3) `maxOutput`, the thresholds and `count` are single numbers.
  }];
  let arguments = (ins Ulq_FloatTensor:$boxes, Ulq_FloatTensor:$scores,
                       Ulq_Int64Tensor:$maxOutput,
                       Ulq_FloatTensor:$iouThreshold,
                       Optional<Ulq_FloatTensor>:$scoreThreshold,
                       UnitAttr:$centerPoint,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_Int64Tensor:$rows, Ulq_Int64Tensor:$count);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The most rows of one class of one image.
    int64_t getLimit();
  }];
}

def Ulq_TopKOp : Ulq_Op<"top_k", [Pure]> {
  let summary = "the largest elements of each row, in their order";
  let description = [{
    Values and indices of as many elements of each row as the results have, the
    largest first, with `smallest` the smallest first, and of equal ones the
    first. It stands at every level from the graph on, with `kernel` at the
    packed level.

    Constraints:
    - (C1) the input has rank 2.
    - (C2) results have its rows, equal extents, and no more elements of a row
      than there are.
  }];
  let arguments = (ins Ulq_FloatTensor:$input, UnitAttr:$smallest,
                       OptionalAttr<Ulq_KernelAttr>:$kernel);
  let results = (outs Ulq_FloatTensor:$values, Ulq_Int64Tensor:$indices);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Ulq_FirstRowsOp : Ulq_Op<"first_rows", [Pure]> {
  let summary = "as many rows as a number of the network says";
  let description = [{
    The first `count` indices of the first dimension, whose extent is known at
    run time only.

    Constraints:
    - (C1) `count` is a single number.
    - (C2) the result has the input's type, with an open first extent.
  }];
  let arguments = (ins Ulq_Int64Tensor:$input, Ulq_Int64Tensor:$count);
  let results = (outs RankedTensorOf<[I64]>:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Ulq_PackOp : Ulq_Op<"pack", [Pure]> {
  let summary = "store a tensor in a layout";
  let description = [{
    Constraints:
    - (C1) shapes and element types agree.
  }];
  let arguments = (ins Ulq_AnyTensor:$input);
  let results = (outs Ulq_PackedType:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Ulq_UnpackOp : Ulq_Op<"unpack", [Pure]> {
  let summary = "the plain tensor of a packed one";
  let description = [{
    Constraints:
    - (C1) shapes and element types agree.
  }];
  let arguments = (ins Ulq_PackedType:$input);
  let results = (outs Ulq_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // ULQ_OPS
