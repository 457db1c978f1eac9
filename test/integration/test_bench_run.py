"""The benchmark driver on tiny networks: the shape of its results, and one clear line for what it cannot do."""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
ROW = {"workload", "bits", "engine", "threads", "isa", "ms", "lo", "hi"}
QUICK = ("--size", "32", "--width", "0.125", "--rounds", "2", "--seconds", "0.001", "--threads", "1")


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(BENCH / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> tuple[dict, str, Path]:
    """Results, printed tables and folder of one run."""
    folder = tmp_path_factory.mktemp("bench")
    engines = ("--engines", "ulq,ort-int8,ort-fp32,ort-same", "--networks", "resnet18,digits", "--bits", "w2a2,w8a8")
    files = ("--json", folder / "results.json", "--markdown", folder / "results.md")
    done = run("--suite", "e2e", *engines, *QUICK, *files)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text()), done.stdout, folder


def test_results_have_a_row_for_each_engine_and_width(results):
    data, _, _ = results
    assert {"machine", "versions", "rows"} <= data.keys()
    assert {"ulq", "onnxruntime"} <= data["versions"].keys()
    assert all(row.keys() >= ROW for row in data["rows"])
    measured = [(row["workload"], row["bits"], row["engine"], row["threads"], row["isa"]) for row in data["rows"]]
    small = [
        ("resnet18 32 x0.125", *engine, 1, "host")
        for engine in (("w8a8", "ort-int8"), ("fp32", "ort-fp32"), ("w2a2", "ulq"), ("w8a8", "ulq"))
    ]
    assert sorted(measured) == sorted(
        [*small, ("digits", "w2a2", "ort-same", 1, "host"), ("digits", "w2a2", "ulq", 1, "host")]
    )
    assert all(0 < row["lo"] <= row["ms"] <= row["hi"] for row in data["rows"])


def test_engines_on_one_file_agree(results):
    compared = {row["workload"]: row["agreement"] for row in results[0]["rows"] if row["agreement"] is not None}
    assert compared.keys() == {"resnet18 32 x0.125", "digits"}
    assert min(compared.values()) > 0.95


def test_tables_follow_from_the_file_alone(results):
    _, printed, folder = results
    assert (folder / "results.md").read_text() == printed
    assert run("--from", folder / "results.json").stdout == printed
    assert "| ulq w2a2 |" in printed
    assert ", 1.00x" in printed


def test_a_layer_is_compared_with_the_own_int8_kernel(tmp_path):
    engines = ("--engines", "ulq,ort-int8", "--bits", "w2a2", "--families", "auto,lut", "--layers", "1x1/2 14")
    done = run("--suite", "conv", *engines, *QUICK, "--json", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr
    rows = {(row["engine"], row["bits"]): row for row in json.loads((tmp_path / "r.json").read_text())["rows"]}
    assert rows.keys() == {("ort-int8", "w8a8"), ("ulq", "w2a2"), ("ulq:lut", "w2a2"), ("ulq:dot", "w8a8")}
    assert rows["ulq:lut", "w2a2"]["kernel"] == "lut"
    assert rows["ulq:dot", "w8a8"]["kernel"] == "dot"
    assert {row["macs"] for row in rows.values()} == {7 * 7 * 512 * 256}


def test_a_missing_engine_is_reported(results, tmp_path):
    """An interpreter without site packages of the peers: here, one whose OpenVINO is hidden."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n"
        "real = m.version\n"
        "def version(name):\n"
        "    if name == 'openvino': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
    )
    done = subprocess.run(
        [sys.executable, str(BENCH / "run.py"), "--suite", "e2e", "--networks", "digits", "--engines", "ulq,ov-int8"]
        + ["--json", str(tmp_path / "r.json"), *QUICK],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert "skipping ov-int8: openvino is not installed" in done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["missing"] == ["ov-int8"]
    assert "Not installed: ov-int8" in done.stdout


def test_ratios_are_to_peers_that_are_restricted_too(tmp_path):
    engines = {"ulq": "bits", "ov-int8": "int8", "ort-int8": "int8"}
    about = {"cpu": "a CPU", "cores": 2, "instruction_sets": ["AMX int8"], "load": 0.0, "peak_gmacs": {"avx2": 100.0}}
    common = {"suite": "conv", "workload": "a layer", "threads": 2, "limit": "x86-64-v3", "macs": 100_000_000}
    common |= {"lo": 1.0, "hi": 5.0, "kernel": "", "agreement": None}
    rows = [
        {**common, "engine": "ulq", "bits": "w2a2", "isa": "x86-64-v3", "ms": 1.0, "kernel": "lut"},
        {**common, "engine": "ulq:dot", "bits": "w8a8", "isa": "x86-64-v3", "ms": 3.0, "kernel": "dot"},
        {**common, "engine": "ov-int8", "bits": "w8a8", "isa": "x86-64-v3", "ms": 4.0},
        {**common, "engine": "ort-int8", "bits": "w8a8", "isa": "host", "ms": 2.0},
    ]
    forms = {name: {"title": name, "form": form} for name, form in engines.items()}
    results = {"machine": about, "versions": {}, "engines": forms, "missing": [], "rows": rows}
    (tmp_path / "results.json").write_text(json.dumps(results))
    done = run("--from", tmp_path / "results.json")
    assert done.returncode == 0, done.stderr
    # 0.1 GMAC in 1 ms are 100 GMAC/s, half of what two threads reach.
    assert "| a layer | w2a2 | ulq | lut (chosen) | 1 (1-5) | 100 | 50 % | 3.00x | 4.00x |" in done.stdout
    assert "| a layer | w8a8 | ort-int8 * |  | 2 (1-5) | 50 | 25 % | 1.50x | 2.00x |" in done.stdout
    assert "| ort-int8 | **all of the CPU and AMX**: cannot be restricted |" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--engines", "ulq,tensorrt"), "unknown engine 'tensorrt'"),
        (("--networks", "alexnet"), "unknown network 'alexnet'"),
        (("--suite", "train"), "unknown suite 'train'"),
        (("--isa", "avx9"), "unknown instruction set 'avx9'"),
        (("--bits", "w9a2"), "bits 'w9a2'"),
        (("--threads", "0"), "expected numbers of threads, got '0'"),
        (("--from", "absent.json"), "cannot read absent.json"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, reason):
    done = run(*arguments)
    assert done.returncode != 0
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_chart(results):
    pytest.importorskip("matplotlib")
    data, _, folder = results
    done = run("--from", folder / "results.json", "--chart", folder / "chart.svg")
    assert done.returncode == 0, done.stderr
    text = (folder / "chart.svg").read_text()
    root = xml.etree.ElementTree.fromstring(text)
    drawn = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"ulq w2a2", "ONNX Runtime int8"} <= drawn
    assert "prefers-color-scheme" in text
