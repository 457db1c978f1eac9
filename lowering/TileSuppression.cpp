//===- TileSuppression.cpp - non-maximum suppression to dispatches --------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// A part takes one class after the other: it collects the boxes that the score
// admits, then takes the best one, with what overlaps it, again and again.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileSuppression.h"
#include "lowering/BestFirst.h"
#include "lowering/Layers.h"
#include "lowering/kernels/Kernel.h"

using namespace mlir;
using namespace ulq;

namespace {

/// What is known of a candidate: an array of 4-byte elements for each.
enum Field { Low0, Low1, High0, High1, Area, Key, Number, kFields };

/// A box as vectors of equal elements, or several boxes.
struct Boxes {
  Value low0, low1, high0, high1, area;
};

class Suppression {
public:
  Suppression(NonMaxSuppressionOp op, int64_t lanes)
      : op(op), lanes(lanes), limit(op.getLimit()) {
    ArrayRef<int64_t> scores = tensorShape(op.getScores().getType());
    perImage = scores[1];
    classes = scores[0] * scores[1];
    boxes = scores[2];
    // Behind the keys there is room for one more vector.
    fieldBytes = 4 * (roundUp(boxes, lanes) + lanes);
    countsAt = 4 * classes * limit;
    partsAt = roundUp(countsAt + 4 * classes, 64);
  }

  void run(ModuleOp kernels) {
    int64_t parts = op.getKernel()->getWorkgroups();
    KernelFunction function(op, kernels,
                            {SmallVector<Value>(op->getOperands()),
                             {op.getRows(), op.getCount()},
                             parts,
                             partsAt + parts * kFields * fieldBytes});
    emit(function);
    function.finish();
  }

private:
  void emit(KernelFunction &function) {
    ByteBuilder &b = function.b;
    buffers = function.buffers;
    const Buffer &scratch = buffers.back();
    memory = scratch.memory;
    selected = scratch.offset;
    counts = b.add(selected, countsAt);
    auto part = [&] {
      Value own = b.mul(function.workgroup, kFields * fieldBytes);
      fields = b.add(b.add(selected, partsAt), own);
      auto [first, end] = function.share(classes);
      b.loop(first, end, 1, [&](Value number) { emitClass(b, number); });
    };
    function.work(part, [&] { emitRows(b); });
  }

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// The only element of an operand.
  Value number(ByteBuilder &b, unsigned operand) {
    Type type = getElementTypeOrSelf(op->getOperand(operand).getType());
    return loadNumber(b, type, buffers[operand].memory,
                      buffers[operand].offset);
  }
  Value place(ByteBuilder &b, Field field, Value candidate) {
    return b.add(b.add(fields, field * fieldBytes), b.mul(candidate, 4));
  }
  /// The box of a candidate, in all lanes.
  Boxes splatted(ByteBuilder &b, Value candidate) {
    auto lanesOf = [&](Field field) -> Value {
      Value value =
          loadNumber(b, b.getF32Type(), memory, place(b, field, candidate));
      return vector::BroadcastOp::create(b, floats(b), value);
    };
    return {lanesOf(Low0), lanesOf(Low1), lanesOf(High0), lanesOf(High1),
            lanesOf(Area)};
  }
  Value loaded(ByteBuilder &b, Field field, Value candidate) {
    return b.load(floats(b), memory, place(b, field, candidate));
  }
  VectorType floats(ByteBuilder &b) {
    return VectorType::get(lanes, b.getF32Type());
  }

  //===--------------------------------------------------------------------===//
  // Candidates
  //===--------------------------------------------------------------------===//

