//===- Elementwise.cpp - elementwise operations as linalg -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Elementwise.h"
#include <cmath>

using namespace mlir;
using namespace ulq;

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value ulq::emptyTensor(OpBuilder &builder, Location loc,
                       RankedTensorType type) {
  return tensor::EmptyOp::create(builder, loc, type.getShape(),
                                 type.getElementType());
}

Value ulq::zeroTensor(OpBuilder &builder, Location loc, RankedTensorType type,
                      TypedAttr value) {
  Value scalar = arith::ConstantOp::create(builder, loc, value);
  return linalg::FillOp::create(builder, loc, scalar,
                                emptyTensor(builder, loc, type))
      .getResult(0);
}

Value ulq::reshapeTensor(OpBuilder &builder, Location loc, Value tensor,
                         ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(tensor.getType());
  if (from.getShape() == shape)
    return tensor;
  auto allOf = [](int64_t rank) {
    return SmallVector<ReassociationIndices>{
        llvm::to_vector<2>(llvm::seq<int64_t>(0, rank))};
  };
  auto flat = from.clone({from.getNumElements()});
  if (from.getRank() != 1)
    tensor =
        from.getRank() == 0
            ? tensor::ExpandShapeOp::create(builder, loc, flat, tensor,
                                            ArrayRef<ReassociationIndices>{})
                  .getResult()
            : tensor::CollapseShapeOp::create(builder, loc, flat, tensor,
                                              allOf(from.getRank()))
                  .getResult();
  if (shape.size() == 1)
    return tensor;
  if (shape.empty())
    return tensor::CollapseShapeOp::create(builder, loc, from.clone(shape),
                                           tensor,
                                           ArrayRef<ReassociationIndices>{});
  return tensor::ExpandShapeOp::create(builder, loc, from.clone(shape), tensor,
                                       allOf(shape.size()));
}

Value ulq::padTensor(OpBuilder &builder, Location loc, Value tensor,
                     ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                     TypedAttr value) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (size_t d = 0; d < shape.size(); ++d)
    shape[d] += low[d] + high[d];
  if (type.getShape() == ArrayRef<int64_t>(shape))
    return tensor;
  Value scalar = arith::ConstantOp::create(builder, loc, value);
  MLIRContext *context = builder.getContext();
  return tensor::PadOp::create(builder, loc, type.clone(shape), tensor,
                               getAsIndexOpFoldResult(context, low),
                               getAsIndexOpFoldResult(context, high), scalar);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

namespace {

/// Builds the scalar body of an elementwise operation, in f32 as ONNX has it.
struct Scalars {
  OpBuilder &builder;
  Location loc;

  Value real(double value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getF32FloatAttr(value));
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value select(Value c, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, c, a, b);
  }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  Value clamp(Value v, double min, double max) {
    if (min > -std::numeric_limits<double>::infinity())
      v = arith::MaximumFOp::create(builder, loc, v, real(min));
    if (max < std::numeric_limits<double>::infinity())
      v = arith::MinimumFOp::create(builder, loc, v, real(max));
    return v;
  }

  Value round(Value v, Rounding rounding) {
    switch (rounding) {
    case Rounding::HalfEven:
      return math::RoundEvenOp::create(builder, loc, v);
    case Rounding::HalfUp:
      return math::RoundOp::create(builder, loc, v);
    case Rounding::Ceil:
      return math::CeilOp::create(builder, loc, v);
    case Rounding::Floor:
      return math::FloorOp::create(builder, loc, v);
    case Rounding::Down:
      return math::TruncOp::create(builder, loc, v);
    case Rounding::Up:
    case Rounding::HalfDown: {
      Value size = math::AbsFOp::create(builder, loc, v);
      if (rounding == Rounding::HalfDown)
        size = sub(size, real(0.5));
      Value up = math::CeilOp::create(builder, loc, size);
      return math::CopySignOp::create(builder, loc, up, v);
    }
    }
    llvm_unreachable("covered switch");
  }

  Value toReal(Value code, bool isUnsigned) {
    if (code.getType().isF32())
      return code;
    Type f32 = builder.getF32Type();
    if (isUnsigned)
      return arith::UIToFPOp::create(builder, loc, f32, code);
    return arith::SIToFPOp::create(builder, loc, f32, code);
  }
  /// Through i32, so that 128..255 survive.
  Value toCode(Value v) {
    Value wide = arith::FPToSIOp::create(builder, loc, builder.getI32Type(), v);
    return arith::TruncIOp::create(builder, loc, builder.getI8Type(), wide);
  }
};

