//===- CodeMovement.h - data movement on the code side --------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_CODEMOVEMENT_H
#define ULQ_LOWERING_CODEMOVEMENT_H

#include "mlir/IR/PatternMatch.h"

namespace ulq {

bool isIntegral(double value);

/// The type of unsigned codes up to `largest`, of the shape of `like`.
mlir::RankedTensorType unsignedCodes(mlir::Value like, int64_t largest);

/// transpose, reshape, slice and concat of dequantized or recoded codes become
/// dequantize or recode of moved codes, so that products and pools find the
/// codes.
void populateCodeMovementPatterns(mlir::RewritePatternSet &patterns);

/// Lookups move in front of transposes and reshapes, and take recodes in.
void populateLookupPatterns(mlir::RewritePatternSet &patterns);

/// Slices, concats and quantizers move in front of transposes, so that those of
/// two layers meet and cancel.
void populateTransposeSinkPatterns(mlir::RewritePatternSet &patterns);

/// A dequantized quantizer of the maximum pool of a product, or of a concat,
/// moves in front of it, with the elementwise operations between: so that it
/// becomes part of the layers that it quantizes, and codes are pooled or
/// joined.
void populateHoistQuantizerPatterns(mlir::RewritePatternSet &patterns);

/// Quantizers, and codes that a model is handed, get unsigned codes from 0 and
/// a recode; recodes become part of zero points.
void populateUnsignedCodePatterns(mlir::RewritePatternSet &patterns);

} // namespace ulq

#endif // ULQ_LOWERING_CODEMOVEMENT_H
