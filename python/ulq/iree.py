"""The last stage: the module that ulq-opt wrote, and the float parts of the model, to a .vmfb by IREE's compiler.

The float parts are ONNX models of their own; each becomes a private function on builtin tensors that IREE inlines
where `@main` calls it. IREE's compiler runs in this process.
"""

import ctypes
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx
from iree.compiler import ir
from iree.compiler.api import Output, Session, ctypes_dl

from ulq import float_lowering, versions
from ulq.errors import UlqError
from ulq.targets import Target

FLAGS = (
    "--iree-opt-level=O3",
    # The demotion pass would compute f64 epilogues in f32, and drops the scalable flag of vectors.
    "--iree-input-demote-f64-to-f32=false",
)
METADATA = "ulq.metadata"  # key of the reflection attribute of @main
PLACE = re.compile(r"^(-:\d+:\d+|loc\(unknown\)): ")  # in front of IREE's messages
LAYERS = "ulq.layers"  # module attribute of ulq-report-layers
NOTES = "ulq.notes"  # module attribute of ulq-select-kernel


@dataclass
class Module:
    """A module on its way into IREE: it lives in the context of its compiler session."""

    session: Session
    module: ir.Module
    layers: list[dict] = field(default_factory=list)  # rows of the report, in execution order
    notes: list[str] = field(default_factory=list)  # remarks of ulq-opt
    segments: Sequence[onnx.ModelProto] = ()  # the float parts, to name the node that IREE cannot compile
    target: Target | None = None  # of IREE's own code

    def text(self) -> str:
        """The module as generic MLIR text."""
        with self.session.context:
            return self.module.operation.get_asm(print_generic_op_form=True)


def build(texts: Sequence[str], segments: Sequence[onnx.ModelProto], targets: Sequence[Target]) -> Module:
    """Parses what ulq-opt wrote for each target, fills in the float functions and names the device.

    `targets` are ordered from the plainest to the best; IREE's own code is compiled for the plainest. `segments[i]` is
    the ONNX model behind the private declaration `@onnx_segment_<i>`.
    Raises UlqError where IREE cannot read a module or has no lowering for an operator of a segment.
    """
    session = _session()
    with session.context, ir.Location.unknown():
        modules = [_parse(text) for text in texts]
        layers = [layer for module in modules for layer in _take(module, LAYERS)]
        notes = list(dict.fromkeys(note for module in modules for note in _take(module, NOTES)))
        module = modules[0] if len(modules) == 1 else versions.merge(modules, targets)
        _define_segments(module, segments)
        _set_device(module, targets[0])
    return Module(session, module, layers, notes, segments, targets[0])


def _session() -> Session:
    session = Session()
    session.set_flags(*FLAGS)
    # An operation that IREE does not know would end its pipeline in a crash: let the parser report it.
    session.context.allow_unregistered_dialects = False
    return session


def _set_device(module: ir.Module, target: Target) -> None:
    module.operation.attributes["hal.device.targets"] = ir.Attribute.parse(
        f'[#hal.device.target<"local", [{target.attribute}]> : !hal.device]'
    )


def link(module: Module, metadata: Mapping) -> bytes:
    """Compiles the module to the bytes of a .vmfb, with `metadata` as a reflection attribute of `@main`, to which the
    list of dispatches is added.

    Raises UlqError with IREE's first error, and the node that it is about where that compiles no better alone.
    """
    try:
        return _linked(module, metadata)
    except UlqError as error:
        raise _refusal(module) or error from None


def _linked(module: Module, metadata: Mapping) -> bytes:
    with module.session.context, ir.Location.unknown():
        invocation = module.session.invocation()
        errors = _Errors(invocation)
        invocation.import_module(module.module.operation)
        _execute(invocation, errors, "start", "hal")
        described = {**metadata, "dispatches": _dispatches(module.module)}
        reflection = ir.StringAttr.get(json.dumps(described, sort_keys=True, separators=(",", ":")))
        main = ir.SymbolTable(module.module.operation)["main"].attributes
        kept = {entry.name: entry.attr for entry in main["iree.reflection"]} if "iree.reflection" in main else {}
        main["iree.reflection"] = ir.DictAttr.get({**kept, METADATA: reflection})
        _execute(invocation, errors, "hal", "end")
        output = Output.open_membuffer()
        try:
            invocation.output_vm_bytecode(output)
        except ValueError as error:
            raise UlqError(f"IREE could not write the program: {errors.first() or error}") from None
        return bytes(output.map_memory())


def _refusal(module: Module) -> UlqError | None:
    """Names the first node of a float segment that fails on its own, or else the first segment."""
    singles = [float_lowering.single_node(model, node) for model in module.segments for node in model.graph.node]
    for model in (*singles, *module.segments):
        reason = _failure(model, module.target)
        if reason:
            return UlqError(f"{float_lowering.named_nodes(model)}: IREE could not compile it: {reason}")
    return None