/// Constants that vary along an axis come in as operands of the body.
struct Parameter {
  SmallVector<double> values; // one, or one per index of the axis
};

/// args: the elements of the operands; then the values of the parameters.
using Body =
    llvm::function_ref<Value(Scalars &, ValueRange args, ValueRange params)>;

Value elementwise(OpBuilder &builder, Location loc, ValueRange inputs,
                  RankedTensorType type, int64_t axis,
                  ArrayRef<Parameter> parameters, Body body) {
  int64_t rank = type.getRank();
  MLIRContext *context = builder.getContext();
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<Value> operands(inputs);
  SmallVector<AffineMap> maps(inputs.size(), identity);
  for (const Parameter &parameter : parameters) {
    if (parameter.values.size() == 1)
      continue;
    SmallVector<float> values(parameter.values.begin(), parameter.values.end());
    auto vector =
        RankedTensorType::get({int64_t(values.size())}, builder.getF32Type());
    operands.push_back(arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(vector, ArrayRef<float>(values))));
    maps.push_back(
        AffineMap::get(rank, 0, builder.getAffineDimExpr(axis), context));
  }
  maps.push_back(identity);
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, type, operands, emptyTensor(builder, loc, type), maps,
      kinds, [&](OpBuilder &b, Location l, ValueRange args) {
        Scalars scalars{b, l};
        SmallVector<Value> params;
        size_t next = inputs.size();
        for (const Parameter &parameter : parameters)
          params.push_back(parameter.values.size() == 1
                               ? scalars.real(parameter.values[0])
                               : args[next++]);
        linalg::YieldOp::create(
            b, l, body(scalars, args.take_front(inputs.size()), params));
      });
  return generic.getResult(0);
}

Parameter parameter(ArrayRef<double> values) {
  return {SmallVector<double>(values)};
}

bool isUnsignedCode(Value value) {
  auto integer = dyn_cast<IntegerType>(tensorElement(value.getType()));
  return integer && integer.isUnsigned();
}

Value lowerOne(QuantizeOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  // BipolarQuant is a comparison: x / (2 s) + 1 / 2 would round tiny negative
  // numbers to the tie.
  bool bipolar = op.getZeroPointFirst() &&
                 op.getRounding() == Rounding::HalfUp && op.getMax() == 1 &&
                 op.getZeroPoint() == ArrayRef<double>{0.5};
  double min = int64_t(op.getMin()), max = int64_t(op.getMax());
  return elementwise(
      builder, op.getLoc(), inputs, type, op.getAxis(),
      {parameter(op.getScale()), parameter(op.getZeroPoint())},
      [&](Scalars &s, ValueRange args, ValueRange params) -> Value {
        if (bipolar) {
          Value reached =
              s.compare(arith::CmpFPredicate::OGE, args[0], s.real(0.0));
          return s.toCode(s.select(reached, s.real(1.0), s.real(0.0)));
        }
        Value v = s.div(args[0], params[0]);
        if (op.getZeroPointFirst())
          v = s.round(s.clamp(s.add(v, params[1]), min, max), op.getRounding());
        else
          v = s.clamp(s.add(s.round(v, op.getRounding()), params[1]), min, max);
        return s.toCode(v);
      });
}

Value lowerOne(DequantizeOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  bool isUnsigned = isUnsignedCode(op.getInput());
  return elementwise(
      builder, op.getLoc(), inputs, type, op.getAxis(),
      {parameter(op.getScale()), parameter(op.getZeroPoint())},
      [&](Scalars &s, ValueRange args, ValueRange params) -> Value {
        Value v = s.toReal(args[0], isUnsigned);
        return s.mul(s.sub(v, params[1]), params[0]);
      });
}

/// The smallest f32 number that is not below `value`; 0 for a positive one that
/// is nearest to it.
double roundedUp(double value) {
  auto single = static_cast<float>(value);
  bool isBelow = single < value && single != 0;
  return isBelow
             ? std::nextafter(single, std::numeric_limits<float>::infinity())
             : single;
}

