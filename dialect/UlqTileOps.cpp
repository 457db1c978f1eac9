//===- UlqTileOps.cpp - verifiers of the tile and register level ----------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Winograd.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>

using namespace mlir;
using namespace ulq;

LogicalResult DispatchOp::verify() {
  // dispatch_c1
  if (int64_t(getWorkgroups()) < 1)
    return emitOpError("expected at least one workgroup, got ")
           << getWorkgroups();
  // dispatch_c2
  if (getCounters() && int64_t(*getCounters()) < 1)
    return emitOpError("expected a positive number of counters, got ")
           << int64_t(*getCounters());
  return success();
}

LogicalResult ToBytesOp::verify() {
  // to_bytes_c1
  int64_t bytes = getInput().getType().getByteSize();
  if (getType().getShape() != ArrayRef<int64_t>(bytes))
    return emitOpError("expected ") << bytes << " bytes, got " << getType();
  return success();
}

LogicalResult FromBytesOp::verify() {
  // from_bytes_c1
  int64_t bytes = getType().getByteSize();
  if (getInput().getType().getShape() != ArrayRef<int64_t>(bytes))
    return emitOpError("expected ")
           << bytes << " bytes, got " << getInput().getType();
  return success();
}

OpFoldResult ToBytesOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<FromBytesOp>();
  return inner ? OpFoldResult(inner.getInput()) : OpFoldResult();
}

OpFoldResult FromBytesOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<ToBytesOp>();
  if (inner && inner.getInput().getType() == getType())
    return inner.getInput();
  return {};
}

static bool isCodeStorage(int64_t bits) {
  return bits == 1 || bits == 2 || bits == 4 || bits == 8;
}

LogicalResult GatherRowsOp::verify() {
  // gather_rows_c1
  int64_t bits = getStorageBits(), rowBytes = getRowBytes();
  if (!isCodeStorage(bits) && bits != 32)
    return emitOpError("expected 1, 2, 4, 8 or 32 storage bits, got ") << bits;
  GeometryAttr g = getGeometry();
  // gather_rows_c5
  if (failed(verifyGeometry(*this, g)))
    return failure();
  int64_t channels = g.getInput()[3] / g.getGroups();
  int64_t tapBytes = (channels * bits + 7) / 8 * (getExpand() ? 8 / bits : 1);
  int64_t taps = g.getKernel()[0] * g.getKernel()[1];
  // gather_rows_c2
  int64_t perByte = getPairs() ? 2 : 1;
  int64_t unit = 64 * (getPlanes() ? bits : perByte);
  if (rowBytes % unit || rowBytes < taps * tapBytes * perByte)
    return emitOpError("expected rows of a multiple of ")
           << unit << " bytes that hold " << taps << " taps of "
           << tapBytes * perByte << " bytes, got " << rowBytes;
  // gather_rows_c3
  if (g.getGroups() > 1 && channels * bits % 8)
    return emitOpError("expected groups that start at a byte, got ")
           << channels << " channels of " << bits << " bits";
  // gather_rows_c4
  if (bits == 32 &&
      (getPadCode() != 0 || getExpand() || getPlanes() || getRowSums()))
    return emitOpError("expected no padCode, expand, planes or rowSums for "
                       "f32");
  // gather_rows_c6
  if (getPairs() && (bits != 1 || getExpand()))
    return emitOpError("expected pairs of packed 1-bit codes, got ")
           << bits << " storage bits";
  // gather_rows_c7
  if (getPlanes() && (getPairs() || getExpand()))
    return emitOpError("expected planes of packed single rows");
  return success();
}

LogicalResult PackPanelOp::verify() {
  // pack_panel_c1
  int64_t words = getWords(), rowBytes = getRowBytes();
  if (words < 1 || rowBytes % 64 || rowBytes < words * 4)
    return emitOpError("expected rows of a multiple of 64 bytes that hold ")
           << words << " words, got " << rowBytes;
  // pack_panel_c2
  if (!llvm::isInt<8>(int64_t(getBase())))
    return emitOpError("expected a base of one signed byte, got ")
           << int64_t(getBase());
  return success();
}

double LaneStepAttr::getDoubt() const {
  return getKind() == LaneKind::Round && getValue()
             ? getValue().getValueAsDouble()
             : 0;
}

