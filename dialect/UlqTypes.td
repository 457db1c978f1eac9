//===- UlqTypes.td - which codes exist, and packed tensors -*- tablegen -*-===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef ULQ_TYPES
#define ULQ_TYPES

include "UlqAttrs.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class Ulq_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<Ulq_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

// Which code widths exist; `isCodeType` of UlqTypes.cpp has the rule.
def Ulq_Code
    : Type<CPred<"::ulq::isCodeType($_self)">,
           "code of 1 to 8 bits (ui1..ui8, si2..si8)">;
def Ulq_CodeTensor : StaticShapeTensorOf<[Ulq_Code]>;
def Ulq_FloatTensor : StaticShapeTensorOf<[F32]>;
def Ulq_Int64Tensor : StaticShapeTensorOf<[I64]>;
def Ulq_ValueTensor : StaticShapeTensorOf<[F32, Ulq_Code, I8, I16, I32, I64]>;

def Ulq_PackedType : Ulq_Type<"Packed", "packed"> {
  let summary = "a tensor whose elements are stored in a byte layout";
  let description = [{
    The logical shape and element type of a tensor, and the layout of its
    bytes. Only ulq operations touch it: upstream passes would slice it as if
    it were unpacked.

    Constraints:
    - (C1) every extent is positive.
    - (C2) the element type is a code type or f32.
    - (C3) the storage width of the layout is 1, 2, 4 or 8 for codes, not less
      than the width of the element, and 32 for f32.

    Example:

    ```mlir
    !ulq.packed<[1, 8, 8, 64] x ui2, <bits = 2>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::Type":$elementType,
                        "::ulq::LayoutAttr":$layout);
  let assemblyFormat = "`<` `[` $shape `]` `x` $elementType `,` $layout `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // Bytes of the whole tensor: rows (all extents but the last) are padded
    // to a byte.
    int64_t getByteSize() const;
    // Whether rows end at a byte by themselves.
    bool fillsBytes() const;
    // Bytes from one code to another so many codes behind it, where both stand
    // at the begin of a byte.
    std::optional<int64_t> getByteDistance(int64_t codes) const;
  }];
}

def Ulq_AnyTensor : AnyTypeOf<[Ulq_FloatTensor, Ulq_CodeTensor]>;
def Ulq_WeightTensor : AnyTypeOf<[AnyStaticShapeTensor, Ulq_PackedType]>;
def Ulq_LayerTensor : AnyTypeOf<[Ulq_FloatTensor, Ulq_CodeTensor, Ulq_PackedType]>;

#endif // ULQ_TYPES