Value lowerOne(ThresholdOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  ArrayRef<double> values = op.getValues();
  int64_t count = op.getCount();
  int64_t channels = values.size() / count;
  SmallVector<Parameter> levels(count);
  for (int64_t n = 0; n < channels; ++n)
    for (int64_t t = 0; t < count; ++t)
      levels[t].values.push_back(roundedUp(values[n * count + t]));
  return elementwise(
      builder, op.getLoc(), inputs, type, op.getAxis(), levels,
      [&](Scalars &s, ValueRange args, ValueRange params) -> Value {
        Value sum = s.real(double(op.getStart()));
        for (auto [t, level, bound] : llvm::enumerate(levels, params)) {
          // Sign's second threshold, the smallest positive number, is no f32.
          bool positive =
              channels == 1 && level.values[0] == 0 && values[t] > 0;
          Value reached = s.compare(positive ? arith::CmpFPredicate::OGT
                                             : arith::CmpFPredicate::OGE,
                                    args[0], bound);
          bool lowers = int64_t(t) >= count - int64_t(op.getFalling());
          sum = s.add(
              sum, s.select(reached, s.real(lowers ? -1.0 : 1.0), s.real(0.0)));
        }
        return s.toCode(sum);
      });
}

Value lowerOne(RecodeOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  return elementwise(
      builder, op.getLoc(), inputs, type, 0, {},
      [&](Scalars &s, ValueRange args, ValueRange) -> Value {
        Value offset = arith::ConstantOp::create(
            s.builder, s.loc,
            s.builder.getI8IntegerAttr(static_cast<int8_t>(op.getOffset())));
        return arith::AddIOp::create(s.builder, s.loc, args[0], offset);
      });
}

Value lowerOne(AffineOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  return elementwise(
      builder, op.getLoc(), inputs, type, op.getAxis(),
      {parameter(op.getScale()), parameter(op.getOffset())},
      [&](Scalars &s, ValueRange args, ValueRange params) -> Value {
        return s.add(s.mul(args[0], params[0]), params[1]);
      });
}

Value lowerOne(AddOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  return elementwise(builder, op.getLoc(), inputs, type, 0, {},
                     [](Scalars &s, ValueRange args, ValueRange) -> Value {
                       return s.add(args[0], args[1]);
                     });
}

Value lowerOne(ClampOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  double min = op.getMin().convertToDouble();
  double max = op.getMax().convertToDouble();
  bool isUnsigned = isUnsignedCode(op.getInput());
  return elementwise(builder, op.getLoc(), inputs, type, 0, {},
                     [&](Scalars &s, ValueRange args, ValueRange) -> Value {
                       Value v =
                           s.clamp(s.toReal(args[0], isUnsigned), min, max);
                       return args[0].getType().isF32() ? v : s.toCode(v);
                     });
}

Value lowerOne(LeakyReluOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  double alpha = op.getAlpha().convertToDouble();
  return elementwise(
      builder, op.getLoc(), inputs, type, 0, {},
      [&](Scalars &s, ValueRange args, ValueRange) -> Value {
        Value below =
            s.compare(arith::CmpFPredicate::OLT, args[0], s.real(0.0));
        return s.select(below, s.mul(args[0], s.real(alpha)), args[0]);
      });
}

Value lowerOne(RoundOp op, ValueRange inputs, RankedTensorType type,
               OpBuilder &builder) {
  return elementwise(builder, op.getLoc(), inputs, type, 0, {},
                     [&](Scalars &s, ValueRange args, ValueRange) -> Value {
                       return s.round(args[0], op.getRounding());
                     });
}

/// Lowers `Source` by `lowerOne`, overloaded per operation above.
template <typename Source>
struct LowerElementwise : OpConversionPattern<Source> {
  using OpConversionPattern<Source>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(Source op, typename Source::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(
        this->getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOp(op, lowerOne(op, adaptor.getOperands(), type, rewriter));
    return success();
  }
};

} // namespace

void ulq::populateElementwisePatterns(const TypeConverter &converter,
                                      RewritePatternSet &patterns) {
  patterns.add<LowerElementwise<QuantizeOp>, LowerElementwise<DequantizeOp>,
               LowerElementwise<ThresholdOp>, LowerElementwise<RecodeOp>,
               LowerElementwise<AffineOp>, LowerElementwise<AddOp>,
               LowerElementwise<ClampOp>, LowerElementwise<LeakyReluOp>,
               LowerElementwise<RoundOp>>(converter, patterns.getContext());
}