def _failure(model: onnx.ModelProto, target: Target) -> str:
    """The first error of compiling a model by IREE alone, empty where there is none."""
    session = _session()
    with session.context, ir.Location.unknown():
        module = _parse(float_lowering.lower({"main": model}))
        _set_device(module, target)
        invocation = session.invocation()
        errors = _Errors(invocation)
        invocation.import_module(module.operation)
        return "" if invocation.execute() else errors.first() or "no reason given"


def _execute(invocation, errors: "_Errors", first: str, last: str) -> None:
    """Runs the phases of IREE's compiler after `first` up to `last`; IREE's Python API knows whole runs only."""
    for function, phase in (
        (ctypes_dl._dylib.ireeCompilerInvocationSetCompileFromPhase, first),
        (ctypes_dl._dylib.ireeCompilerInvocationSetCompileToPhase, last),
    ):
        function.restype, function.argtypes = None, [ctypes.c_void_p, ctypes.c_char_p]
        function(invocation._inv_p, phase.encode())
    if not invocation.execute():
        raise UlqError(f"IREE could not compile the program: {errors.first() or 'no reason given'}")


def _dispatches(module: ir.Module) -> list[dict]:
    """Function and workgroups of each dispatch of a module in the phase `hal`, in the order of the module."""
    rows: list[dict] = []

    def visit(operation: ir.Operation) -> ir.WalkResult:
        if operation.name == "hal.command_buffer.dispatch":
            function, *counts = (operand.owner for operand in list(operation.operands)[2:6])
            known = all(getattr(count, "name", "") == "arith.constant" for count in counts)
            row = {"name": str(function.attributes["entry_point"]).rsplit("@", 1)[1].strip('"')}
            if known:
                row["workgroups"] = math.prod(ir.IntegerAttr(count.attributes["value"]).value for count in counts)
            rows.append(row)
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit, ir.WalkOrder.PRE_ORDER)
    return rows


def _define_segments(module: ir.Module, segments: Sequence[onnx.ModelProto]) -> None:
    """Replaces the declarations of float segments by functions; ulq-opt may have dropped some that nobody calls."""
    symbols = ir.SymbolTable(module.operation)
    called = {f"onnx_segment_{index}": model for index, model in enumerate(segments)}
    called = {symbol: model for symbol, model in called.items() if symbol in symbols}
    if not called:
        return
    for symbol in called:
        symbols.erase(symbols[symbol])
    lowered = _parse(float_lowering.lower(called))
    for function in list(lowered.body.operations):
        for name in [name for name in function.attributes if name.startswith("torch.")]:
            del function.attributes[name]
        function.attributes["sym_visibility"] = ir.StringAttr.get("private")
        module.body.append(function)


# --- attributes and diagnostics ----------------------------------------------


def _take(module: ir.Module, name: str) -> list:
    """What ulq-opt left in an array attribute of the module, and removes it."""
    attributes = module.operation.attributes
    if name not in attributes:
        return []
    values = _plain(attributes[name])
    del attributes[name]
    return values


def _plain(attribute: ir.Attribute):
    """The Python value of a dictionary, array, string, bool, integer or float attribute."""
    if isinstance(attribute, ir.ArrayAttr):
        return [_plain(element) for element in attribute]
    if isinstance(attribute, ir.DictAttr):
        return {entry.name: _plain(entry.attr) for entry in attribute}
    return attribute.value


def _parse(text: str) -> ir.Module:
    try:
        return ir.Module.parse(text)
    except ir.MLIRError as error:
        raise UlqError(f"IREE cannot read what ulq-opt wrote: {_first_diagnostic(error)}") from None


def _first_diagnostic(error: ir.MLIRError) -> str:
    return _first_line(error.error_diagnostics[0].message if error.error_diagnostics else error)


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class _Errors:
    """Collects the errors of an invocation.

    IREE's Python API only prints diagnostics. The callback of its C API is used instead of a handler on the Python
    context, which would run without the interpreter lock.
    """

    CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    ERROR = 2  # IREE_COMPILER_DIAGNOSTIC_SEVERITY_ERROR

    def __init__(self, invocation):
        self.messages: list[str] = []
        self._callback = self.CALLBACK(self._receive)  # kept: C holds no reference
        enable = ctypes_dl._dylib.ireeCompilerInvocationEnableCallbackDiagnostics
        enable.restype, enable.argtypes = None, [ctypes.c_void_p, ctypes.c_int, self.CALLBACK, ctypes.c_void_p]
        enable(invocation._inv_p, 0, self._callback, None)

    def _receive(self, severity, message, length, _):
        if severity == self.ERROR:
            self.messages.append(ctypes.string_at(message, length).decode(errors="replace"))

    def first(self) -> str:
        """The first line of the first error without its place in IREE's module, empty where there was none."""
        return PLACE.sub("", _first_line(self.messages[0])) if self.messages else ""
