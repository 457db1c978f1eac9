//===- LowerFloat.cpp - what stays float becomes linalg -------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Elementwise.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ulq {
#define GEN_PASS_DEF_LOWERFLOAT
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

/// Codes are bytes, packed tensors are rank-1 byte tensors.
struct CodeTypeConverter : TypeConverter {
  CodeTypeConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) -> Type {
      if (!isCodeType(type.getElementType()))
        return type;
      return type.clone(IntegerType::get(type.getContext(), 8));
    });
    addConversion([](PackedType type) -> Type {
      return RankedTensorType::get({type.getByteSize()},
                                   IntegerType::get(type.getContext(), 8));
    });
  }
};

RankedTensorType convertedType(const TypeConverter *converter, Type type) {
  return cast<RankedTensorType>(converter->convertType(type));
}

//===----------------------------------------------------------------------===//
// Constants and shape
//===----------------------------------------------------------------------===//

struct LowerConstant : OpConversionPattern<ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConstantOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto value = dyn_cast<TypedAttr>(op.getValue());
    if (!value ||
        value.getType() != convertedType(getTypeConverter(), op.getType()))
      return op.emitOpError("expected a value of the result's type");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, value);
    return success();
  }
};

struct LowerReshape : OpConversionPattern<ReshapeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ReshapeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op,
                       reshapeTensor(rewriter, op.getLoc(), adaptor.getInput(),
                                     tensorShape(op.getType())));
    return success();
  }
};

struct LowerTranspose : OpConversionPattern<TransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(TransposeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = convertedType(getTypeConverter(), op.getType());
    Value init = emptyTensor(rewriter, op.getLoc(), type);
    rewriter.replaceOpWithNewOp<linalg::TransposeOp>(op, adaptor.getInput(),
                                                     init, op.getPerm());
    return success();
  }
};

struct LowerPad : OpConversionPattern<PadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(PadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = convertedType(getTypeConverter(), op.getType());
    double value = op.getValue().convertToDouble();
    TypedAttr attr = type.getElementType().isF32()
                         ? TypedAttr(rewriter.getF32FloatAttr(value))
                         : TypedAttr(rewriter.getIntegerAttr(
                               type.getElementType(), int64_t(value)));
    rewriter.replaceOp(op, padTensor(rewriter, op.getLoc(), adaptor.getInput(),
                                     op.getLow(), op.getHigh(), attr));
    return success();
  }
};

struct LowerSlice : OpConversionPattern<SliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(SliceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto folded = [&](ArrayRef<int64_t> values) {
      return getAsIndexOpFoldResult(getContext(), values);
    };
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, convertedType(getTypeConverter(), op.getType()), adaptor.getInput(),
        folded(op.getStarts()), folded(tensorShape(op.getType())),
        folded(op.getSteps()));
    return success();
  }
};

struct LowerConcat : OpConversionPattern<ConcatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConcatOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = convertedType(getTypeConverter(), op.getType());
    Value joined = emptyTensor(rewriter, op.getLoc(), type);
    SmallVector<OpFoldResult> offsets(type.getRank(), rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(type.getRank(), rewriter.getIndexAttr(1));
    int64_t at = 0;
    for (Value input : adaptor.getInputs()) {
      ArrayRef<int64_t> shape = tensorShape(input.getType());
      offsets[op.getAxis()] = rewriter.getIndexAttr(at);
      joined = tensor::InsertSliceOp::create(
          rewriter, op.getLoc(), input, joined, offsets,
          getAsIndexOpFoldResult(getContext(), shape), strides);
      at += shape[op.getAxis()];
    }
    rewriter.replaceOp(op, joined);
    return success();
  }
};

struct LowerFirstRows : OpConversionPattern<FirstRowsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(FirstRowsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = tensorShape(op.getInput().getType());
    auto countType = cast<RankedTensorType>(op.getCount().getType());
    SmallVector<Value> first(countType.getRank(),
                             arith::ConstantIndexOp::create(rewriter, loc, 0));
    Value count =
        tensor::ExtractOp::create(rewriter, loc, adaptor.getCount(), first);
    count = arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(),
                                       count);
    SmallVector<OpFoldResult> sizes =
        getAsIndexOpFoldResult(getContext(), shape);
    sizes.front() = count;
    SmallVector<OpFoldResult> offsets(shape.size(), rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(shape.size(), rewriter.getIndexAttr(1));
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, cast<RankedTensorType>(op.getType()), adaptor.getInput(), offsets,
        sizes, strides);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Packed tensors
//===----------------------------------------------------------------------===//

/// [rows, bytes] and codes per byte of a packed type.
struct PackedRows {
  int64_t rows, codes, bytes, bits;
  explicit PackedRows(PackedType type)
      : rows(ShapedType::getNumElements(type.getShape().drop_back())),
        codes(type.getShape().back()), bits(type.getLayout().getBits()) {
    bytes = (codes * bits + 7) / 8;
  }
  int64_t perByte() const { return 8 / bits; }
};

