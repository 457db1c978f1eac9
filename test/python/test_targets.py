"""The target table: names, aliases, lists, CPU flags."""

import platform

import pytest
from iree.compiler import ir
from iree.compiler.api import Session

import ulq
from ulq import targets

X86_FLAGS = frozenset(targets.TARGETS["x86-64-v4"].cpu_flags)
ICELAKE_FLAGS = frozenset(targets.TARGETS["icelake-server"].cpu_flags)
V2_FLAGS = frozenset(targets.TARGETS["x86-64-v2"].cpu_flags)


def on(monkeypatch, machine, flags=()):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(targets, "host_cpu_flags", lambda: frozenset(flags))


@pytest.mark.parametrize("name", targets.TARGETS)
def test_attribute_is_what_iree_parses(name):
    target = targets.TARGETS[name]
    with Session().context as context:
        context.load_all_available_dialects()
        attribute = ir.Attribute.parse(target.attribute)
    assert target.family.executable_format in str(attribute)


@pytest.mark.parametrize(
    ("machine", "flags", "host"),
    [
        ("x86_64", ICELAKE_FLAGS, "icelake-server"),
        ("x86_64", ICELAKE_FLAGS - {"avx512_bitalg"}, "x86-64-v4"),
        ("x86_64", X86_FLAGS, "x86-64-v4"),
        ("x86_64", X86_FLAGS - {"avx512_vnni"}, "skylake-avx512"),
        ("x86_64", X86_FLAGS - {"avx512bw", "avx512_vnni"}, "x86-64-v3"),
        ("x86_64", X86_FLAGS - {"avx512bw"} | {"avx_vnni"}, "alderlake"),
        ("x86_64", X86_FLAGS | {"avx_vnni"}, "x86-64-v4"),
        ("x86_64", X86_FLAGS - {"fma"} | V2_FLAGS, "x86-64-v2"),
        ("x86_64", X86_FLAGS - {"fma"}, "x86-64"),
        ("AMD64", (), "x86-64"),
        ("aarch64", ("fp", "asimd"), "aarch64"),
        ("arm64", (), "aarch64"),
    ],
)
def test_host_is_the_best_row(monkeypatch, machine, flags, host):
    on(monkeypatch, machine, flags)
    assert targets.lookup("host").name == host


def test_generic_is_the_plainest_row(monkeypatch):
    on(monkeypatch, "x86_64", X86_FLAGS)
    assert targets.lookup("generic").isa == "generic"


def test_unknown_machine(monkeypatch):
    on(monkeypatch, "riscv64")
    with pytest.raises(ulq.UlqError, match="no target for this machine's architecture, riscv64"):
        targets.lookup("host")
    assert targets.lookup("aarch64").isa == "neon"


def test_list_is_ordered_and_without_repetition():
    names = ["x86-64-v4", "x86-64-v3", "x86-64-v4"]
    assert [target.name for target in targets.resolve(names)] == ["x86-64-v3", "x86-64-v4"]
    assert [target.name for target in targets.resolve("aarch64")] == ["aarch64"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("x86", "unknown target 'x86', expected one of host, generic, x86-64,"),
        ([], "no target given"),
        (["aarch64", "x86-64"], "must share an architecture, got x86-64 and aarch64"),
        (["alderlake", "x86-64-v2"], "alderlake cannot be told from x86-64-v2 at run time: compile it alone"),
        ([1], "expected the name of a target, got int"),
        (1, "expected the name of a target, got int"),
        (None, "expected the name of a target, got NoneType"),
    ],
)
def test_refuses(names, message):
    with pytest.raises(ulq.UlqError, match=message):
        targets.resolve(names)


def test_missing_flags(monkeypatch):
    on(monkeypatch, "x86_64", X86_FLAGS - {"fma", "avx512_vnni"})
    assert targets.TARGETS["x86-64-v4"].missing_flags() == ["fma", "avx512_vnni"]
    assert not targets.TARGETS["x86-64-v4"].runs_here()
    assert targets.TARGETS["x86-64"].runs_here()
    assert not targets.TARGETS["aarch64"].runs_here()
