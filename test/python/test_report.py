"""Layer records and the text table."""

from ulq.report import Layer, table

ROW = {
    "name": "conv1",
    "op": "Conv",
    "weight_bits": 2,
    "activation_bits": 2,
    "kernel": "lut",
    "isa": "avx2",
    "tile": "4x64",
    "weight_bytes": 1234,
    "accumulator_min": -99,
    "accumulator_max": 12,
    "workgroups": 8,
    "runner_up": "dot",
    "margin": 1.3,
    "later": "a key of another version",
}


def test_record_of_a_row():
    layer = Layer.from_row(ROW)
    assert (layer.name, layer.op, layer.weight_bits, layer.activation_bits) == ("conv1", "Conv", 2, 2)
    assert (layer.kernel, layer.isa, layer.tile, layer.weight_bytes) == ("lut", "avx2", "4x64", 1234)
    assert layer.accumulator_bound == 99 and not layer.is_float
    assert Layer.from_row(layer.to_row()) == layer


def test_float_record():
    layer = Layer.from_row({"name": "softmax", "op": "Softmax", "kernel": "float"})
    assert layer.is_float and layer.accumulator_bound is None and layer.weight_bits == 32


def test_table():
    layers = [Layer.from_row(ROW), Layer.from_row({"name": "softmax", "op": "Softmax", "kernel": "float"})]
    head, rule, conv, softmax, blank, totals, note = table(layers, ["batch is 1"]).splitlines()
    assert head.split()[:3] == ["layer", "operator", "bits"] and set(rule) == {"-", " "} and blank == ""
    assert conv.split() == ["conv1", "Conv", "w2a2", "lut", "avx2", "4x64", "1,234", "B", "-99..12", "dot", "1.30x"]
    assert "float, by IREE" in softmax
    assert totals == "2 layers, 1 on packed codes, 1 in float; 1,234 bytes of weights"
    assert note == "note: batch is 1"


def test_table_without_layers():
    assert table([]).splitlines()[-1].startswith("0 layers")
