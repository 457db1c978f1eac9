//===- UlqCodeOps.cpp - verifiers of operations from codes to codes -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Checks.h"
#include "llvm/ADT/BitVector.h"
#include <cmath>

using namespace mlir;
using namespace ulq;
using namespace ulq::checks;

LogicalResult LookupOp::verify() {
  // lookup_c1
  if (failed(expectShape(*this, getResult(), shapeOf(getInput()))))
    return failure();
  // lookup_c2
  Type from = tensorElement(getInput().getType());
  Type to = tensorElement(getResult().getType());
  if (!from.isUnsignedInteger() || !to.isUnsignedInteger())
    return emitOpError("expected unsigned codes, got ")
           << from << " and " << to;
  if (static_cast<int64_t>(getTable().size()) != maxCode(from) + 1)
    return emitOpError("expected a table of ")
           << maxCode(from) + 1 << " codes, got " << getTable().size();
  // lookup_c3
  for (int64_t code : getTable())
    if (code < 0 || code > maxCode(to))
      return emitOpError("expected codes of ") << to << ", got " << code;
  // lookup_c4
  for (Type type : {getInput().getType(), getResult().getType()}) {
    auto packed = dyn_cast<PackedType>(type);
    if (packed && !packed.fillsBytes())
      return emitOpError("expected rows of whole bytes, got ") << packed;
  }
  return success();
}

/// encode_c2
static bool isGrid(double scale, double zeroPoint) {
  auto single = static_cast<float>(scale);
  return single >= 0x1p-100f && single <= 0x1p100f &&
         std::abs(zeroPoint) <= 1024 && zeroPoint == std::floor(zeroPoint);
}

bool EncodeOp::takes(QuantizeOp op) {
  return op.getRounding() == Rounding::HalfEven && op.getScale().size() == 1 &&
         op.getZeroPoint().size() == 1 &&
         isGrid(op.getScale()[0], op.getZeroPoint()[0]) &&
         tensorElement(op.getType()).isUnsignedInteger();
}

LogicalResult EncodeOp::verify() {
  // encode_c1
  SmallVector<int64_t> shape(shapeOf(getInput()));
  if (getChannelsFirst()) {
    if (shape.size() != 4 || shape[1] < 1 || shape[1] > kMostChannels)
      return emitOpError("expected an image of 1 to ")
             << kMostChannels << " channels, got " << getInput().getType();
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  }
  if (failed(expectShape(*this, getResult(), shape)))
    return failure();
  // encode_c2
  double scale = getScale().convertToDouble();
  int64_t zeroPoint = getZeroPoint();
  if (!isGrid(scale, double(zeroPoint)))
    return emitOpError("expected a scale from 2^-100 to 2^100 and a zero point "
                       "from -1024 to 1024, got ")
           << scale << " and " << zeroPoint;
  // encode_c3
  Type element = tensorElement(getResult().getType());
  if (!element.isUnsignedInteger())
    return emitOpError("expected unsigned codes, got ") << element;
  int64_t min = getMin(), max = getMax();
  if (min > max || min < 0 || max > maxCode(element))
    return emitOpError("expected min <= max in the range of ")
           << element << ", got " << min << " and " << max;
  // encode_c4
  auto packed = dyn_cast<PackedType>(getResult().getType());
  if (packed && !getChannelsFirst() && !packed.fillsBytes())
    return emitOpError("expected rows of whole bytes, got ") << packed;
  return success();
}

LogicalResult MaxPoolCodesOp::verify() {
  GeometryAttr g = getGeometry();
  // max_pool_codes_c1
  if (failed(verifyGeometry(*this, g)))
    return failure();
  if (g.getGroups() != 1 || g.getInput()[3] != g.getOutput()[3])
    return emitOpError("expected one group and equal channels");
  // max_pool_codes_c2
  if (shapeOf(getInput()) != ArrayRef<int64_t>(g.getInput()))
    return emitOpError("expected an input of the geometry's shape");
  if (failed(expectShape(*this, getResult(), g.getOutput())))
    return failure();
  return sameElement(*this, getInput(), getResult());
}

static LogicalResult verifyMovedTypes(MoveCodesOp op) {
  auto result = dyn_cast<PackedType>(op.getType());
  for (Value input : op.getInputs()) {
    // move_codes_c1
    if (failed(sameElement(op, input, op.getResult())))
      return failure();
    auto packed = dyn_cast<PackedType>(input.getType());
    if (bool(packed) != bool(result) ||
        (packed && packed.getLayout() != result.getLayout()))
      return op.emitOpError("expected tensors packed at one width, or none, "
                            "got ")
             << input.getType() << " and " << op.getType();
  }
  return success();
}

