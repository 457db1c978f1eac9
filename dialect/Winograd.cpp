//===- Winograd.cpp - integer matrices of minimal filtering ---------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Winograd.h"

using namespace ulq;

// clang-format off
// Points 0, 1, -1, infinity.
static const int8_t kInputF2[] = {1,  0, -1, 0,
                                  0,  1,  1, 0,
                                  0, -1,  1, 0,
                                  0, -1,  0, 1};
static const int8_t kWeightsF2[] = {1,  0, 0,
                                    1,  1, 1,
                                    1, -1, 1,
                                    0,  0, 1};
static const int8_t kOutputF2[] = {2, 1,  1, 0,
                                   0, 1, -1, 2};

// Points 0, 1, -1, 2, infinity.
static const int8_t kInputF3[] = {2, -1, -2,  1, 0,
                                  0, -2, -1,  1, 0,
                                  0,  2, -3,  1, 0,
                                  0, -1,  0,  1, 0,
                                  0,  2, -1, -2, 1};
static const int8_t kWeightsF3[] = {1,  0, 0,
                                    1,  1, 1,
                                    1, -1, 1,
                                    1,  2, 4,
                                    0,  0, 1};
static const int8_t kOutputF3[] = {3, -3, -1, 1, 0,
                                   0, -3,  1, 2, 0,
                                   0, -3, -1, 4, 6};

// Points 0, 1, -1, 2, -2, infinity.
static const int8_t kInputF4[] = {4,  0, -5,  0, 1, 0,
                                  0, -4, -4,  1, 1, 0,
                                  0,  4, -4, -1, 1, 0,
                                  0, -2, -1,  2, 1, 0,
                                  0,  2, -1, -2, 1, 0,
                                  0,  4,  0, -5, 0, 1};
static const int8_t kWeightsF4[] = {1,  0, 0,
                                    1,  1, 1,
                                    1, -1, 1,
                                    1,  2, 4,
                                    1, -2, 4,
                                    0,  0, 1};
static const int8_t kOutputF4[] = {6, -4, -4, 1,  1,  0,
                                   0, -4,  4, 2, -2,  0,
                                   0, -4, -4, 4,  4,  0,
                                   0, -4,  4, 8, -8, 24};

// Modulo x, x - 1, x + 1, x^2 + 1 (three products, Karatsuba), infinity.
static const int8_t kInputQ4[] = {1,  0,  0,  0, -1, 0,
                                  0,  1,  1,  1,  1, 0,
                                  0, -1,  1, -1,  1, 0,
                                  0, -1, -1,  1,  1, 0,
                                  0, -1,  1,  1, -1, 0,
                                  0,  1,  0, -1,  0, 0,
                                  0, -1,  0,  0,  0, 1};
static const int8_t kWeightsQ4[] = {1,  0,  0,
                                    1,  1,  1,
                                    1, -1,  1,
                                    1,  0, -1,
                                    0,  1,  0,
                                    1,  1, -1,
                                    0,  0,  1};
static const int8_t kOutputQ4[] = {4, 1,  1,  2,  0,  2, 0,
                                   0, 1, -1,  0,  2,  2, 0,
                                   0, 1,  1, -2,  0, -2, 0,
                                   0, 1, -1,  0, -2, -2, 4};
// clang-format on

int64_t IntMatrix::positive(int64_t row) const {
  int64_t sum = 0;
  for (int64_t column = 0; column < columns; ++column)
    sum += std::max<int64_t>(at(row, column), 0);
  return sum;
}

int64_t IntMatrix::negative(int64_t row) const {
  int64_t sum = 0;
  for (int64_t column = 0; column < columns; ++column)
    sum += std::max<int64_t>(-at(row, column), 0);
  return sum;
}

int64_t IntMatrix::norm() const {
  int64_t largest = 0;
  for (int64_t row = 0; row < rows; ++row)
    largest = std::max(largest, positive(row) + negative(row));
  return largest;
}

static FilterMatrices matrices(int64_t outputs, int64_t products, int64_t scale,
                               llvm::ArrayRef<int8_t> input,
                               llvm::ArrayRef<int8_t> weights,
                               llvm::ArrayRef<int8_t> output) {
  return {scale,
          {products, outputs + kFilterTaps - 1, input},
          {products, kFilterTaps, weights},
          {outputs, products, output}};
}

const FilterMatrices &ulq::filterMatrices(Filter filter) {
  static const FilterMatrices table[] = {
      matrices(2, 4, 2, kInputF2, kWeightsF2, kOutputF2),
      matrices(3, 5, 6, kInputF3, kWeightsF3, kOutputF3),
      matrices(4, 6, 24, kInputF4, kWeightsF4, kOutputF4),
      matrices(4, 7, 4, kInputQ4, kWeightsQ4, kOutputQ4)};
  return table[static_cast<uint32_t>(filter)];
}
