//===- UlqAttrs.td - layouts, kernels, epilogue steps ------*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_ATTRS
#define ULQ_ATTRS

include "UlqDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Ulq_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Ulq_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

def Ulq_Rounding : I32EnumAttr<"Rounding", "how a real number becomes an integer", [
    I32EnumAttrCase<"HalfEven", 0, "half_even">,
    I32EnumAttrCase<"HalfUp", 1, "half_up">,
    I32EnumAttrCase<"HalfDown", 2, "half_down">,
    I32EnumAttrCase<"Ceil", 3, "ceil">,
    I32EnumAttrCase<"Floor", 4, "floor">,
    I32EnumAttrCase<"Up", 5, "up">,
    I32EnumAttrCase<"Down", 6, "down">]> {
  // half_up and half_down move ties away from and towards zero; up and down
  // move every fraction away from and towards zero (QONNX IntQuant).
  let cppNamespace = "::ulq";
  let genSpecializedAttr = 0;
}

def Ulq_RoundingAttr : EnumAttr<Ulq_Dialect, Ulq_Rounding, "rounding"> {
  let assemblyFormat = "`<` $value `>`";
}

// Numbers of a step: the default printer would round them to six digits.
def Ulq_F64Array : AttrOrTypeParameter<"::mlir::DenseF64ArrayAttr", ""> {
  let printer = "printNumbers($_printer, $_self)";
}

//===----------------------------------------------------------------------===//
// Epilogue steps: v is a real number, evaluated in f64
//===----------------------------------------------------------------------===//

