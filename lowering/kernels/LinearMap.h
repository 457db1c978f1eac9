//===- LinearMap.h - integer matrices applied to vectors ------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_KERNELS_LINEARMAP_H
#define ULQ_LOWERING_KERNELS_LINEARMAP_H

#include "dialect/Winograd.h"
#include "lowering/kernels/Emitter.h"
#include <numeric>

namespace ulq {

/// Emits y = matrix . x for vectors of integers x[i], modulo their width, by
/// additions and shifts.
class LinearMap {
public:
  LinearMap(Emitter &emit, const IntMatrix &matrix) : emit(emit) {
    for (int64_t row = 0; row < matrix.rows; ++row) {
      rows.emplace_back();
      for (int64_t column = 0; column < matrix.columns; ++column)
        rows.back().push_back(matrix.at(row, column));
    }
  }

  llvm::SmallVector<mlir::Value> apply(llvm::ArrayRef<mlir::Value> inputs) {
    values.assign(inputs.begin(), inputs.end());
    for (size_t left = 0; left < values.size(); ++left)
      for (size_t right = left + 1; right < values.size(); ++right)
        if (alikeColumns(left, right))
          joinColumns(left, right);
    llvm::SmallVector<mlir::Value> results(rows.size());
    for (size_t one = 0; one < rows.size(); ++one)
      for (size_t two = one + 1; two < rows.size(); ++two)
        if (!results[one] && !results[two] && alikeRows(rows[one], rows[two]))
          std::tie(results[one], results[two]) = joinRows(rows[one], rows[two]);
    for (auto [row, result] : llvm::zip(rows, results))
      if (!result)
        result = combine(row);
    return results;
  }

private:
  using Row = llvm::SmallVector<int64_t>;

  static bool sameSize(int64_t a, int64_t b) { return a == b || a == -b; }

  /// x and y with coefficients of equal size everywhere: x + y and x - y take
  /// their places, and each row uses only one of them.
  bool alikeColumns(size_t left, size_t right) {
    int64_t used = 0;
    for (const Row &row : rows) {
      if (!sameSize(row[left], row[right]))
        return false;
      used += row[left] != 0;
    }
    return used > 1;
  }
  void joinColumns(size_t left, size_t right) {
    mlir::Value sum = emit.add(values[left], values[right]);
    mlir::Value difference = emit.subtract(values[left], values[right]);
    values[left] = sum;
    values[right] = difference;
    for (Row &row : rows)
      if (row[left] == row[right])
        row[right] = 0;
      else
        row[right] = std::exchange(row[left], 0);
  }

  /// Rows e + o and e - o with two entries or more in e or o.
  static bool alikeRows(const Row &one, const Row &two) {
    int64_t even = 0, odd = 0;
    for (auto [a, b] : llvm::zip(one, two)) {
      if (!sameSize(a, b))
        return false;
      even += a != 0 && a == b;
      odd += a != 0 && a != b;
    }
    return even > 0 && odd > 0 && even + odd > 2;
  }
  std::pair<mlir::Value, mlir::Value> joinRows(const Row &one, const Row &two) {
    Row even, odd;
    for (auto [a, b] : llvm::zip(one, two)) {
      even.push_back(a == b ? a : 0);
      odd.push_back(a == b ? 0 : a);
    }
    mlir::Value e = combine(even), o = combine(odd);
    return {emit.add(e, o), emit.subtract(e, o)};
  }

  /// The sum of row[i] * values[i].
  mlir::Value combine(const Row &row) {
    int64_t factor = 0;
    for (int64_t coefficient : row)
      factor = std::gcd(factor, coefficient);
    mlir::Value sum;
    for (int64_t sign : {1, -1})
      for (auto [coefficient, value] : llvm::zip(row, values)) {
        if (coefficient * sign <= 0)
          continue;
        mlir::Value term = times(value, coefficient * sign / factor);
        if (sign > 0)
          sum = sum ? emit.add(sum, term) : term;
        else
          sum = emit.subtract(sum ? sum : emit.zero(term.getType()), term);
      }
    return times(sum, factor);
  }

  mlir::Value times(mlir::Value value, int64_t factor) {
    if (factor == 1)
      return value;
    int64_t power = llvm::bit_floor(static_cast<uint64_t>(factor));
    if (power == factor)
      return twice(value, factor);
    return emit.add(twice(value, power), times(value, factor - power));
  }

  /// Bytes have no shift.
  mlir::Value twice(mlir::Value value, int64_t power) {
    if (mlir::getElementTypeOrSelf(value).getIntOrFloatBitWidth() > 8)
      return emit.shiftLeft(value, llvm::Log2_64(power));
    for (; power > 1; power /= 2)
      value = emit.add(value, value);
    return value;
  }

  Emitter &emit;
  llvm::SmallVector<Row> rows;
  llvm::SmallVector<mlir::Value> values;
};

/// rows . x . transposed columns, for x[i][j] at i * columns.columns + j.
inline llvm::SmallVector<mlir::Value>
applyBoth(Emitter &emit, const IntMatrix &rows, const IntMatrix &columns,
          llvm::ArrayRef<mlir::Value> inputs) {
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> vertical;
  for (int64_t j = 0; j < columns.columns; ++j) {
    llvm::SmallVector<mlir::Value> line;
    for (int64_t i = 0; i < rows.columns; ++i)
      line.push_back(inputs[i * columns.columns + j]);
    vertical.push_back(LinearMap(emit, rows).apply(line));
  }
  llvm::SmallVector<mlir::Value> results;
  for (int64_t i = 0; i < rows.rows; ++i) {
    llvm::SmallVector<mlir::Value> line;
    for (auto &column : vertical)
      line.push_back(column[i]);
    llvm::append_range(results, LinearMap(emit, columns).apply(line));
  }
  return results;
}

} // namespace ulq

#endif // ULQ_LOWERING_KERNELS_LINEARMAP_H
