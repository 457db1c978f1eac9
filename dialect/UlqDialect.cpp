//===- UlqDialect.cpp - registration --------------------------------------===//
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ulq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ulq;

#include "dialect/UlqDialect.cpp.inc"
#include "dialect/UlqEnums.cpp.inc"

/// `[a, b]` with as many digits as each number needs.
static void printNumbers(AsmPrinter &printer, DenseF64ArrayAttr numbers) {
  printer << "[";
  llvm::interleaveComma(numbers.asArrayRef(), printer, [&](double number) {
    printer.printFloat(APFloat(number));
  });
  printer << "]";
}

#define GET_ATTRDEF_CLASSES
#include "dialect/UlqAttrs.cpp.inc"

void UlqDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/UlqAttrs.cpp.inc"
      >();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialect/UlqOps.cpp.inc"
      >();
}

Operation *UlqDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                           Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || !isa<RankedTensorType>(type))
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}
