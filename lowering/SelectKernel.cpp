//===- SelectKernel.cpp - choose kernels, tiles and layouts ---------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/Measurements.h"
#include "lowering/Passes.h"
#include "lowering/StoragePlan.h"
#include "lowering/TileLookup.h"
#include "lowering/Workgroups.h"
#include "mlir/IR/Remarks.h"
#include <set>

using namespace mlir;

namespace ulq {
#define GEN_PASS_DEF_SELECTKERNEL
#include "lowering/Passes.h.inc"
} // namespace ulq

using namespace ulq;

namespace {

/// Cycles of one comparison of a pool.
constexpr double kPoolCycles = 0.25;

/// Cycles for each element of a tensor of floats that becomes codes.
constexpr double kEncodeCycles = 0.25;

/// Cycles of one copied run, and of each of its bytes.
constexpr double kRunCycles = 1.0;
constexpr double kCopyCycles = 1.0 / 16;

/// Cycles for each score that a suppression looks at, and the most parts: each
/// has scratch memory for all boxes.
constexpr double kSuppressionCycles = 4.0;
constexpr int64_t kSuppressionParts = 14;

/// Cycles for each element that a selection looks at, once for each it takes.
constexpr double kTopKCycles = 0.25;

struct Offer {
  const Kernel *kernel;
  Candidate tile;
  double cost;              // cycles for each multiply-accumulate
  std::optional<double> ns; // of the layer, where it was measured

  /// Measured ones before predicted ones, then what is faster; the name breaks
  /// ties.
  auto rank() const {
    return std::tuple(!ns, ns.value_or(cost), kernel->name());
  }
};

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// The name of the second offer and its time over that of the first. A measured
/// time compares with a measured one only.
std::pair<StringRef, double> nextBest(ArrayRef<Offer> offers) {
  if (offers.size() < 2)
    return {"", 1.0};
  const Offer &best = offers[0], &next = offers[1];
  if (best.ns && next.ns)
    return {next.kernel->name(), *next.ns / *best.ns};
  if (best.ns)
    return {"", 1.0};
  return {next.kernel->name(), next.cost / best.cost};
}

KernelAttr makeKernel(MLIRContext *context, const LayerShape &shape,
                      const Isa &isa, ArrayRef<Offer> offers, int64_t most) {
  const auto &[kernel, tile, cost, ns] = offers.front();
  Division division = divide(shape, *kernel, tile, most);
  Builder builder(context);
  auto [runnerUp, margin] = nextBest(offers);
  return KernelAttr::get(
      context, builder.getStringAttr(kernel->name()),
      builder.getStringAttr(isa.name), tile.rows, tile.outputs, division.block,
      division.parts(), builder.getF64FloatAttr(cost),
      builder.getStringAttr(runnerUp), builder.getF64FloatAttr(margin),
      division.panels, ns.has_value());
}

void reportChoice(Operation *op, KernelAttr kernel) {
  std::string name = locationName(op->getLoc());
  std::string tile =
      (Twine(kernel.getRows()) + "x" + Twine(kernel.getOutputs())).str();
  remark::passed(op->getLoc(),
                 remark::RemarkOpts::name(name).category("ulq-select-kernel"))
      << remark::metric("kernel", kernel.getFamily().getValue())
      << remark::metric("isa", kernel.getIsa().getValue())
      << remark::metric("tile", tile)
      << remark::metric("cost",
                        static_cast<float>(kernel.getCost().getValueAsDouble()))
      << remark::metric("runnerUp", kernel.getRunnerUp().getValue());
}

struct Selection {
  const Isa &isa;
  StringRef family;
  int64_t workgroups;
  Measurements tuning;
  CostTable costs;

  /// Whether a layer is wanted on a kernel that takes one group after another.
  bool byGroups(LayerOp op) const {
    if (!op.getWeightBits())
      return true;
    SmallVector<Offer> found = offers(layerShape(op), op, /*atBytes=*/true);
    return found.empty() || !found.front().kernel->groupsAreLanes();
  }

