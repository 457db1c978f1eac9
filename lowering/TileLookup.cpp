//===- TileLookup.cpp - lookups of codes to dispatches --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// Rows fill their bytes, so a tensor is one sequence of codes. Vectors of it
// are looked up by byte shuffles, 16 entries at a time. Where the ISA has none,
// the table is too large or the tensor too small, it is a load for each code.
//
//===----------------------------------------------------------------------===//

#include "lowering/TileLookup.h"
#include "lowering/isa/Isa.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ulq;

namespace {

/// Entries of one table_lookup, and bytes of the shortest.
constexpr int64_t kEntries = 16;
/// Codes are compared as signed bytes to choose among more than one.
constexpr int64_t kMostLookups = 4;

/// Cycles of a load for a code.
constexpr double kLoadCycles = 1.0;
/// Cycles to choose among entries, and around the lookups of a vector.
constexpr double kChooseCycles = 1.0;
constexpr double kVectorCycles = 3.0;

/// A table from fields of the input to fields of the result. A field is a code,
/// or several neighbours where 16 entries are enough for them.
struct FieldTable {
  int64_t from, to; // bits of a field
  SmallVector<uint8_t> entries;

  explicit FieldTable(LookupOp op)
      : FieldTable(op.getTable(), storedBits(op.getInput()),
                   storedBits(op.getResult())) {}
  FieldTable(ArrayRef<int64_t> table, int64_t sourceBits, int64_t targetBits)
      : from(sourceBits), to(targetBits), entries(table.begin(), table.end()) {
    while (from <= 2 && to <= 4)
      joinNeighbours();
  }

  /// The entries that differ from the last one, and one that equals it.
  int64_t distinct() const {
    ArrayRef<uint8_t> rest = entries;
    while (rest.size() > 1 && rest.drop_back().back() == rest.back())
      rest = rest.drop_back();
    return static_cast<int64_t>(rest.size());
  }
  int64_t lookups() const { return llvm::divideCeil(distinct(), kEntries); }

  /// How many fields of a byte are looked up where they stand.
  int64_t fieldsPerByte() const { return to > from ? 1 : 8 / from; }

  /// A unit is the shortest sequence of codes that are whole bytes of both.
  int64_t unitFields() const { return 8 / std::min(from, to); }
  int64_t sourceBytes() const { return from / std::min(from, to); }
  int64_t targetBytes() const { return to / std::min(from, to); }
  /// Units whose codes, of input or result, fill a vector of `bytes` bytes.
  int64_t unitsOf(int64_t bytes) const {
    return bytes / std::max(sourceBytes(), targetBytes());
  }

private:
  static int64_t storedBits(Value codes) {
    return cast<PackedType>(codes.getType()).getLayout().getBits();
  }

  void joinNeighbours() {
    entries.resize(size_t(1) << from);
    SmallVector<uint8_t> joined;
    for (uint8_t high : entries)
      for (uint8_t low : entries)
        joined.push_back(high << to | low);
    entries = std::move(joined);
    from *= 2;
    to *= 2;
  }
};

/// The work of a part: units `first` to `end`.
class LookupEmitter {
public:
  LookupEmitter(KernelFunction &function, const FieldTable &table)
      : b(function.b), table(table), source(function.buffers[0]),
        entries(function.buffers[1]), target(function.buffers[2]) {}

  void emitLoads(Value first, Value end) {
    b.loop(first, end, 1, [&](Value unit) {
      SmallVector<Value> packed, found(table.targetBytes());
      for (int64_t i = 0; i < table.sourceBytes(); ++i)
        packed.push_back(
            load(source, b.add(b.mul(unit, table.sourceBytes()), i)));
      for (int64_t i = 0; i < table.unitFields(); ++i) {
        Value code = field(packed[i * table.from / 8], i * table.from % 8);
        Value index = arith::IndexCastUIOp::create(b, b.getIndexType(), code);
        insert(found[i * table.to / 8], load(entries, index), i * table.to % 8);
      }
      Value to = b.mul(unit, table.targetBytes());
      for (auto [i, byte] : llvm::enumerate(found))
        memref::StoreOp::create(b, byte, target.memory,
                                ValueRange{b.add(target.offset, b.add(to, i))});
    });
  }

  /// There are `units` units at least, which make a vector of `bytes` bytes.
  void emitVectors(Value first, Value end, int64_t units, int64_t bytes) {
    loadTables(bytes);
    b.loopOverlapping(first, end, units, [&](Value unit) {
      Value from = b.mul(unit, table.sourceBytes());
      Value to = b.mul(unit, table.targetBytes());
      Value packed = b.load(b.bytes(units * table.sourceBytes()), source.memory,
                            b.add(source.offset, from));
      b.store(lookUp(packed), target.memory, b.add(target.offset, to));
    });
  }

private:
  Value load(const Buffer &buffer, Value at) {
    return memref::LoadOp::create(b, buffer.memory,
                                  ValueRange{b.add(buffer.offset, at)});
  }

  Value constant(Type type, int64_t value) {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? b.splat(vector, value)
                  : arith::ConstantIntOp::create(b, type, value).getResult();
  }

  /// The field from bit `bit` of each byte on.
  Value field(Value packed, int64_t bit) {
    Type type = packed.getType();
    if (bit > 0)
      packed = arith::ShRUIOp::create(b, packed, constant(type, bit));
    if (table.from == 8)
      return packed;
    Value mask = constant(type, (1 << table.from) - 1);
    return arith::AndIOp::create(b, packed, mask);
  }