def Ulq_AffineStepAttr : Ulq_Attr<"AffineStep", "affine"> {
  let summary = "v * scale + offset";
  let description = [{
    `scale` and `offset` have one value, or one per output channel. No target
    fuses the multiplication and the addition: the product is rounded first.
  }];
  let parameters = (ins Ulq_F64Array:$scale,
                        Ulq_F64Array:$offset);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_ClampStepAttr : Ulq_Attr<"ClampStep", "clamp"> {
  let summary = "min(max(v, min), max)";
  let parameters = (ins "::mlir::FloatAttr":$min, "::mlir::FloatAttr":$max);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_LeakyStepAttr : Ulq_Attr<"LeakyStep", "leaky"> {
  let summary = "v < 0 ? alpha * v : v";
  let parameters = (ins "::mlir::FloatAttr":$alpha);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_AddStepAttr : Ulq_Attr<"AddStep", "add"> {
  let summary = "v + (r * scale + offset), r an addend";
  let description = [{
    `operand` is the index into the addends of the layer; its
    elements are codes or f32, its shape is that of the result.
  }];
  let parameters = (ins "int64_t":$operand, "::mlir::FloatAttr":$scale,
                        "::mlir::FloatAttr":$offset);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_QuantizeStepAttr : Ulq_Attr<"QuantizeStep", "quantize"> {
  let summary = "the code of v under a uniform quantizer, as a number";
  let description = [{
    `clamp(round(v / scale) + zeroPoint, min, max)`, or, with `zeroPointFirst`,
    `round(clamp(v / scale + zeroPoint, min, max))` (ONNX and QONNX order).
    `scale` and `zeroPoint` have one value, or one per output channel.
  }];
  let parameters = (ins Ulq_F64Array:$scale,
                        Ulq_F64Array:$zeroPoint,
                        "int64_t":$min, "int64_t":$max,
                        "::ulq::RoundingAttr":$rounding,
                        "bool":$zeroPointFirst);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_DequantizeStepAttr : Ulq_Attr<"DequantizeStep", "dequantize"> {
  let summary = "(v - zeroPoint) * scale";
  let parameters = (ins Ulq_F64Array:$scale,
                        Ulq_F64Array:$zeroPoint);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_ThresholdStepAttr : Ulq_Attr<"ThresholdStep", "threshold"> {
  let summary = "the number of thresholds that v reaches (v >= t)";
  let description = [{
    `values` holds `count` ascending thresholds for all channels, or `count`
    for each output channel, channel after channel. The code starts at `start`;
    the last `falling` thresholds of a channel, which ascend by themselves,
    lower it.
  }];
  let parameters = (ins Ulq_F64Array:$values, "int64_t":$count,
                        DefaultValuedParameter<"int64_t", "0">:$falling,
                        DefaultValuedParameter<"int64_t", "0">:$start);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Layout, kernel
//===----------------------------------------------------------------------===//

def Ulq_LayoutAttr : Ulq_Attr<"Layout", "layout"> {
  let summary = "how the elements of a packed tensor become bytes";
  let description = [{
    Rows: the last dimension is stored with `bits` bits per element, element 0
    in the lowest bits of byte 0; every row starts at a byte.
    Example: `#ulq.layout<bits = 2>`.
  }];
  let parameters = (ins "int64_t":$bits);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_KernelAttr : Ulq_Attr<"Kernel", "kernel"> {
  let summary = "the microkernel chosen for a layer, and its tile";
  let description = [{
    `family` is the name of an algorithm of `lowering/kernels`, `isa` that of
    an instruction provider of `lowering/isa`. A tile computes `rows` output
    pixels by `outputs` channels; `block` rows are gathered at a time;
    `workgroups` is the number of parts of the dispatch: `panelParts` parts of
    the panels by `workgroups / panelParts` parts of the rows.
    `cost` is the predicted number of cycles for one multiply-accumulate.
    `runnerUp` names the next best candidate and `margin` its cost over the
    chosen one's (1 when there is none): the predicted one, or with `measured`
    the time that decided.
  }];
  let parameters = (ins "::mlir::StringAttr":$family, "::mlir::StringAttr":$isa,
                        "int64_t":$rows, "int64_t":$outputs, "int64_t":$block,
                        "int64_t":$workgroups,
                        "::mlir::FloatAttr":$cost,
                        "::mlir::StringAttr":$runnerUp,
                        "::mlir::FloatAttr":$margin,
                        DefaultValuedParameter<"int64_t", "1">:$panelParts,
                        DefaultValuedParameter<"bool", "false">:$measured);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_GeometryAttr : Ulq_Attr<"Geometry", "geometry"> {
  let summary = "the extents of a convolution over channels-last tensors";
  let description = [{
    `input` and `output` are [batch, height, width, channels]; `pads` are
    [top, left, bottom, right]. A matrix product is a 1x1 convolution over
    [1, rows, 1, K].
  }];
  let parameters = (ins "::mlir::DenseI64ArrayAttr":$input,
                        "::mlir::DenseI64ArrayAttr":$output,
                        "::mlir::DenseI64ArrayAttr":$kernel,
                        "::mlir::DenseI64ArrayAttr":$strides,
                        "::mlir::DenseI64ArrayAttr":$pads,
                        "::mlir::DenseI64ArrayAttr":$dilations,
                        "int64_t":$groups);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ulq_BlockAttr : Ulq_Attr<"Block", "block"> {
  let summary = "codes of one tensor that are copied to another";
  let description = [{
    Nested loops of `extents`, outermost first, around `run` codes that are
    neighbours in both tensors, the elements of each counted in row-major order:
    in turn i, j, ... codes from `from + i * fromStrides[0] + ...` on of operand
    `input` go to `to + i * toStrides[0] + ...`. A stride of 0 in `fromStrides`
    repeats them.
    Example: every pixel of 8 codes twice,
    `#ulq.block<input = 0, from = 0, to = 0, extents = [16, 2], fromStrides = [8, 0], toStrides = [16, 8], run = 8>`.
  }];
  let parameters = (ins "int64_t":$input, "int64_t":$from, "int64_t":$to,
                        "::mlir::DenseI64ArrayAttr":$extents,
                        "::mlir::DenseI64ArrayAttr":$fromStrides,
                        "::mlir::DenseI64ArrayAttr":$toStrides,
                        "int64_t":$run);
  let assemblyFormat = "`<` struct(params) `>`";
}
def Ulq_BlockArrayAttr : TypedArrayAttrBase<Ulq_BlockAttr, "blocks of codes">;

//===----------------------------------------------------------------------===//
// Minimal filtering
//===----------------------------------------------------------------------===//

def Ulq_Filter : I32EnumAttr<"Filter",
    "a minimal filtering algorithm of 3 taps in one dimension", [
    I32EnumAttrCase<"F2", 0, "f2">,
    I32EnumAttrCase<"F3", 1, "f3">,
    I32EnumAttrCase<"F4", 2, "f4">,
    I32EnumAttrCase<"Q4", 3, "q4">]> {
  // Fm yields m outputs by m + 2 products, at the points 0, 1, -1, 2, -2 and
  // infinity as far as needed. q4 yields 4 by 7, modulo x, x - 1, x + 1,
  // x^2 + 1 and infinity: smaller coefficients.
  let cppNamespace = "::ulq";
  let genSpecializedAttr = 0;
}

def Ulq_WinogradAttr : Ulq_Attr<"Winograd", "winograd"> {
  let summary = "filters along the two axes of an image";
  let description = [{
    The matrices of both are integers (dialect/Winograd.h), so that transformed
    codes, weights and sums are integers, too, and the result is the exact
    convolution, multiplied by `scale`.
  }];
  let parameters = (ins EnumParameter<Ulq_Filter>:$rows,
                        EnumParameter<Ulq_Filter>:$columns);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // ULQ_ATTRS
