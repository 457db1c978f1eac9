//===- StoragePlan.h - how wide codes are stored --------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_STORAGEPLAN_H
#define ULQ_LOWERING_STORAGEPLAN_H

#include "dialect/Ulq.h"
#include "mlir/IR/BuiltinOps.h"

namespace ulq {

/// Whether an operation makes packed codes, and reads them where it reads
/// codes, once it has a kernel.
bool isOnPackedCodes(mlir::Operation *op);

/// Whether some reader takes packed codes, maybe behind `Movements`.
template <typename... Movements>
bool isReadPacked(mlir::Value codes) {
  return llvm::any_of(codes.getUsers(), [](mlir::Operation *user) {
    return isOnPackedCodes(user) ||
           (llvm::isa<Movements...>(user) &&
            isReadPacked<Movements...>(user->getResult(0)));
  });
}

/// The type of plain codes that are stored in so many bits each.
PackedType packedType(mlir::Type plain, int64_t bits);

/// Storage widths of the code tensors around layers, pools, lookups and
/// movements.
class StoragePlan {
public:
  /// `byGroups` tells whether a layer is to be computed group by group.
  StoragePlan(mlir::ModuleOp module,
              llvm::function_ref<bool(LayerOp)> byGroups);

  int64_t bits(mlir::Value value) const;
  /// Whether every group of channels starts at a byte.
  bool groupsAtBytes(LayerOp op) const;
  PackedType typeOf(mlir::Value value) const;

private:
  /// Stores both in bytes unless their widths are equal.
  bool equalize(mlir::Value lhs, mlir::Value rhs);
  void widenUnaligned(LayerOp op);

  llvm::DenseSet<mlir::Value> wide;
};

/// Code results become packed, behind an unpack for users of plain tensors.
void packResults(mlir::Operation *op, const StoragePlan &plan);

/// Code operands become packed.
void packOperands(mlir::Operation *op, const StoragePlan &plan,
                  llvm::DenseMap<mlir::Value, mlir::Value> &packed);

} // namespace ulq

#endif // ULQ_LOWERING_STORAGEPLAN_H
