//===- UlqTypes.cpp - code widths and packed tensors ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ulq;

#define GET_TYPEDEF_CLASSES
#include "dialect/UlqTypes.cpp.inc"

void UlqDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/UlqTypes.cpp.inc"
      >();
}

bool ulq::isCodeType(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.isSignless() || integer.getWidth() > 8)
    return false;
  return integer.getWidth() >= (integer.isSigned() ? 2u : 1u);
}

int64_t ulq::minCode(Type type) {
  auto integer = cast<IntegerType>(type);
  return integer.isUnsigned() ? 0 : -(int64_t(1) << (integer.getWidth() - 1));
}

int64_t ulq::maxCode(Type type) {
  auto integer = cast<IntegerType>(type);
  unsigned bits = integer.getWidth() - (integer.isUnsigned() ? 0 : 1);
  return (int64_t(1) << bits) - 1;
}

int64_t ulq::storageBits(int64_t codeBits) {
  return codeBits <= 2 ? codeBits : codeBits <= 4 ? 4 : 8;
}

std::pair<int64_t, int64_t> ulq::codesOf(ArrayRef<double> thresholds,
                                         int64_t count, int64_t falling,
                                         int64_t start) {
  int64_t min = start, max = start;
  for (; !thresholds.empty(); thresholds = thresholds.drop_front(count)) {
    ArrayRef<double> up = thresholds.take_front(count - falling);
    ArrayRef<double> down = thresholds.slice(count - falling, falling);
    int64_t code = start;
    while (!up.empty() || !down.empty()) {
      double next = up.empty()     ? down.front()
                    : down.empty() ? up.front()
                                   : std::min(up.front(), down.front());
      for (; !up.empty() && up.front() <= next; up = up.drop_front())
        ++code;
      for (; !down.empty() && down.front() <= next; down = down.drop_front())
        --code;
      min = std::min(min, code);
      max = std::max(max, code);
    }
  }
  return {min, max};
}

ArrayRef<int64_t> ulq::tensorShape(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getShape();
  return cast<RankedTensorType>(type).getShape();
}

Type ulq::tensorElement(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getElementType();
  return cast<RankedTensorType>(type).getElementType();
}

LogicalResult PackedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Type elementType,
                                 LayoutAttr layout) {
  // packed_c1
  if (shape.empty())
    return emitError() << "expected at least one extent";
  for (int64_t extent : shape)
    if (extent <= 0)
      return emitError() << "expected positive extents, got " << extent;
  // packed_c2
  bool isFloat = elementType.isF32();
  if (!isFloat && !isCodeType(elementType))
    return emitError() << "expected codes or f32, got " << elementType;
  // packed_c3
  int64_t bits = layout.getBits();
  if (isFloat && bits != 32)
    return emitError() << "expected 32 bits for f32, got " << bits;
  if (!isFloat && bits != 1 && bits != 2 && bits != 4 && bits != 8)
    return emitError() << "expected 1, 2, 4 or 8 storage bits, got " << bits;
  if (bits < static_cast<int64_t>(elementType.getIntOrFloatBitWidth()))
    return emitError() << "expected at least "
                       << elementType.getIntOrFloatBitWidth()
                       << " storage bits for " << elementType << ", got "
                       << bits;
  return success();
}

int64_t PackedType::getByteSize() const {
  int64_t rows = ShapedType::getNumElements(getShape().drop_back());
  return *getByteDistance(rows * getShape().back());
}

bool PackedType::fillsBytes() const {
  return getShape().back() * getLayout().getBits() % 8 == 0;
}

std::optional<int64_t> PackedType::getByteDistance(int64_t codes) const {
  int64_t bits = getLayout().getBits(), row = getShape().back();
  if (fillsBytes() ? codes * bits % 8 != 0 : codes % row != 0)
    return std::nullopt;
  return fillsBytes() ? codes * bits / 8 : codes / row * ((row * bits + 7) / 8);
}
