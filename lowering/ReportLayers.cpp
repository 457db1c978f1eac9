//===- ReportLayers.cpp - the account of every layer ----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/KernelFunction.h"
#include "lowering/Measurements.h"
#include "lowering/Passes.h"

namespace ulq {
#define GEN_PASS_DEF_REPORTLAYERS
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace mlir;
using namespace ulq;

namespace {

int64_t bitsOf(Type type) {
  return tensorElement(type).getIntOrFloatBitWidth();
}

/// One row: names to attributes.
struct Row {
  Builder builder;
  NamedAttrList entries;

  explicit Row(Operation *op, StringRef kernel) : builder(op->getContext()) {
    text("name", locationName(op->getLoc()));
    text("kernel", kernel);
  }
  void text(StringRef key, const Twine &value) {
    entries.set(key, builder.getStringAttr(value));
  }
  void number(StringRef key, int64_t value) {
    entries.set(key, builder.getI64IntegerAttr(value));
  }
  /// `index` counts kernels: one for each row that has one, in order.
  void kernel(KernelAttr kernel, Location loc, size_t index) {
    text("function", kernelName(kernel.getIsa().getValue(), index, loc));
    text("isa", kernel.getIsa().getValue());
    text("tile", Twine(kernel.getRows()) + "x" + Twine(kernel.getOutputs()));
    number("workgroups", kernel.getWorkgroups());
    text("runner_up", kernel.getRunnerUp().getValue());
    entries.set("margin", kernel.getMargin());
    if (kernel.getMeasured())
      entries.set("measured", builder.getBoolAttr(true));
  }
  Attribute get() { return entries.getDictionary(builder.getContext()); }
};

Attribute layerRow(LayerOp op, size_t index) {
  bool floats = tensorElement(op.getInput().getType()).isF32();
  StringRef family = op.getKernel()->getFamily().getValue();
  bool named = !floats || family.starts_with("float");
  Row row(op, named ? family.str() : ("float32 " + family).str());
  row.text("op", op.getOpType().value_or("MatMul"));
  row.kernel(*op.getKernel(), op.getLoc(), index);
  row.number("macs", layerShape(op).macs());
  row.text("key", layerKey(layerShape(op)));
  if (Attribute candidates = op->getAttr("ulq.candidates"))
    row.entries.set("candidates", candidates);
  row.number("weight_bits", op.getWeightBits().value_or(32));
  row.number("activation_bits", bitsOf(op.getInput().getType()));
  // Computed weights take no bytes of the program.
  auto blob = dyn_cast<RankedTensorType>(op.getWeights().getType());
  row.number("weight_bytes", op.getComputedWeights()
                                 ? 0
                                 : blob.getNumElements() * bitsOf(blob) / 8);
  if (!floats) {
    row.number("accumulator_min", op.getAccumulatorMin().value_or(0));
    row.number("accumulator_max", op.getAccumulatorMax().value_or(0));
  }
  return row.get();
}

/// Of what is no product, by its first operand.
template <typename Op>
Attribute plainRow(Op op, size_t index, StringRef kernel, StringRef operation) {
  Row row(op, kernel);
  row.text("op", operation);
  if (op.getKernel())
    row.kernel(*op.getKernel(), op.getLoc(), index);
  row.number("weight_bits", 0);
  row.number("activation_bits", bitsOf(op->getOperand(0).getType()));
  return row.get();
}

Attribute floatRow(Operation *op) {
  Row row(op, "float");
  row.text("op", op->getName().stripDialect());
  row.number("weight_bits", 0);
  row.number("activation_bits", 32);
  return row.get();
}

struct ReportLayersPass : ulq::impl::ReportLayersBase<ReportLayersPass> {
  void runOnOperation() override {
    SmallVector<Attribute> rows;
    size_t kernels = 0;
    WalkResult result = getOperation().walk([&](Operation *op) {
      auto layer = dyn_cast<LayerOp>(op);
      if (layer && !layer.getKernel()) {
        layer.emitOpError("expected a kernel: run ulq-select-kernel first");
        return WalkResult::interrupt();
      }
      if (layer)
        rows.push_back(layerRow(layer, kernels++));
      else if (auto pool = dyn_cast<MaxPoolCodesOp>(op))
        rows.push_back(plainRow(pool, kernels++, "max_pool", "MaxPool"));
      else if (auto lookup = dyn_cast<LookupOp>(op))
        rows.push_back(plainRow(lookup, kernels++, "lookup", "Lookup"));
      else if (auto encode = dyn_cast<EncodeOp>(op))
        rows.push_back(plainRow(encode, kernels++, "encode", "QuantizeLinear"));
      else if (auto move = dyn_cast<MoveCodesOp>(op))
        rows.push_back(plainRow(move, kernels++, "copy", "Copy"));
      else if (auto suppression = dyn_cast<NonMaxSuppressionOp>(op))
        rows.push_back(plainRow(suppression, kernels++,
                                "float32 non_max_suppression",
                                "NonMaxSuppression"));
      else if (auto topK = dyn_cast<TopKOp>(op))
        rows.push_back(plainRow(topK, kernels++, "float32 top_k", "TopK"));
      else if (isa<QuantizeOp, DequantizeOp, ThresholdOp, AffineOp, AddOp,
                   ClampOp, LeakyReluOp, RoundOp, MaxPoolOp, AvgPoolOp>(op))
        rows.push_back(floatRow(op));
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    getOperation()->setAttr("ulq.layers", ArrayAttr::get(&getContext(), rows));
  }
};

} // namespace
