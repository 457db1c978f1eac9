"""Building a module of MLIR: functions, and operations by name over values; ulq-opt verifies them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from iree.compiler import ir

from ulq.attributes import attribute, names
from ulq.codes import Grid, Shape
from ulq.values import Value, element_of


class ModuleBuilder:
    """Emits functions, and operations into `@main`. Call inside `with builder:`."""

    def __init__(self):
        self.context = ir.Context()
        self.context.allow_unregistered_dialects = True
        # Gives a value of an open segment its IR value, or raises.
        self.resolve: Callable[[Value], None] = lambda value: None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.context)
        self._stack.enter_context(ir.Location.unknown())
        self.module = ir.Module.create()
        return self

    def __exit__(self, *exception) -> None:
        self._stack.close()

    # --- functions -----------------------------------------------------------

    def begin_main(self, inputs: Sequence[tuple[str, Value]]) -> None:
        """Opens `@main`; the input values get their arguments."""
        types = [self.tensor_type(value.shape, element_of(value.dtype)) for _, value in inputs]
        self._main = self._function("main", types, [])
        block = self._main.regions[0].blocks.append(*types, arg_locs=[ir.Location.name(name) for name, _ in inputs])
        for argument, (_, value) in zip(block.arguments, inputs, strict=True):
            value.ir = argument
        self._names = [name for name, _ in inputs]
        self._stack.enter_context(ir.InsertionPoint(block))

    def end_main(self, outputs: Sequence[tuple[str, Value]]) -> None:
        operands = [self.operand(value) for _, value in outputs]
        ir.Operation.create("func.return", operands=operands)
        arguments = [argument.type for argument in self._main.regions[0].blocks[0].arguments]
        function_type = ir.FunctionType.get(arguments, [operand.type for operand in operands])
        self._main.attributes["function_type"] = ir.TypeAttr.get(function_type)
        self._main.attributes["arg_attrs"] = names(self._names)
        self._main.attributes["res_attrs"] = names([name for name, _ in outputs])

    def call(self, callee: str, operands: Sequence[ir.Value], results: Sequence[ir.Type]) -> list[ir.Value]:
        """Declares a private function and calls it."""
        types = [operand.type for operand in operands]
        declaration = self._function(callee, types, results)
        declaration.attributes["sym_visibility"] = ir.StringAttr.get("private")
        attributes = {"callee": ir.FlatSymbolRefAttr.get(callee)}
        call = ir.Operation.create("func.call", operands=operands, results=list(results), attributes=attributes)
        return list(call.results)

    def _function(self, name: str, inputs, results) -> ir.Operation:
        with ir.InsertionPoint(self.module.body):
            function_type = ir.TypeAttr.get(ir.FunctionType.get(list(inputs), list(results)))
            attributes = {"sym_name": ir.StringAttr.get(name), "function_type": function_type}
            return ir.Operation.create("func.func", regions=1, attributes=attributes)

    def at(self, name: str) -> ir.Location:
        """A context: operations made inside carry the name as their location."""
        return ir.Location.name(name)

    def text(self) -> str:
        return self.module.operation.get_asm(print_generic_op_form=True, enable_debug_info=True)

    # --- values --------------------------------------------------------------

    def tensor_type(self, shape: Shape, element: str) -> ir.Type:
        extents = [ir.ShapedType.get_dynamic_size() if extent is None else extent for extent in shape]
        return ir.RankedTensorType.get(extents, ir.Type.parse(element))

    def operand(self, value: Value) -> ir.Value:
        """The IR value in the element type that it has: codes stay codes."""
        if value.ir is None and value.is_const:
            value.ir = self._constant(value)
        if value.ir is None and value.waiting:
            value.ir = value.waiting.emit()
        if value.ir is None:
            self.resolve(value)
        return value.ir

    def real(self, value: Value) -> ir.Value:
        """The value in f32; codes are taken as integers."""
        if value.is_codes:
            return self._emit("dequantize", [self.operand(value)], value.shape, "f32", **grid_attributes(Grid()))
        return self.operand(value)

    def _constant(self, value: Value) -> ir.Value:
        if value.codes is None:
            return self._dense(value.const, element_of(value.dtype))
        codes = self._dense(value.codes.values, value.codes.element)
        return self._emit("dequantize", [codes], value.shape, "f32", **grid_attributes(value.codes.grid))

    def _dense(self, array: np.ndarray, element: str) -> ir.Value:
        carrier = {"f32": np.float32, "i32": np.int32, "i16": np.int16, "i64": np.int64}.get(element)
        carrier = carrier or (np.int8 if element.startswith("s") else np.uint8)
        data = np.ascontiguousarray(array).astype(carrier)
        attribute = ir.DenseElementsAttr.get(data, shape=list(array.shape))
        return self._emit("constant", [], array.shape, element, value=attribute)

    def _emit(self, name: str, operands: Sequence[ir.Value], shape: Shape, element: str, **attributes) -> ir.Value:
        attributes = {key.replace("__", "."): attribute(item) for key, item in attributes.items()}
        result = self.tensor_type(shape, element)
        return ir.Operation.create(f"ulq.{name}", [result], list(operands), attributes).result


def grid_attributes(grid: Grid) -> dict:
    return {"scale": grid.scale, "zeroPoint": grid.zero, "axis": grid.axis}