struct LowerPack : OpConversionPattern<PackOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(PackOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    PackedRows packed(op.getType());
    Value codes = reshapeTensor(rewriter, loc, adaptor.getInput(),
                                {packed.rows, packed.codes});
    int64_t padding = packed.bytes * packed.perByte() - packed.codes;
    if (padding)
      codes = padTensor(rewriter, loc, codes, {0, 0}, {0, padding},
                        rewriter.getI8IntegerAttr(0));
    if (packed.bits < 8)
      codes = packRows(rewriter, loc, codes, packed);
    rewriter.replaceOp(
        op, reshapeTensor(rewriter, loc, codes, {packed.rows * packed.bytes}));
    return success();
  }

  /// bytes[r, b] = or over j of codes[r, b, j] << (bits * j)
  static Value packRows(OpBuilder &builder, Location loc, Value codes,
                        const PackedRows &packed) {
    codes = reshapeTensor(builder, loc, codes,
                          {packed.rows, packed.bytes, packed.perByte()});
    auto type =
        RankedTensorType::get({packed.rows, packed.bytes}, builder.getI8Type());
    SmallVector<AffineMap> maps = {
        builder.getMultiDimIdentityMap(3),
        AffineMap::getMultiDimIdentityMap(3, builder.getContext())
            .dropResult(2)};
    SmallVector<utils::IteratorType> kinds = {utils::IteratorType::parallel,
                                              utils::IteratorType::parallel,
                                              utils::IteratorType::reduction};
    auto generic = linalg::GenericOp::create(
        builder, loc, type, codes,
        zeroTensor(builder, loc, type, builder.getI8IntegerAttr(0)), maps,
        kinds, [&](OpBuilder &b, Location l, ValueRange args) {
          Value lane = linalg::IndexOp::create(b, l, 2);
          lane = arith::IndexCastOp::create(b, l, b.getI8Type(), lane);
          Value bits = arith::ConstantIntOp::create(b, l, packed.bits, 8);
          Value shift = arith::MulIOp::create(b, l, lane, bits);
          Value moved = arith::ShLIOp::create(b, l, args[0], shift);
          Value joined = arith::OrIOp::create(b, l, args[1], moved);
          linalg::YieldOp::create(b, l, joined);
        });
    return generic.getResult(0);
  }
};

struct LowerUnpack : OpConversionPattern<UnpackOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(UnpackOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    PackedRows packed(op.getInput().getType());
    Value bytes = reshapeTensor(rewriter, loc, adaptor.getInput(),
                                {packed.rows, packed.bytes});
    if (packed.bits < 8)
      bytes = unpackRows(rewriter, loc, bytes, packed);
    int64_t held = packed.bytes * packed.perByte();
    if (held != packed.codes) {
      auto attrs = [&](ArrayRef<int64_t> values) {
        return getAsIndexOpFoldResult(getContext(), values);
      };
      bytes = tensor::ExtractSliceOp::create(
          rewriter, loc, bytes, attrs({0, 0}),
          attrs({packed.rows, packed.codes}), attrs({1, 1}));
    }
    rewriter.replaceOp(
        op, reshapeTensor(rewriter, loc, bytes, tensorShape(op.getType())));
    return success();
  }

  static Value unpackRows(OpBuilder &builder, Location loc, Value bytes,
                          const PackedRows &packed) {
    int64_t perByte = packed.perByte();
    auto type = RankedTensorType::get({packed.rows, packed.bytes, perByte},
                                      builder.getI8Type());
    SmallVector<AffineMap> maps = {
        AffineMap::getMultiDimIdentityMap(3, builder.getContext())
            .dropResult(2),
        builder.getMultiDimIdentityMap(3)};
    SmallVector<utils::IteratorType> kinds(3, utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        builder, loc, type, bytes, emptyTensor(builder, loc, type), maps, kinds,
        [&](OpBuilder &b, Location l, ValueRange args) {
          Value lane = linalg::IndexOp::create(b, l, 2);
          lane = arith::IndexCastOp::create(b, l, b.getI8Type(), lane);
          Value bits = arith::ConstantIntOp::create(b, l, packed.bits, 8);
          Value mask = arith::ConstantIntOp::create(
              b, l, (int64_t(1) << packed.bits) - 1, 8);
          Value shift = arith::MulIOp::create(b, l, lane, bits);
          Value moved = arith::ShRUIOp::create(b, l, args[0], shift);
          linalg::YieldOp::create(
              b, l, arith::AndIOp::create(b, l, moved, mask).getResult());
        });
    return reshapeTensor(builder, loc, generic.getResult(0),
                         {packed.rows, packed.bytes * perByte});
  }
};

/// to_bytes and from_bytes: the converted types are equal.
template <typename CastOp>
struct LowerCast : OpConversionPattern<CastOp> {
  using OpConversionPattern<CastOp>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(CastOp op, typename CastOp::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInput());
    return success();
  }
};

struct LowerFloatPass : ulq::impl::LowerFloatBase<LowerFloatPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    CodeTypeConverter converter;
    ConversionTarget target(*context);
    RewritePatternSet patterns(context);
    patterns.add<LowerConstant, LowerReshape, LowerTranspose, LowerPad,
                 LowerSlice, LowerConcat, LowerFirstRows, LowerPack,
                 LowerUnpack, LowerCast<ToBytesOp>, LowerCast<FromBytesOp>>(
        converter, context);
    populateElementwisePatterns(converter, patterns);
    populateReductionPatterns(converter, patterns);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    target.addLegalDialect<arith::ArithDialect, linalg::LinalgDialect,
                           math::MathDialect, tensor::TensorDialect>();
    target.addIllegalDialect<UlqDialect>();
    target.addDynamicallyLegalOp<DispatchOp>(
        [&](DispatchOp op) { return converter.isLegal(op); });
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType());
    });
    target.addDynamicallyLegalOp<func::CallOp, func::ReturnOp>(
        [&](Operation *op) { return converter.isLegal(op); });
    target.addLegalOp<ModuleOp>();
    // Only the host functions: @kernels has its own lowering.
    SmallVector<Operation *> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      functions.push_back(function);
    if (failed(applyFullConversion(functions, target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
