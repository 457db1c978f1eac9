//===- Winograd.h - integer matrices of minimal filtering -----------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
// S. Winograd's F(m, r) with r = 3 taps: for m + 2 inputs d and 3 weights g,
//
//   scale * (d * g) = output . ((weights . g) x (input . d)),
//
// . a product of a matrix and a vector, x one of elements. All entries are
// integers: denominators are moved into `scale`, powers of two and factors of
// a product into `output`, so that `input` and `weights` stay small.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_DIALECT_WINOGRAD_H
#define ULQ_DIALECT_WINOGRAD_H

#include "dialect/Ulq.h"

namespace ulq {

constexpr int64_t kFilterTaps = 3;

/// A matrix of small integers, row by row.
struct IntMatrix {
  int64_t rows, columns;
  llvm::ArrayRef<int8_t> entries;

  int64_t at(int64_t row, int64_t column) const {
    return entries[row * columns + column];
  }
  /// The sums of the positive and of the negative entries of a row, both >= 0.
  int64_t positive(int64_t row) const;
  int64_t negative(int64_t row) const;
  /// The largest sum of absolute values of a row.
  int64_t norm() const;
};

struct FilterMatrices {
  int64_t scale;
  IntMatrix input;   // [products][outputs + 2]
  IntMatrix weights; // [products][3]
  IntMatrix output;  // [outputs][products]

  int64_t outputs() const { return output.rows; }
  int64_t products() const { return output.columns; }
  int64_t inputs() const { return input.columns; }
};

const FilterMatrices &filterMatrices(Filter filter);

/// A filter along each axis.
struct Scheme {
  const FilterMatrices &rows, &columns;

  explicit Scheme(WinogradAttr attr)
      : Scheme(attr.getRows(), attr.getColumns()) {}
  Scheme(Filter rows, Filter columns)
      : rows(filterMatrices(rows)), columns(filterMatrices(columns)) {}

  int64_t products() const { return rows.products() * columns.products(); }
  int64_t scale() const { return rows.scale * columns.scale; }
  /// Transformed weights of up to 1 are at most this.
  int64_t weightNorm() const {
    return rows.weights.norm() * columns.weights.norm();
  }
  /// Transformed codes of 0 to 1 take this many consecutive values, less one.
  int64_t inputNorm() const { return rows.input.norm() * columns.input.norm(); }
  /// The absolute value of the smallest transformed code of product
  /// (row, column), for codes of 0 to 1.
  int64_t offset(int64_t row, int64_t column) const {
    return rows.input.positive(row) * columns.input.negative(column) +
           rows.input.negative(row) * columns.input.positive(column);
  }
};

} // namespace ulq

#endif // ULQ_DIALECT_WINOGRAD_H