LogicalResult EpilogueTileOp::verify() {
  // epilogue_tile_c1
  int64_t width = getWidth(), outputs = getKernel().getOutputs();
  if (width < 1 || width > outputs || outputs % 8)
    return emitOpError("expected a width of at most ")
           << outputs << " lanes, a multiple of 8, got " << width;
  // epilogue_tile_c2
  if (getAddends().size() != getAddendOffsets().size() ||
      getAddends().size() != getAddendBits().size() ||
      getTargets().size() != getTargetOffsets().size())
    return emitOpError("expected one offset per buffer, one width per addend");
  int64_t stores = getCodeBits() > 0;
  for (Attribute step : getSteps()) {
    // epilogue_tile_c4
    auto lane = dyn_cast<LaneStepAttr>(step);
    if (!lane)
      return emitOpError("expected #ulq.lane steps, got ") << step;
    if (lane.getKind() == LaneKind::Load &&
        (lane.getIndex() < 0 ||
         lane.getIndex() >= static_cast<int64_t>(getAddends().size())))
      return emitOpError("expected an addend, got number ") << lane.getIndex();
    bool isStore = lane.getKind() == LaneKind::StoreFloat;
    stores += isStore;
    // epilogue_tile_c5
    if (getSingles() && (isStore || lane.getKind() == LaneKind::Count))
      return emitOpError("expected no ")
             << stringifyLaneKind(lane.getKind()) << " in f32";
    if (!getSingles() && lane.getKind() == LaneKind::Curve)
      return emitOpError("expected no curve in f64");
  }
  if (getSingles() && getFloatAccumulators())
    return emitOpError("expected integer accumulators for steps in f32");
  for (Attribute step : getExactSteps())
    if (!isa<LaneStepAttr>(step))
      return emitOpError("expected #ulq.lane exact steps, got ") << step;
  // epilogue_tile_c6
  bool again = getSingles() && (getLevels() > 0) != !getExactSteps().empty();
  for (Attribute step : getSteps()) {
    double doubt = cast<LaneStepAttr>(step).getDoubt();
    if (!(doubt >= 0 && doubt < 0.5) || (doubt > 0 && !again))
      return emitOpError("expected doubts below 0.5, in f32 and with an exact "
                         "way, got ")
             << doubt;
  }
  // epilogue_tile_c7
  if (!llvm::is_contained<uint64_t>({16, 31, 32}, getThresholdBits()))
    return emitOpError("expected thresholds of 16, 31 or 32 bits, got ")
           << getThresholdBits();
  // epilogue_tile_c3
  if (stores != static_cast<int64_t>(getTargets().size()))
    return emitOpError("expected ")
           << stores << " targets, got " << getTargets().size();
  return success();
}

LogicalResult WordLookupOp::verify() {
  // word_lookup_c1
  int64_t lanes = getIndex().getType().getNumElements();
  if (lanes != getResult().getType().getNumElements() || lanes % 4)
    return emitOpError("expected a multiple of 4 lanes, as many as indices, "
                       "got ")
           << getResult().getType() << " for " << getIndex().getType();
  return success();
}

LogicalResult MaxPoolTileOp::verify() {
  // max_pool_tile_c1
  if (!isCodeStorage(getStorageBits()))
    return emitOpError("expected 1, 2, 4 or 8 storage bits, got ")
           << getStorageBits();
  // max_pool_tile_c2
  return verifyGeometry(*this, getGeometry());
}

int64_t MultiplyTileOp::getLargestWeight() {
  if (getWeightBits() > 8)
    return 0;
  int64_t base = getWeightBase();
  int64_t last = base + static_cast<int64_t>(getWeightStep()) *
                            (static_cast<int64_t>(getWeightLevels()) - 1);
  return std::max(std::abs(base), std::abs(last));
}

int64_t MultiplyTileOp::getLargestProduct() {
  int64_t weight = getCodeProducts()
                       ? static_cast<int64_t>(getWeightLevels()) - 1
                       : getLargestWeight();
  return static_cast<int64_t>(getMaxCode()) * weight;
}