/// The last code, of those at the ends of all loops.
static int64_t lastCode(int64_t first, ArrayRef<int64_t> extents,
                        ArrayRef<int64_t> strides, int64_t run) {
  int64_t last = first + run - 1;
  for (auto [extent, stride] : llvm::zip_equal(extents, strides))
    last += (extent - 1) * stride;
  return last;
}

static LogicalResult verifyBlock(MoveCodesOp op, BlockAttr block) {
  ArrayRef<int64_t> extents = block.getExtents(), from = block.getFromStrides(),
                    to = block.getToStrides();
  auto isPositive = [](int64_t value) { return value > 0; };
  auto isNegative = [](int64_t value) { return value < 0; };
  int64_t inputs = op.getInputs().size();
  // move_codes_c2
  if (block.getInput() < 0 || block.getInput() >= inputs)
    return op.emitOpError("expected one of ")
           << inputs << " inputs, got " << block.getInput();
  if (from.size() != extents.size() || to.size() != extents.size())
    return op.emitOpError("expected ") << extents.size() << " strides, got "
                                       << from.size() << " and " << to.size();
  if (block.getRun() < 1 || !llvm::all_of(extents, isPositive))
    return op.emitOpError("expected a positive run and extents");
  if (block.getFrom() < 0 || block.getTo() < 0 ||
      llvm::any_of(from, isNegative) || llvm::any_of(to, isNegative))
    return op.emitOpError("expected offsets and strides from 0 on");
  // move_codes_c3
  int64_t codes =
      ShapedType::getNumElements(shapeOf(op.getInputs()[block.getInput()]));
  int64_t last = lastCode(block.getFrom(), extents, from, block.getRun());
  if (last >= codes)
    return op.emitOpError("expected to read ")
           << codes << " codes, got code " << last;
  return success();
}

static LogicalResult verifyBytes(MoveCodesOp op, BlockAttr block) {
  auto source =
      dyn_cast<PackedType>(op.getInputs()[block.getInput()].getType());
  auto target = dyn_cast<PackedType>(op.getType());
  if (!source || !target)
    return success();
  // move_codes_c5
  auto areBytes = [](PackedType type, int64_t offset,
                     ArrayRef<int64_t> strides) {
    return type.getByteDistance(offset) &&
           llvm::all_of(strides, [=](int64_t stride) {
             return type.getByteDistance(stride).has_value();
           });
  };
  std::optional<int64_t> run = source.getByteDistance(block.getRun());
  if (areBytes(source, block.getFrom(), block.getFromStrides()) &&
      areBytes(target, block.getTo(), block.getToStrides()) && run &&
      run == target.getByteDistance(block.getRun()))
    return success();
  return op.emitOpError("expected whole bytes of ")
         << source << " and " << target;
}

/// Marks what a block writes; false where something is written twice or is no
/// code of the result.
static bool markWritten(BlockAttr block, llvm::BitVector &written) {
  ArrayRef<int64_t> extents = block.getExtents(), to = block.getToStrides();
  int64_t codes = written.size(), run = block.getRun();
  if (lastCode(block.getTo(), extents, to, run) >= codes)
    return false;
  SmallVector<int64_t> turn(extents.size(), 0);
  for (int64_t at = block.getTo();;) {
    if (written.find_first_in(at, at + run) != -1)
      return false;
    written.set(at, at + run);
    int64_t d = static_cast<int64_t>(extents.size()) - 1;
    for (; d >= 0; --d) {
      at += to[d];
      if (++turn[d] < extents[d])
        break;
      at -= extents[d] * to[d];
      turn[d] = 0;
    }
    if (d < 0)
      return true;
  }
}

LogicalResult MoveCodesOp::verify() {
  if (failed(verifyMovedTypes(*this)))
    return failure();
  llvm::BitVector written(ShapedType::getNumElements(shapeOf(getResult())));
  for (auto block : getBlocks().getAsRange<BlockAttr>()) {
    if (failed(verifyBlock(*this, block)) || failed(verifyBytes(*this, block)))
      return failure();
    // move_codes_c4
    if (!markWritten(block, written))
      return emitOpError("expected to write each code once");
  }
  if (!written.all())
    return emitOpError("expected to write each code once");
  return success();
}
