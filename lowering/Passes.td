//===- Passes.td - every pass, in the order of the data ----*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_PASSES
#define ULQ_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// --ulq-quantize: graph level to integer level
//===----------------------------------------------------------------------===//

def ImportFold : Pass<"ulq-import-fold", "::mlir::ModuleOp"> {
  let summary = "Bring every written form of a quantizer into one";
  let description = [{
    Expects graph-level operations as the importer emits them. Afterwards codes
    are unsigned and, where the rounding admits it, start at 0, constant weights are `ulq.dequantize` of
    `ulq.constant`, a Clip between quantize and dequantize is part of the
    quantizer, a quantizer written as affine, round, clamp, affine is a
    `ulq.quantize` with its `ulq.dequantize`, transposes and reshapes of
    constants are folded, data movement stands on the code side of a
    dequantize, and quantizers stand before maximum pools of products and before
    concats. Bipolar codes around which zeros are padded are {0, 2}, so that
    1 is zero.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def FuseQuantized : Pass<"ulq-fuse-quantized", "::mlir::ModuleOp"> {
  let summary = "Turn convolutions and matrix products into integer layers";
  let description = [{
    Expects `ulq-import-fold` to have run. Every `ulq.conv2d`, `ulq.matmul` and
    `ulq.avg_pool` of dequantized codes becomes a
    `ulq.layer` over channels-last codes whose epilogue subtracts the input's
    zero point and applies the scales, and every `ulq.max_pool` of dequantized codes a `ulq.max_pool_codes`. Products
    of unquantized values become layers in f32. Flattening before a product is
    absorbed into the kernel extents, a `ulq.pad` of codes by the value of a code
    into the pads. A product without constant operand becomes
    a layer with computed weights; no `ulq.matmul` is left.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def FoldEpilogue : Pass<"ulq-fold-epilogue", "::mlir::ModuleOp"> {
  let summary = "Absorb bias, batch norm, residual, ReLU and requantize into layers";
  let description = [{
    Expects `ulq-fuse-quantized` to have run. Elementwise users of a layer's
    only float result become epilogue steps, up to and including a quantizer.
    What leads from codes to a quantizer without a product becomes the epilogue
    of a depthwise layer with unit weights, and so does a quantizer of floats
    that a layer yields for several ones, unless `ulq-encode-floats` takes it.
    Quantizers of few codes that read one result are joined: one of them stays,
    and the codes of each are a lookup of its codes.
    A chain without residual that yields at most 16 codes, or that ends in a
    threshold step, becomes integer thresholds, found by bisection of the steps
    over the accumulator's range.
    A code that no accumulator can reach is dropped, so that Sign yields one
    bit where zero cannot occur.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def EncodeFloats : Pass<"ulq-encode-floats", "::mlir::ModuleOp"> {
  let summary = "Turn quantizers of floats in memory into encodes";
  let description = [{
    Expects `ulq-fold-epilogue` to have run. A quantizer of an argument, or of
    the floats of a layer, whose codes a layer, pool or lookup reads becomes a
    `ulq.encode` where that computes the same; with the transpose to channels
    last where there are few channels. Floats that IREE computes are quantized
    by IREE, which does it while it computes them.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def MoveCodes : Pass<"ulq-move-codes", "::mlir::ModuleOp"> {
  let summary = "Turn concats, slices and repetitions between layers into copies";
  let description = [{
    Expects `ulq-encode-floats` to have run. Concats, slices and transposes whose
    codes a layer, pool or lookup reads become `ulq.move_codes` where whole bytes
    of packed codes move. Those that only another one reads are part of it: a
    nearest upsampling is one operation, and so is a concat of upsampled codes.
    Reshapes that move nothing stay, and so do slices and transposes of codes
    that IREE makes.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

//===----------------------------------------------------------------------===//
// --ulq-codegen: integer level to objects
//===----------------------------------------------------------------------===//

def ProveRanges : Pass<"ulq-prove-ranges", "::mlir::ModuleOp"> {
  let summary = "Bound every accumulator";
  let description = [{
    Expects integer-level layers with constant or computed weights. Sets `accumulatorMin`
    and `accumulatorMax` from the weights, the input's codes and the padding
    code; fails where 32 bits do not hold them. Also sets `weightBits`,
    `weightBase` and `weightStep`: the narrowest code that holds the weights.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def SelectKernel : Pass<"ulq-select-kernel", "::mlir::ModuleOp"> {
  let summary = "Choose a kernel, a tile and layouts for every layer";
  let description = [{
    Expects `ulq-prove-ranges` to have run. Picks the cheapest kernel that is
    exact for the layer on the ISA, by the times of the tuning file, else by its
    prediction and the cost table, converts the layer's tensors to
    `!ulq.packed` and reports the choice and the runner-up as a remark. All
    candidates are left in `ulq.candidates`, best first. Fails
    where no kernel takes a layer and where a file cannot be read.
  }];
  let options = [
    Option<"isa", "isa", "std::string", /*default=*/"\"generic\"",
           "name of the instruction provider">,
    Option<"family", "family", "std::string", /*default=*/"\"\"",
           "use this kernel family wherever it is exact (for tests)">,
    Option<"workgroups", "workgroups", "int64_t", /*default=*/"64",
           "most independent parts of a dispatch">,
    Option<"tuning", "tuning", "std::string", /*default=*/"\"\"",
           "file of measured times: they decide where a layer is in it">,
    Option<"costs", "costs", "std::string", /*default=*/"\"\"",
           "file of measured times of similar layers, which correct "
           "predictions">];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def PackWeights : Pass<"ulq-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Bring constant weights into the order of their kernel";
  let description = [{
    Expects `ulq-select-kernel` to have run. Afterwards `weights` of every layer
    is a byte blob at the packed width: codes of up to 4 bits in fields of 1, 2
    or 4 bits, wider ones in bytes, the panels of a kernel in whole chunks of 64
    bytes. Computed weights stay as they are.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def ReportLayers : Pass<"ulq-report-layers", "::mlir::ModuleOp"> {
  let summary = "Record every layer in the module's ulq.layers attribute";
  let description = [{
    Expects `ulq-pack-weights` to have run. Leaves one dictionary for each layer,
    pool, lookup, encode, movement, suppression and selection, with its bits, kernel, tile, bytes and accumulator bounds, and one
    with the kernel "float" for each arithmetic operation left to IREE.
  }];
  let dependentDialects = ["::ulq::UlqDialect"];
}

def Tile : Pass<"ulq-tile", "::mlir::ModuleOp"> {
  let summary = "Turn packed layers into dispatches of loops around tile ops";
  let description = [{
    Expects `ulq-pack-weights` to have run. Every layer, pool, lookup, encode,
    movement, suppression and selection becomes a `ulq.dispatch` on byte
    tensors, and a function in the nested module `@kernels` with `scf` loops
    around tile operations; all but layers and pools become loops at once.
    Packed types are gone afterwards.
  }];
  let dependentDialects = ["::ulq::UlqDialect", "::mlir::scf::SCFDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect"];
}

def ExpandTiles : Pass<"ulq-expand-tiles", "::mlir::ModuleOp"> {
  let summary = "Expand tile ops to loops over register-level operations";
  let description = [{
    Expects `ulq-tile` to have run. Afterwards `@kernels` holds scf, arith,
    math, memref, vector and ulq register-level operations only.
  }];
  let dependentDialects = ["::ulq::UlqDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerIsa : Pass<"ulq-lower-isa", "::mlir::ModuleOp"> {
  let summary = "Lower register-level operations to the instructions of an ISA";
  let description = [{
    Works inside `@kernels`, on the ISA that `ulq-select-kernel` left in its
    `ulq.isa` attribute. Fails at the first register-level operation for which
    the ISA has no pattern.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

def EmitObjects : Pass<"ulq-emit-objects", "::mlir::ModuleOp"> {
  let summary = "Compile the kernels to an object file";
  let description = [{
    Expects `ulq-lower-isa` to have run. Lowers `@kernels` to LLVM, optimizes
    and writes `<directory>/kernels-<isa>.o`; the functions are left as
    declarations and the file is named in the `ulq.object` attribute of `@kernels`.
    Fails where the object needs a symbol from outside: there is no libc.
  }];
  let options = [
    Option<"directory", "directory", "std::string", /*default=*/"\".\"",
           "where the object is written">,
    Option<"triple", "triple", "std::string", /*default=*/"\"\"",
           "target triple for the generic ISA">,
    Option<"assembly", "assembly", "bool", /*default=*/"false",
           "write <directory>/kernels-<isa>.s too">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerFloat : Pass<"ulq-lower-float", "::mlir::ModuleOp"> {
  let summary = "Lower the graph-level operations that stay float to linalg";
  let description = [{
    Expects `ulq-tile` to have run. What is left of quantize, dequantize,
    affine, add, clamp, pools, shape operations and open extents becomes linalg,
    tensor, arith and math for IREE to fuse and compile.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ExportIree : Pass<"ulq-export-iree", "::mlir::ModuleOp"> {
  let summary = "Express dispatches as IREE executables and flow dispatches";
  let description = [{
    Expects `ulq-emit-objects` and `ulq-lower-float` to have run. `@kernels`
    becomes a `stream.executable` whose exports call the object's functions,
    every `ulq.dispatch` a `flow.dispatch`. IREE's operations are unknown to
    ulq-opt: print the result with `--mlir-print-op-generic`. Fails at the first
    operation that IREE does not know.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"\"",
           "the #hal.executable.target attribute of the device">];
}

#endif // ULQ_PASSES
