//===- Kernels.cpp - the table of kernels ---------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "lowering/kernels/Kernel.h"

namespace ulq {

#define ULQ_KERNEL(NAME) llvm::ArrayRef<const Kernel *> get##NAME##Kernels();
#include "lowering/kernels/Kernels.inc"
#undef ULQ_KERNEL

llvm::ArrayRef<const Kernel *> allKernels() {
  static const llvm::SmallVector<const Kernel *> kernels = [] {
    llvm::SmallVector<const Kernel *> all;
#define ULQ_KERNEL(NAME) llvm::append_range(all, get##NAME##Kernels());
#include "lowering/kernels/Kernels.inc"
#undef ULQ_KERNEL
    return all;
  }();
  return kernels;
}

const Kernel *lookupKernel(llvm::StringRef name) {
  for (const Kernel *kernel : allKernels())
    if (kernel->name() == name)
      return kernel;
  return nullptr;
}

llvm::SmallVector<int64_t> expandedOrder(int64_t channels,
                                         int64_t storageBits) {
  int64_t codesPerByte = 8 / storageBits;
  int64_t left = (channels * storageBits + 7) / 8;
  llvm::SmallVector<int64_t> order;
  for (int64_t chunk = 64, byte = 0; left > 0;) {
    if (chunk > left) {
      chunk /= 2;
      continue;
    }
    for (int64_t run = 0; run < codesPerByte; ++run)
      for (int64_t i = 0; i < chunk; ++i) {
        int64_t channel = (byte + i) * codesPerByte + run;
        order.push_back(channel < channels ? channel : -1);
      }
    byte += chunk;
    left -= chunk;
  }
  return order;
}

} // namespace ulq