LogicalResult MultiplyTileOp::verify() {
  // multiply_tile_c2
  int64_t depth = getDepth(), bits = getWeightBits(),
          levels = getWeightLevels();
  if (depth < 1 || int64_t(getRowBytes()) < 1)
    return emitOpError("expected a positive depth and row size, got ")
           << depth << " and " << getRowBytes();
  int64_t interval = getFlushInterval(), narrow = getNarrowBits();
  if (int64_t(getMaxCode()) < 0 || int64_t(getWeightStep()) < 1 || interval < 0)
    return emitOpError("expected non-negative bounds and a positive step");
  // multiply_tile_c4
  int64_t multiplier = getMultiplier(), outputs = getKernel().getOutputs();
  if (multiplier < 1 || outputs % multiplier)
    return emitOpError("expected a multiplier that divides ")
           << outputs << " outputs, got " << multiplier;
  // multiply_tile_c5
  int64_t lines = getTapLines();
  if (lines < 1 || lines > depth)
    return emitOpError("expected 1 to ")
           << depth << " lines of taps, got " << lines;
  if (bits == 32)
    return success();
  if (bits < 1 || bits > 8 || levels < 1 || levels > int64_t(1) << bits)
    return emitOpError("expected 1 to 8 weight bits and as many levels, got ")
           << bits << " bits and " << levels << " levels";
  // multiply_tile_c1
  int64_t product = getLargestProduct();
  if (product > llvm::maxIntN(32) / depth)
    return emitOpError("expected accumulators of at most 32 bits, got ")
           << depth << " products of up to " << product;
  // multiply_tile_c3
  if (narrow != 0 && narrow != 8 && narrow != 16 && narrow != 24)
    return emitOpError("expected narrow sums of 8, 16 or 24 bits, got ")
           << narrow;
  if ((narrow == 0) != (interval == 0))
    return emitOpError("expected a flush interval for narrow sums only, got ")
           << interval << " for " << narrow << " bits";
  int64_t most = getCodeProducts()
                     ? llvm::maxUIntN(narrow)
                     : llvm::maxIntN(std::max<int64_t>(narrow, 1));
  int64_t narrowProduct = getNarrowProduct();
  if (narrowProduct < 0)
    return emitOpError("expected no negative bound of products, got ")
           << narrowProduct;
  if (narrowProduct > 0)
    product = narrowProduct;
  if (product * interval > most)
    return emitOpError("expected sums of at most ")
           << most << " between flushes, got " << interval
           << " products of up to " << product;
  return success();
}

LogicalResult BuildTablesOp::verify() {
  int64_t rowBytes = getRowBytes(), tableBytes = getTableBytes(),
          depth = getDepth(), maxCode = getMaxCode();
  // build_tables_c1
  if (depth < 1 || rowBytes < depth || rowBytes % 64)
    return emitOpError("expected rows of a multiple of 64 bytes for ")
           << depth << " codes, got " << rowBytes << " bytes";
  // build_tables_c2
  if (maxCode < 0 || maxCode > 255 || tableBytes < 1 || tableBytes % 64)
    return emitOpError("expected codes of 8 bits and tables of a multiple of "
                       "64 bytes, got codes up to ")
           << maxCode << " and " << tableBytes << " bytes";
  return success();
}

LogicalResult WinogradInputOp::verify() {
  // winograd_input_c2
  int64_t tiles = int64_t(getTileRows()) * int64_t(getTileColumns());
  int64_t rowBytes = getRowBytes();
  Scheme scheme(getScheme());
  int64_t pixels =
      int64_t(getTileColumns()) * scheme.columns.outputs() + kFilterTaps - 1;
  if (tiles < 1 || rowBytes < 1 || rowBytes % 64)
    return emitOpError("expected tiles of rows of a multiple of 64 bytes, got ")
           << tiles << " tiles of " << rowBytes << " bytes";
  if (int64_t(getLineBytes()) < pixels * rowBytes ||
      int64_t(getProductBytes()) < tiles * rowBytes)
    return emitOpError("expected lines of ")
           << pixels * rowBytes << " bytes and products of " << tiles * rowBytes
           << ", got " << getLineBytes() << " and " << getProductBytes();
  // winograd_input_c1
  int64_t maxCode = getMaxCode();
  if (maxCode < 0 || maxCode > 255 || maxCode * scheme.inputNorm() > 255)
    return emitOpError("expected transformed codes of 0 to 255, got ")
           << scheme.inputNorm() << " times 0 to " << maxCode;
  return success();
}

