"""One program for several CPUs: the module of each target side by side, and a `@main` that asks the CPU.

Kernels differ in their weight layouts from one instruction set to the next, so a whole version of the model is the
unit; IREE keeps equal constants once.
"""

from collections.abc import Sequence

from iree.compiler import ir

from ulq.targets import Target

LIMIT = "ulq_limit"  # exported: `@main` shall call no version after number i, counted from the plainest


def merge(modules: Sequence[ir.Module], targets: Sequence[Target]) -> ir.Module:
    """Moves the versions into the first module and returns it; `targets` are ordered from the plainest to the best.

    Every symbol but the float segments, which the versions share, gets the name of its instruction set.
    """
    types = ir.FunctionType(ir.TypeAttr(ir.SymbolTable(modules[0].operation)["main"].attributes["function_type"]).value)
    merged = modules[0]
    for module, target in zip(modules, targets, strict=True):
        operations = [operation for operation in module.body.operations if not _is_declaration(operation)]
        for operation in operations:
            _rename(module, operation, target)
        if module is not merged:
            for operation in operations:  # after all renaming, which reaches uses inside one module only
                merged.body.append(operation)
    main = ir.Module.parse(_dispatcher(types, targets))
    for operation in list(main.body.operations):
        if not _is_declaration(operation):
            merged.body.append(operation)
    return merged


def _is_declaration(operation) -> bool:
    return operation.operation.name == "func.func" and not operation.regions[0].blocks


def _rename(module: ir.Module, operation, target: Target) -> None:
    name = ir.SymbolTable.get_symbol_name(operation).value
    ir.SymbolTable.replace_all_symbol_uses(name, f"{name}_{target.isa}", module.operation)
    ir.SymbolTable.set_symbol_name(operation, f"{name}_{target.isa}")
    operation.attributes["sym_visibility"] = ir.StringAttr.get("private")


def _dispatcher(types: ir.FunctionType, targets: Sequence[Target]) -> str:
    """`@main`, which calls the best version whose CPU features are all there.

    The query stands in a function, not in an initializer: IREE reads the CPU's features when it loads the first
    executable.
    """
    arguments = ", ".join(f"%a{index}: {type}" for index, type in enumerate(types.inputs))
    results = ", ".join(str(type) for type in types.results)
    functions = [f"func.func private @main_{target.isa}{types}\n" for target in targets]
    functions += [_limit(len(targets) - 1)]
    functions += [_has_features(target, number) for number, target in enumerate(targets[1:], start=1)]
    body = _call(types, targets[0])
    for target in targets[1:]:
        body = (
            f"%has_{target.isa} = util.call @ulq_cpu_has_{target.isa}() : () -> i1\n"
            f"%r:{len(types.results)} = scf.if %has_{target.isa} -> ({results}) {{\n"
            f"{_call(types, target)}scf.yield {_values(types)} : {results}\n}} else {{\n"
            f"{body}scf.yield {_values(types)} : {results}\n}}\n"
        )
    main = f"func.func @main({arguments}) -> ({results}) {{\n{body}return {_values(types)} : {results}\n}}\n"
    return f"module {{\n{''.join(functions)}{main}}}"


def _call(types: ir.FunctionType, target: Target) -> str:
    arguments = ", ".join(f"%a{index}" for index in range(len(types.inputs)))
    return f"%r:{len(types.results)} = func.call @main_{target.isa}({arguments}) : {types}\n"


def _values(types: ir.FunctionType) -> str:
    return ", ".join(f"%r#{index}" for index in range(len(types.results)))


def _limit(last: int) -> str:
    return (
        f"util.global private mutable @ulq_last_version = {last} : i32\n"
        f"func.func @{LIMIT}(%last: i32) {{\nutil.global.store %last, @ulq_last_version : i32\nreturn\n}}\n"
    )


def _has_features(target: Target, number: int) -> str:
    """A function that says whether the CPU has what the target's kernels need beyond the architecture, and the
    version with that number is allowed."""
    lines = [
        f"util.func private @ulq_cpu_has_{target.isa}() -> i1 {{",
        "%c0 = arith.constant 0 : index",
        "%device = hal.devices.get %c0 : !hal.device",
        "%all0 = arith.constant 1 : i32",
    ]
    for index, feature in enumerate(target.queried):
        key = f'key("hal.cpu" :: "{feature}")'
        lines += [
            f"%ok{index}, %v{index} = hal.device.query<%device : !hal.device> {key} : i1, i32 = 0 : i32",
            f"%all{index + 1} = arith.andi %all{index}, %v{index} : i32",
        ]
    lines += [
        "%zero = arith.constant 0 : i32",
        f"%has = arith.cmpi ne, %all{len(target.queried)}, %zero : i32",
        f"%number = arith.constant {number} : i32",
        "%last = util.global.load @ulq_last_version : i32",
        "%allowed = arith.cmpi sge, %last, %number : i32",
        "%chosen = arith.andi %has, %allowed : i1",
        "util.return %chosen : i1",
        "}\n",
    ]
    return "\n".join(lines)