  LogicalResult select(Operation *op, const StoragePlan &plan) const {
    if (auto layer = dyn_cast<LayerOp>(op))
      return selectLayer(layer, plan);
    if (auto pool = dyn_cast<MaxPoolCodesOp>(op))
      selectPool(pool);
    else if (auto move = dyn_cast<MoveCodesOp>(op))
      selectMove(move, plan);
    else if (auto encode = dyn_cast<EncodeOp>(op))
      selectEncode(encode);
    else if (auto suppression = dyn_cast<NonMaxSuppressionOp>(op))
      selectSuppression(suppression);
    else if (auto topK = dyn_cast<TopKOp>(op))
      selectTopK(topK);
    else
      selectLookup(cast<LookupOp>(op), plan);
    return success();
  }

private:
  /// Kernels that are exact for this layer, cheapest first; only `family`
  /// where it is among them. `atBytes`: groups start at bytes.
  SmallVector<Offer> offers(const LayerShape &shape, LayerOp op,
                            bool atBytes) const {
    SmallVector<Offer> found;
    for (const Kernel *kernel : allKernels()) {
      if (kernel->baseline() && kernel->name() != family)
        continue;
      // Neither lines nor tiles have a sum of one patch.
      bool givesSums = !kernel->readsLines() && !kernel->filters();
      if (op.getWeightZero() && !givesSums)
        continue;
      if (!kernel->groupsAreLanes() && !atBytes)
        continue;
      if (op.getComputedWeights() && !kernel->panelsAreWords())
        continue;
      if (!llvm::all_of(kernel->needs(),
                        [&](RegisterOp op) { return isa.traits.has(op); }))
        continue;
      std::optional<Candidate> tile = kernel->match(shape, isa.traits);
      if (!tile)
        continue;
      double cost =
          predictedCycles(shape, *kernel, *tile) * costs.factor(shape, *kernel);
      found.push_back({kernel, *tile, cost, measuredTime(shape, *kernel)});
    }
    llvm::sort(found, [](const Offer &a, const Offer &b) {
      return a.rank() < b.rank();
    });
    auto *forced = llvm::find_if(
        found, [&](const Offer &o) { return o.kernel->name() == family; });
    if (forced != found.end())
      std::rotate(found.begin(), forced, std::next(forced));
    return found;
  }

  std::optional<double> measuredTime(const LayerShape &shape,
                                     const Kernel &kernel) const {
    auto layer = tuning.find(layerKey(shape));
    if (layer == tuning.end() || !layer->second.contains(kernel.name()))
      return std::nullopt;
    return layer->second.lookup(kernel.name());
  }

  LogicalResult selectLayer(LayerOp op, const StoragePlan &plan) const {
    if (!op.getWeightBits())
      return op.emitOpError("expected weightBits: run ulq-prove-ranges first");
    LayerShape shape = layerShape(op);
    shape.storageBits = plan.bits(op.getInput());
    SmallVector<Offer> found = offers(shape, op, plan.groupsAtBytes(op));
    if (found.empty())
      return op.emitOpError("expected a kernel on ")
             << isa.name << " for codes of " << shape.codeBits
             << " bits and weights of " << shape.weightBits << " bits";
    KernelAttr kernel =
        makeKernel(op.getContext(), shape, isa, found, workgroups);
    op.setKernelAttr(kernel);
    Builder builder(op.getContext());
    op->setAttr("ulq.candidates",
                builder.getStrArrayAttr(llvm::map_to_vector(
                    found, [](const Offer &o) { return o.kernel->name(); })));
    reportChoice(op, kernel);
    return success();
  }

  void selectPool(MaxPoolCodesOp op) const {
    GeometryAttr g = op.getGeometry();
    ArrayRef<int64_t> output = g.getOutput();
    int64_t rows = output[0] * output[1] * output[2];
    int64_t work = rows * output[3] * g.getKernel()[0] * g.getKernel()[1];
    select(op, "max_pool", rows, output[3], kPoolCycles * work, workgroups);
  }

  void selectLookup(LookupOp op, const StoragePlan &plan) const {
    ArrayRef<int64_t> shape = tensorShape(op.getInput().getType());
    int64_t codes = ShapedType::getNumElements(shape);
    double cycles = lookupCycles(op, plan.bits(op.getInput()),
                                 plan.bits(op.getResult()), isa.traits);
    select(op, "lookup", codes / shape.back(), shape.back(), cycles * codes,
           workgroups);
  }

  void selectEncode(EncodeOp op) const {
    ArrayRef<int64_t> shape = tensorShape(op.getType());
    int64_t codes = ShapedType::getNumElements(shape);
    select(op, "encode", codes / shape.back(), shape.back(),
           kEncodeCycles * codes, workgroups);
  }

