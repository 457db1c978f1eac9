//===- JoinQuantizers.cpp - several quantizers of one result --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/JoinQuantizers.h"
#include "lowering/CodeMovement.h"
#include "lowering/Steps.h"
#include "lowering/Thresholds.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace ulq;

namespace {

/// A quantizer as a step function of real numbers.
struct Staircase {
  Operation *op;
  SmallVector<double> rising, falling;
  int64_t start;

  static std::optional<Staircase> of(Operation *op) {
    if (auto threshold = dyn_cast<ThresholdOp>(op))
      return of(threshold);
    if (auto quantize = dyn_cast<QuantizeOp>(op))
      return of(quantize);
    return std::nullopt;
  }

  int64_t codeAt(double x) const {
    auto reached = [&](double t) { return x >= t; };
    return start + llvm::count_if(rising, reached) -
           llvm::count_if(falling, reached);
  }

private:
  static std::optional<Staircase> of(ThresholdOp op) {
    ArrayRef<double> values = op.getValues();
    if (values.size() != size_t(op.getCount()) ||
        int64_t(values.size()) > kMostCounted)
      return std::nullopt;
    int64_t rising = op.getCount() - op.getFalling();
    return Staircase{op, SmallVector<double>(values.take_front(rising)),
                     SmallVector<double>(values.drop_front(rising)),
                     static_cast<int64_t>(op.getStart())};
  }

  static std::optional<Staircase> of(QuantizeOp op) {
    int64_t min = op.getMin(), max = op.getMax();
    if (op.getScale().size() != 1 || op.getZeroPoint().size() != 1 ||
        max - min > kMostCounted)
      return std::nullopt;
    MLIRContext *context = op.getContext();
    Attribute step = QuantizeStepAttr::get(
        context, op.getScaleAttr(), op.getZeroPointAttr(), min, max,
        RoundingAttr::get(context, op.getRounding()), op.getZeroPointFirst());
    auto steps = ArrayAttr::get(context, step);
    Staircase stairs{op, {}, {}, min};
    for (int64_t code = min + 1; code <= max; ++code)
      stairs.rising.push_back(firstNumber(
          [&](double x) { return evaluateSteps(steps, 0, x) >= code; }));
    return stairs;
  }

  /// Numbers in their order: 0 is 0.
  static double numberOf(int64_t rank) {
    double size = llvm::bit_cast<double>(std::abs(rank));
    return rank < 0 ? -size : size;
  }

  /// The smallest number for which `reaches`, false then true, is true.
  static double firstNumber(function_ref<bool(double)> reaches) {
    auto most =
        llvm::bit_cast<int64_t>(std::numeric_limits<double>::infinity());
    int64_t low = -most, high = most;
    while (low < high) {
      int64_t middle = low + int64_t((uint64_t(high) - uint64_t(low)) / 2);
      if (reaches(numberOf(middle)))
        high = middle;
      else
        low = middle + 1;
    }
    return numberOf(low);
  }
};

/// Whether `value` is all that a layer and operations that become its steps
/// yield.
bool isLayerResult(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<LayerOp>(op))
    return op != nullptr;
  if (auto add = dyn_cast<AddOp>(op))
    return (add.getLhs().hasOneUse() && isLayerResult(add.getLhs())) ||
           (add.getRhs().hasOneUse() && isLayerResult(add.getRhs()));
  return isa<AffineOp, ClampOp, LeakyReluOp, QuantizeOp, DequantizeOp,
             ThresholdOp, TransposeOp, ReshapeOp>(op) &&
         op->getOperand(0).hasOneUse() && isLayerResult(op->getOperand(0));
}

void join(Value value, ArrayRef<Staircase> quantizers) {
  SmallVector<double> values;
  for (const Staircase &stairs : quantizers) {
    llvm::append_range(values, stairs.rising);
    llvm::append_range(values, stairs.falling);
  }
  llvm::sort(values);
  values.erase(llvm::unique(values), values.end());
  if (int64_t(values.size()) > kMostCounted)
    return;
  OpBuilder builder(quantizers.front().op);
  builder.setInsertionPointAfterValue(value);
  int64_t count = static_cast<int64_t>(values.size());
  RankedTensorType type = unsignedCodes(value, count);
  auto joint = ThresholdOp::create(builder, quantizers.front().op->getLoc(),
                                   type, value, values, count, /*axis=*/0);
  for (const Staircase &stairs : quantizers) {
    builder.setInsertionPointAfter(joint);
    SmallVector<int64_t> table = {stairs.start};
    for (double number : values)
      table.push_back(stairs.codeAt(number));
    table.resize(maxCode(type.getElementType()) + 1, table.back());
    auto codes = LookupOp::create(builder, stairs.op->getLoc(),
                                  stairs.op->getResult(0).getType(), joint,
                                  table, KernelAttr());
    stairs.op->getResult(0).replaceAllUsesWith(codes);
    stairs.op->erase();
  }
}

/// A copy of the layer that yields `value` and of what follows it.
Value copyResult(OpBuilder &builder, Value value) {
  Operation *op = value.getDefiningOp();
  IRMapping mapping;
  if (!isa<LayerOp>(op)) {
    bool second = isa<AddOp>(op) && !isLayerResult(op->getOperand(0));
    Value input = op->getOperand(second ? 1 : 0);
    mapping.map(input, copyResult(builder, input));
  }
  return builder.clone(*op, mapping)->getResult(0);
}

/// Quantizers of too many thresholds to be joined get a product each: that is
/// cheaper than a result in f32, of which every quantizer counts thresholds.
void separate(Value value) {
  SmallVector<Operation *> users(value.getUsers());
  for (Operation *user : users) {
    auto threshold = dyn_cast<ThresholdOp>(user);
    if (!threshold || threshold.getCount() <= kMostCounted || value.hasOneUse())
      continue;
    OpBuilder builder(user);
    user->setOperand(0, copyResult(builder, value));
  }
}

} // namespace

void ulq::joinQuantizers(ModuleOp module) {
  SetVector<Value> quantized;
  module.walk([&](Operation *op) {
    if (isa<QuantizeOp, ThresholdOp>(op))
      quantized.insert(op->getOperand(0));
  });
  for (Value value : quantized) {
    SmallVector<Staircase> quantizers;
    for (Operation *user : value.getUsers()) {
      std::optional<Staircase> stairs = Staircase::of(user);
      if (stairs &&
          tensorElement(user->getResult(0).getType()).isUnsignedInteger())
        quantizers.push_back(*stairs);
    }
    if (!isLayerResult(value))
      continue;
    if (quantizers.size() > 1)
      join(value, quantizers);
    separate(value);
  }
}