LogicalResult WinogradWeightsOp::verify() {
  // winograd_weights_c2
  int64_t outputs = getOutputs(), depth = getDepth();
  if (outputs < 1 || outputs % 8 || depth < 1 || depth % 4)
    return emitOpError("expected outputs in eights and a depth in fours, got ")
           << outputs << " and " << depth;
  if (int64_t(getProductBytes()) < outputs * depth)
    return emitOpError("expected products of ")
           << outputs * depth << " bytes, got " << getProductBytes();
  // winograd_weights_c1
  int64_t levels = getWeightLevels(), step = getWeightStep();
  int64_t base = getWeightBase(), last = base + step * (levels - 1);
  int64_t largest = std::max(std::abs(base), std::abs(last));
  int64_t norm = Scheme(getScheme()).weightNorm();
  if (levels < 1 || largest > 128 || largest * norm > llvm::maxIntN(8))
    return emitOpError("expected transformed weights of at most 127, got ")
           << norm << " times " << largest;
  return success();
}

LogicalResult WinogradOutputOp::verify() {
  // winograd_output_c2
  int64_t tiles = int64_t(getTileRows()) * int64_t(getTileColumns());
  int64_t outputs = getOutputs();
  if (tiles < 1 || outputs < 1 || outputs % 8 ||
      int64_t(getProductBytes()) < tiles * outputs * 4)
    return emitOpError("expected tiles of outputs in eights, got ")
           << tiles << " tiles of " << outputs << " in " << getProductBytes()
           << " bytes";
  // winograd_output_c1
  int64_t scale = Scheme(getScheme()).scale(), most = getMaxAccumulator();
  if (most < 0 || most > llvm::maxIntN(32) / scale)
    return emitOpError("expected accumulators that fit 32 bits times ")
           << scale << ", got " << most;
  return success();
}

LogicalResult TableLookupOp::verify() {
  // table_lookup_c1
  int64_t bytes = cast<VectorType>(getType()).getNumElements();
  if (bytes % 16)
    return emitOpError("expected a multiple of 16 bytes, got ") << bytes;
  return success();
}

LogicalResult Dot4Op::verify() {
  // dot4_c1
  int64_t lanes = cast<VectorType>(getType()).getNumElements();
  int64_t bytes = cast<VectorType>(getLhs().getType()).getNumElements();
  if (bytes != 4 * lanes)
    return emitOpError("expected 4 bytes per accumulator, got ")
           << bytes << " for " << lanes;
  // dot4_c2
  int64_t lhs = getMaxLhs(), rhs = getMaxRhs();
  if (lhs < 1 || lhs > 255 || rhs < 1 || rhs > 128)
    return emitOpError("expected bounds of at most 255 and 128, got ")
           << lhs << " and " << rhs;
  return success();
}

LogicalResult PopcountAddOp::verify() {
  // popcount_add_c1
  int64_t bytes = cast<VectorType>(getType()).getNumElements();
  if (bytes % 16)
    return emitOpError("expected a multiple of 16 bytes, got ") << bytes;
  return success();
}

LogicalResult Dot2Op::verify() {
  // dot2_c1
  int64_t lanes = cast<VectorType>(getType()).getNumElements();
  int64_t bytes = cast<VectorType>(getLhs().getType()).getNumElements();
  if (bytes != 2 * lanes)
    return emitOpError("expected 2 bytes per accumulator, got ")
           << bytes << " for " << lanes;
  // dot2_c2
  int64_t acc = getMaxAcc(), lhs = getMaxLhs(), rhs = getMaxRhs();
  if (acc < 0 || lhs < 1 || lhs > 255 || rhs < 1 || rhs > 128)
    return emitOpError("expected bounds of at most 255 and 128, got ")
           << lhs << " and " << rhs << " on sums of " << acc;
  // dot2_c3
  if (acc > llvm::maxIntN(16) - 2 * lhs * rhs)
    return emitOpError("expected sums of at most ")
           << llvm::maxIntN(16) << ", got " << acc << " and two products of "
           << lhs * rhs;
  return success();
}

LogicalResult WidenAddOp::verify() {
  // widen_add_c1
  int64_t lanes = cast<VectorType>(getType()).getNumElements();
  int64_t halves = cast<VectorType>(getHalves().getType()).getNumElements();
  if (halves != 2 * lanes)
    return emitOpError("expected 2 halves per accumulator, got ")
           << halves << " for " << lanes;
  return success();
}
