//===- Workgroups.h - how many parts a dispatch has -----------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef ULQ_LOWERING_WORKGROUPS_H
#define ULQ_LOWERING_WORKGROUPS_H

#include "lowering/kernels/Kernel.h"

namespace ulq {

/// A dispatch computes `rows` parts of the rows by `panels` parts of the panels
/// of weights; `block` rows are gathered at a time.
struct Division {
  int64_t rows, panels, block;

  int64_t parts() const { return rows * panels; }
};

/// The division of a layer into at most `most` parts.
Division divide(const LayerShape &shape, const Kernel &kernel,
                const Candidate &tile, int64_t most);

/// Workgroups beyond the parts of a dispatch, in which threads wait for the
/// last of them. A thread without work goes to sleep soon, and waking it takes
/// longer than many a dispatch.
int64_t waitingWorkgroups(int64_t parts);

/// How many of the parts of a dispatch, each with so many bytes of scratch
/// memory, can be computed at the same time.
int64_t scratchMemories(int64_t parts, int64_t bytes);

/// The most parts for work of so many cycles.
int64_t usefulParts(double cycles, int64_t most);

} // namespace ulq

#endif // ULQ_LOWERING_WORKGROUPS_H
