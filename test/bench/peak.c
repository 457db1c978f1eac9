//===- peak.c - the rate of 8-bit multiply-adds on registers --------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
//
// Each function runs `rounds` rounds of independent multiply-adds on operands
// that stay in registers, and returns how many products a round has. No kernel
// on the same instructions, with operands to load, is faster.
//
//===----------------------------------------------------------------------===//

#include <immintrin.h>
#include <stdint.h>

enum { SUMS = 12 }; // enough to hide the latency, few enough for registers

// Keeps the compiler from computing a product once, or not at all.
#define OPAQUE(VALUE) __asm__ volatile("" : "+v"(VALUE))

#define PEAK(NAME, TARGET, VECTOR, ZERO, STEP)                                 \
  __attribute__((target(TARGET))) int64_t NAME(int64_t rounds) {               \
    VECTOR sums[SUMS], a = ZERO, b = ZERO;                                     \
    for (int i = 0; i < SUMS; ++i)                                             \
      sums[i] = ZERO;                                                          \
    for (int64_t round = 0; round < rounds; ++round)                           \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; ++i) {      \
        OPAQUE(a);                                                             \
        OPAQUE(b);                                                             \
        sums[i] = STEP;                                                        \
        OPAQUE(sums[i]);                                                       \
      }                                                                        \
    return SUMS * (int64_t)sizeof(VECTOR);                                     \
  }

// Four products to a 32-bit sum in one instruction.
PEAK(avx512vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(),
     _mm512_dpbusd_epi32(sums[i], a, b))

// Two products to a 16-bit sum, and its addition; widening the sums before they
// overflow would come on top.
PEAK(avx512bw, "avx512f,avx512bw", __m512i, _mm512_setzero_si512(),
     _mm512_add_epi16(sums[i], _mm512_maddubs_epi16(a, b)))
PEAK(avx2, "avx2", __m256i, _mm256_setzero_si256(),
     _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(a, b)))