  /// Whether the score, or each of several, admits a box.
  Value admits(ByteBuilder &b, Value scores) {
    if (!op.getScoreThreshold())
      return arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, scores,
                                   scores);
    Value threshold = number(b, 4);
    if (isa<VectorType>(scores.getType()))
      threshold = vector::BroadcastOp::create(b, scores.getType(), threshold);
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, scores,
                                 threshold);
  }

  /// Collects the candidates of a class; returns their number.
  Value collect(ByteBuilder &b, Value number) {
    int64_t whole = boxes / lanes * lanes;
    Value image = b.createOrFold<arith::DivUIOp>(number, b.index(perImage));
    Value firstBox = b.add(buffers[0].offset, b.mul(image, boxes * 16));
    Value firstScore = b.add(buffers[1].offset, b.mul(number, boxes * 4));
    auto several = [&](Value first, Value end, Value count) {
      return b.fold(first, end, 1, count, [&](Value box, Value count) {
        return collectOne(b, box, firstBox, firstScore, count);
      });
    };
    Value count = b.fold(
        b.index(0), b.index(whole), lanes, b.index(0),
        [&](Value first, Value count) -> Value {
          Value scores = b.load(floats(b), buffers[1].memory,
                                b.add(firstScore, b.mul(first, 4)));
          Value any = vector::ReductionOp::create(b, vector::CombiningKind::OR,
                                                  admits(b, scores));
          auto branch = scf::IfOp::create(b, b.getIndexType(), any,
                                          /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, several(first, b.add(first, lanes), count));
          b.setInsertionPointToStart(branch.elseBlock());
          scf::YieldOp::create(b, count);
          return branch.getResult(0);
        });
    return several(b.index(whole), b.index(boxes), count);
  }

  /// Writes the box as candidate `count`; returns the number of candidates if
  /// it is one, else `count`.
  Value collectOne(ByteBuilder &b, Value box, Value firstBox, Value firstScore,
                   Value count) {
    Value score = loadNumber(b, b.getF32Type(), buffers[1].memory,
                             b.add(firstScore, b.mul(box, 4)));
    auto write = [&](Field field, Value value) {
      storeNumber(b, value, memory, place(b, field, count));
    };
    Boxes corners = cornersOf(b, b.add(firstBox, b.mul(box, 16)));
    write(Low0, corners.low0);
    write(Low1, corners.low1);
    write(High0, corners.high0);
    write(High1, corners.high1);
    write(Area, corners.area);
    write(Key, BestFirst::keyOf(b, score));
    write(Number, arith::IndexCastOp::create(b, b.getI32Type(), box));
    Value one =
        arith::IndexCastUIOp::create(b, b.getIndexType(), admits(b, score));
    return b.add(count, one);
  }

  Boxes cornersOf(ByteBuilder &b, Value place) {
    Value first[2], second[2], low[2], high[2], extent[2];
    for (int64_t d : {0, 1}) {
      first[d] =
          loadNumber(b, b.getF32Type(), buffers[0].memory, b.add(place, 4 * d));
      second[d] = loadNumber(b, b.getF32Type(), buffers[0].memory,
                             b.add(place, 8 + 4 * d));
      if (op.getCenterPoint()) {
        Value two =
            arith::ConstantOp::create(b, b.getF32FloatAttr(2.0)).getResult();
        Value half = arith::DivFOp::create(b, second[d], two);
        low[d] = arith::SubFOp::create(b, first[d], half);
        high[d] = arith::AddFOp::create(b, first[d], half);
      } else {
        low[d] = smaller(b, first[d], second[d]);
        high[d] = larger(b, first[d], second[d]);
      }
      extent[d] = arith::SubFOp::create(b, high[d], low[d]);
    }
    Value area = arith::MulFOp::create(b, extent[0], extent[1]);
    return {low[0], low[1], high[0], high[1], area};
  }

  static Value smaller(ByteBuilder &b, Value lhs, Value rhs) {
    Value less = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, lhs, rhs);
    return arith::SelectOp::create(b, less, lhs, rhs);
  }
  static Value larger(ByteBuilder &b, Value lhs, Value rhs) {
    Value greater =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, lhs, rhs);
    return arith::SelectOp::create(b, greater, lhs, rhs);
  }

  //===--------------------------------------------------------------------===//
  // Selection
  //===--------------------------------------------------------------------===//

  void emitClass(ByteBuilder &b, Value number) {
    Value count = collect(b, number), rows = b.mul(number, limit);
    BestFirst best(lanes, memory, place(b, Key, b.index(0)));
    Value found = best.run(
        b, count, allowed(b),
        [&](Value candidate, Value rank) {
          Value box = loadNumber(b, b.getI32Type(), memory,
                                 place(b, Number, candidate));
          Value row = b.add(rows, rank);
          storeNumber(b, box, memory, b.add(selected, b.mul(row, 4)));
        },
        [&](Value candidate) -> BestFirst::Others {
          Boxes box = splatted(b, candidate);
          return [&b, this, box](Value from) { return overlaps(b, box, from); };
        });
    found = arith::IndexCastOp::create(b, b.getI32Type(), found);
    storeNumber(b, found, memory, b.add(counts, b.mul(number, 4)));
  }

  /// The rows of a class that `maxOutput` allows.
  Value allowed(ByteBuilder &b) {
    auto wide = [&](int64_t value) {
      return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
    };
    Value most = b.min(b.max(number(b, 2), wide(0)), wide(limit));
    return arith::IndexCastOp::create(b, b.getIndexType(), most);
  }

  /// Where both extents of the intersection are positive, so are both areas and
  /// the union, or their quotient is no number.
  Value overlaps(ByteBuilder &b, const Boxes &box, Value at) {
    auto extent = [&](Value low, Value high, Field lowField, Field highField,
                      Value &isPositive) -> Value {
      Value start = larger(b, low, loaded(b, lowField, at));
      Value end = smaller(b, high, loaded(b, highField, at));
      isPositive =
          arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, end, start);
      return arith::SubFOp::create(b, end, start);
    };
    Value inside0, inside1;
    Value extent0 = extent(box.low0, box.high0, Low0, High0, inside0);
    Value extent1 = extent(box.low1, box.high1, Low1, High1, inside1);
    Value shared = arith::MulFOp::create(b, extent0, extent1);
    Value both = arith::AddFOp::create(b, box.area, loaded(b, Area, at));
    Value united = arith::SubFOp::create(b, both, shared);
    Value ratio = arith::DivFOp::create(b, shared, united);
    Value threshold = vector::BroadcastOp::create(b, floats(b), number(b, 3));
    Value exceeds =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, ratio, threshold);
    Value inside = arith::AndIOp::create(b, inside0, inside1);
    return arith::AndIOp::create(b, inside, exceeds);
  }

  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  /// Joins the rows of all classes.
  void emitRows(ByteBuilder &b) {
    unsigned inputs = op->getNumOperands();
    const Buffer &rows = buffers[inputs], &total = buffers[inputs + 1];
    auto wide = [&](Value value) -> Value {
      return arith::IndexCastOp::create(b, b.getI64Type(), value);
    };
    Value count =
        b.fold(b.index(0), b.index(classes), 1, b.index(0),
               [&](Value number, Value done) {
                 Value found = loadNumber(b, b.getI32Type(), memory,
                                          b.add(counts, b.mul(number, 4)));
                 found = arith::IndexCastOp::create(b, b.getIndexType(), found);
                 Value width = b.index(perImage);
                 Value image = b.createOrFold<arith::DivUIOp>(number, width);
                 Value kind = b.createOrFold<arith::RemUIOp>(number, width);
                 b.loop(b.index(0), found, 1, [&](Value i) {
                   Value from = b.mul(b.add(b.mul(number, limit), i), 4);
                   Value box = loadNumber(b, b.getI32Type(), memory,
                                          b.add(selected, from));
                   box = arith::ExtSIOp::create(b, b.getI64Type(), box);
                   Value to = b.add(rows.offset, b.mul(b.add(done, i), 24));
                   storeNumber(b, wide(image), rows.memory, to);
                   storeNumber(b, wide(kind), rows.memory, b.add(to, 8));
                   storeNumber(b, box, rows.memory, b.add(to, 16));
                 });
                 return b.add(done, found);
               });
    storeNumber(b, wide(count), total.memory, total.offset);
  }

  NonMaxSuppressionOp op;
  int64_t lanes, limit;
  int64_t perImage = 0, classes = 0, boxes = 0; // classes of all images
  int64_t fieldBytes = 0, countsAt = 0, partsAt = 0;
  SmallVector<Buffer> buffers;
  // In scratch memory: boxes and number of rows of each class, fields.
  Value memory, selected, counts, fields;
};

} // namespace

LogicalResult ulq::tileSuppression(NonMaxSuppressionOp op, ModuleOp kernels) {
  FailureOr<int64_t> lanes = BestFirst::lanesOf(op, op.getKernelAttr());
  if (failed(lanes))
    return failure();
  Suppression(op, *lanes).run(kernels);
  return success();
}