  void selectMove(MoveCodesOp op, const StoragePlan &plan) const {
    ArrayRef<int64_t> shape = tensorShape(op.getType());
    int64_t codes = ShapedType::getNumElements(shape);
    double runs = 0;
    for (auto block : op.getBlocks().getAsRange<BlockAttr>())
      runs +=
          double(ShapedType::getNumElements(block.getExtents().asArrayRef()));
    double bytes = double(codes * plan.bits(op.getResult())) / 8;
    select(op, "copy", codes / shape.back(), shape.back(),
           kRunCycles * runs + kCopyCycles * bytes, workgroups);
  }

  void selectSuppression(NonMaxSuppressionOp op) const {
    ArrayRef<int64_t> scores = tensorShape(op.getScores().getType());
    select(op, "non_max_suppression", scores[0] * scores[1], scores[2],
           kSuppressionCycles * ShapedType::getNumElements(scores),
           std::min(workgroups, kSuppressionParts));
  }

  void selectTopK(TopKOp op) const {
    ArrayRef<int64_t> shape = tensorShape(op.getInput().getType());
    double taken = double(tensorShape(op.getValues().getType())[1]);
    select(op, "top_k", shape[0], shape[1],
           kTopKCycles * taken * ShapedType::getNumElements(shape), workgroups);
  }

  /// The only way to do it: `rows` of `width` elements are divided into at most
  /// `most` parts.
  template <typename Op>
  void select(Op op, StringRef name, int64_t rows, int64_t width, double cycles,
              int64_t most) const {
    int64_t parts = std::min(rows, usefulParts(cycles, most));
    Builder builder(op.getContext());
    KernelAttr kernel = KernelAttr::get(
        op.getContext(), builder.getStringAttr(name),
        builder.getStringAttr(isa.name), 1, width, (rows + parts - 1) / parts,
        parts, builder.getF64FloatAttr(0.0), builder.getStringAttr(""),
        builder.getF64FloatAttr(1.0), /*panelParts=*/1, /*measured=*/false);
    op.setKernelAttr(kernel);
    reportChoice(op, kernel);
  }
};

struct SelectKernelPass : ulq::impl::SelectKernelBase<SelectKernelPass> {
  using SelectKernelBase::SelectKernelBase;

  void runOnOperation() override {
    const Isa *provider = lookupIsa(isa);
    if (!provider) {
      getOperation()->emitError("expected a known ISA, got '") << isa << "'";
      return signalPassFailure();
    }
    FailureOr<Measurements> tuned = read(tuning, "tuning");
    FailureOr<Measurements> rows = read(costs, "costs");
    if (failed(tuned) || failed(rows))
      return signalPassFailure();
    auto table = CostTable::build(&getContext(), *rows, provider->traits);
    if (!table) {
      getOperation()->emitError("costs: ") << toString(table.takeError());
      return signalPassFailure();
    }
    noteUnknownKernels(*tuned);
    Selection selection{*provider, family, workgroups, std::move(*tuned),
                        std::move(*table)};
    StoragePlan plan(getOperation(),
                     [&](LayerOp op) { return selection.byGroups(op); });
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (getsKernel(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(selection.select(op, plan)))
        return signalPassFailure();
    for (Operation *op : ops)
      packResults(op, plan);
    DenseMap<Value, Value> packed;
    for (Operation *op : ops)
      packOperands(op, plan, packed);
    getOperation()->walk([](UnpackOp op) {
      if (op.use_empty())
        op.erase();
    });
  }

private:
  /// The measurements in the file that an option names, none without a file.
  FailureOr<Measurements> read(StringRef path, StringRef option) {
    if (path.empty())
      return Measurements();
    auto found = readMeasurements(path, isa);
    if (found)
      return std::move(*found);
    return getOperation()->emitError(option)
           << ": " << toString(found.takeError());
  }

  /// Leaves a line in `ulq.notes` for each kernel that is not known.
  void noteUnknownKernels(const Measurements &tuned) {
    std::set<std::string> unknown;
    for (const auto &layer : tuned)
      for (StringRef name : layer.getValue().keys())
        if (!lookupKernel(name))
          unknown.insert(name.str());
    SmallVector<std::string> notes;
    for (const std::string &name : unknown)
      notes.push_back("the tuning file has times of '" + name +
                      "', which is no kernel of this version");
    if (notes.empty())
      return;
    Builder builder(&getContext());
    SmallVector<StringRef> lines(notes.begin(), notes.end());
    getOperation()->setAttr("ulq.notes", builder.getStrArrayAttr(lines));
  }
};

} // namespace
