//===- Layers.cpp - what the code generation passes know of a layer -------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Layers.h"
#include "lowering/StoragePlan.h"
#include "lowering/kernels/WinogradPlan.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ulq {

namespace {

template <typename T>
bool appendElements(DenseElementsAttr value, bool zeroExtend,
                    SmallVectorImpl<int32_t> &elements) {
  auto range = value.tryGetValues<T>();
  if (failed(range))
    return false;
  using Unsigned = std::make_unsigned_t<T>;
  for (T element : *range)
    elements.push_back(zeroExtend ? static_cast<int32_t>(Unsigned(element))
                                  : static_cast<int32_t>(element));
  return true;
}

/// The last step's largest code.
int64_t largestResult(LayerOp op) {
  if (op.getThresholds())
    return op.thresholdCodes().second;
  Attribute last = op.getEpilogue().getValue().back();
  if (auto quantize = dyn_cast<QuantizeStepAttr>(last))
    return quantize.getMax();
  return codesOf(cast<ThresholdStepAttr>(last)).second;
}

} // namespace

std::string locationName(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  return "layer";
}

std::optional<SmallVector<int32_t>> constantElements(Value value,
                                                     bool asFloat) {
  DenseElementsAttr attr;
  if (!matchPattern(value, m_Constant(&attr)))
    return std::nullopt;
  SmallVector<int32_t> elements;
  elements.reserve(attr.getNumElements());
  if (attr.getElementType().isF32()) {
    for (float element : attr.getValues<float>())
      elements.push_back(llvm::bit_cast<int32_t>(element));
    return elements;
  }
  bool zeroExtend = tensorElement(value.getType()).isUnsignedInteger();
  if (!appendElements<int8_t>(attr, zeroExtend, elements) &&
      !appendElements<int16_t>(attr, zeroExtend, elements) &&
      !appendElements<int32_t>(attr, zeroExtend, elements))
    return std::nullopt;
  if (asFloat)
    for (int32_t &element : elements)
      element = llvm::bit_cast<int32_t>(static_cast<float>(element));
  return elements;
}

int64_t largestCode(Value value) {
  int64_t fallback = maxCode(tensorElement(value.getType()));
  Operation *op = value.getDefiningOp();
  if (!op)
    return fallback;
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return quantize.getMax();
  if (auto encode = dyn_cast<EncodeOp>(op))
    return encode.getMax();
  if (auto threshold = dyn_cast<ThresholdOp>(op))
    return codesOf(threshold).second;
  if (auto layer = dyn_cast<LayerOp>(op))
    return largestResult(layer);
  if (auto lookup = dyn_cast<LookupOp>(op))
    return *llvm::max_element(lookup.getTable());
  if (isa<MoveCodesOp, ConcatOp>(op)) {
    auto largest = llvm::map_range(op->getOperands(), largestCode);
    return *llvm::max_element(largest);
  }
  // These move codes and make no new ones.
  if (isa<MaxPoolCodesOp, ReshapeOp, SliceOp, TransposeOp, PackOp, UnpackOp>(
          op))
    return largestCode(op->getOperand(0));
  return fallback;
}

int64_t elementStorage(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getLayout().getBits();
  Type element = tensorElement(type);
  if (element.isF32())
    return 32;
  return storageBits(element.getIntOrFloatBitWidth());
}

void fillExtents(LayerShape &shape) {
  GeometryAttr g = shape.geometry;
  ArrayRef<int64_t> output = g.getOutput();
  shape.rows = output[0] * output[1] * output[2];
  shape.groups = g.getGroups();
  shape.outputs = output[3] / g.getGroups();
  shape.taps = g.getKernel()[0] * g.getKernel()[1];
  shape.channels = g.getInput()[3] / g.getGroups();
  if (!shape.computed)
    return;
  shape.groups = output[0];
  shape.rows /= output[0];
}

LayerShape layerShape(LayerOp op) {
  Type element = tensorElement(op.getInput().getType());
  LayerShape shape;
  shape.geometry = op.getGeometry();
  shape.computed = op.getComputedWeights();
  fillExtents(shape);
  shape.codeBits = element.getIntOrFloatBitWidth();
  shape.storageBits = elementStorage(op.getInput().getType());
  shape.maxCode = op.getMaxCode().value_or(0);
  shape.weightBits = op.getWeightBits().value_or(32);
  shape.weightBase = op.getWeightBase().value_or(0);
  shape.weightStep = op.getWeightStep().value_or(1);
  shape.weightLevels = op.getWeightLevels().value_or(0);
  if (shape.computed)
    shape.weightBits = element.isF32() ? 32 : 8;
  return shape;
}

LayerShape flowShape(const LayerShape &shape, const Kernel &kernel) {
  LayerShape flow = shape;
  if (!kernel.groupsAreLanes())
    return flow;
  flow.outputs *= shape.groups;
  flow.channels *= shape.groups;
  flow.groups = 1;
  return flow;
}

int64_t panelCount(const LayerShape &flow, int64_t tileOutputs) {
  return flow.groups * llvm::divideCeil(flow.outputs, tileOutputs);
}

/// Cycles to find and copy one tap of one group, whatever its size: they decide
/// where groups are small.
static constexpr double kTapCycles = 3.0;

double predictedCycles(const LayerShape &shape, const Kernel &kernel,
                       const Candidate &tile) {
  int64_t outputs = flowShape(shape, kernel).outputs;
  double tap = kTapCycles / double(outputs * shape.channels);
  // Of a line each pixel is copied once.
  ArrayRef<int64_t> strides = shape.geometry.getStrides();
  if (kernel.readsLines())
    tap *= double(strides[0] * strides[1]) / double(shape.taps);
  return tile.cyclesPerMac + tap;
}

bool getsKernel(Operation *op) {
  return isOnPackedCodes(op) || isa<NonMaxSuppressionOp, TopKOp>(op);
}

FailureOr<KernelChoice> kernelChoice(LayerOp op) {
  KernelAttr attr = op.getKernelAttr();
  if (!attr)
    return op.emitOpError("expected a kernel: run ulq-select-kernel first");
  KernelChoice choice;
  choice.kernel = lookupKernel(attr.getFamily());
  choice.isa = lookupIsa(attr.getIsa());
  if (!choice.kernel || !choice.isa)
    return op.emitOpError("expected a known kernel and ISA, got ")
           << attr.getFamily() << " and " << attr.getIsa();
  LayerShape shape = layerShape(op);
  std::optional<Candidate> tile =
      choice.kernel->match(shape, choice.isa->traits);
  if (!tile)
    return op.emitOpError("expected a layer that kernel ")
           << attr.getFamily() << " takes on " << attr.getIsa();
  choice.tile = *tile;
  choice.tile.rows = attr.getRows();
  choice.tile.outputs = attr.getOutputs();
  choice.format = choice.kernel->rowFormat(shape);
  choice.panels =
      panelCount(flowShape(shape, *choice.kernel), choice.tile.outputs);
  choice.rowParts = attr.getWorkgroups() / attr.getPanelParts();
  return choice;
}

} // namespace ulq