  void insert(Value &byte, Value code, int64_t bit) {
    byte = byte ? arith::OrIOp::create(b, byte, shifted(code, bit)).getResult()
                : shifted(code, bit);
  }

  Value shifted(Value codes, int64_t bit) {
    if (bit == 0)
      return codes;
    return arith::ShLIOp::create(b, codes, constant(codes.getType(), bit));
  }

  /// Each part of the table, repeated in all lanes of 16 bytes.
  void loadTables(int64_t bytes) {
    SmallVector<int64_t> repeated;
    for (int64_t i = 0; i < bytes; ++i)
      repeated.push_back(i % kEntries);
    for (int64_t i = 0; i < table.lookups(); ++i) {
      Value part = b.load(b.bytes(kEntries), entries.memory,
                          b.add(entries.offset, i * kEntries));
      tables.push_back(vector::ShuffleOp::create(b, part, part, repeated));
    }
  }

  /// The fields of a wider result are looked up as bytes, others where they
  /// stand, so that those of a byte are neighbours in a byte.
  Value lookUp(Value packed) {
    if (table.to > table.from)
      return find(b.spreadCodes(packed, table.from), 0);
    Value found;
    int64_t used = 0;
    for (int64_t bit = 0; bit < 8; bit += table.from, used += table.to) {
      Value codes = find(field(packed, bit), used);
      found = found ? arith::OrIOp::create(b, found, codes).getResult() : codes;
    }
    return b.packCodes(found, used);
  }

  /// The entries of the codes, from bit `bit` of each byte on.
  Value find(Value codes, int64_t bit) {
    auto type = cast<VectorType>(codes.getType());
    if (table.entries.size() > tables.size() * kEntries)
      codes =
          arith::MinUIOp::create(b, codes, b.splat(type, table.distinct() - 1));
    Value index = codes;
    if (tables.size() > 1)
      index = arith::AndIOp::create(b, codes, b.splat(type, kEntries - 1));
    Value found;
    for (auto [i, part] : llvm::enumerate(tables)) {
      Value entry = TableLookupOp::create(b, type, shifted(part, bit), index);
      if (i == 0) {
        found = entry;
        continue;
      }
      Value last = b.splat(type, int64_t(i) * kEntries - 1);
      Value isBehind =
          arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, codes, last);
      found = arith::SelectOp::create(b, isBehind, entry, found);
    }
    return found;
  }

  ByteBuilder &b;
  const FieldTable &table;
  const Buffer &source, &entries, &target;
  SmallVector<Value> tables;
};

/// Whether lookups cost less than a load for each code.
bool hasFastLookups(const FieldTable &table, const IsaTraits &isa) {
  return isa.has(RegisterOp::TableLookup) && table.lookups() <= kMostLookups &&
         double(table.lookups()) * isa.lookupCycles < double(isa.vectorBytes);
}

/// The bytes of vectors for `units` units, 0: there are too few.
int64_t vectorBytes(const FieldTable &table, const IsaTraits &isa,
                    int64_t units) {
  if (!hasFastLookups(table, isa))
    return 0;
  int64_t bytes = isa.vectorBytes;
  while (bytes >= kEntries && table.unitsOf(bytes) > units)
    bytes /= 2;
  return bytes >= kEntries ? bytes : 0;
}

/// The table as a tensor of whole vectors.
Value tableBytes(OpBuilder &builder, LookupOp op, const FieldTable &table) {
  SmallVector<uint8_t> bytes = table.entries;
  bytes.resize(llvm::alignTo(bytes.size(), kEntries));
  auto type = bytesType(op.getContext(), static_cast<int64_t>(bytes.size()));
  return arith::ConstantOp::create(
      builder, op.getLoc(),
      DenseElementsAttr::get(type, ArrayRef<uint8_t>(bytes)));
}

} // namespace

double ulq::lookupCycles(LookupOp op, int64_t from, int64_t to,
                         const IsaTraits &isa) {
  FieldTable table(op.getTable(), from, to);
  if (!hasFastLookups(table, isa))
    return kLoadCycles;
  double lookups = double(table.fieldsPerByte() * table.lookups());
  double cycles = lookups * (isa.lookupCycles + kChooseCycles) + kVectorCycles;
  int64_t codesPerUnit = 8 / std::min(from, to);
  return cycles / double(table.unitsOf(isa.vectorBytes) * codesPerUnit);
}

LogicalResult ulq::tileLookup(LookupOp op, ModuleOp kernels) {
  StringRef name = op.getKernel()->getIsa();
  const Isa *isa = lookupIsa(name);
  if (!isa)
    return op.emitOpError("expected a known ISA, got ") << name;
  FieldTable table(op);
  int64_t units =
      cast<PackedType>(op.getType()).getByteSize() / table.targetBytes();
  int64_t parts = op.getKernel()->getWorkgroups();
  OpBuilder builder(op);
  KernelFunction function(op, kernels,
                          {{op.getInput(), tableBytes(builder, op, table)},
                           {op.getResult()},
                           parts});
  function.work([&] {
    auto [first, end] = function.share(units);
    LookupEmitter emitter(function, table);
    int64_t bytes = vectorBytes(table, isa->traits, units / parts);
    if (bytes == 0)
      return emitter.emitLoads(first, end);
    emitter.emitVectors(first, end, table.unitsOf(bytes), bytes);
  });
  function.finish();
  return success();
}
