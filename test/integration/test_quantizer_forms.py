"""Orders of quantizers and other operators in which exporters write networks: all of them run on codes, exactly."""

from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from oracles import QonnxExecutor

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

QONNX = "qonnx.custom_op.general"
IMAGE = (2, 8, 6, 6)


def quant(bits: int, signed: int = 0) -> str:
    return f'{QONNX}.Quant<signed={signed}, narrow=0, rounding_mode="ROUND">'


def qcdq(x: str, y: str) -> str:
    """QuantizeLinear, Clip to 3 bits, DequantizeLinear."""
    return f"{y}_q = QuantizeLinear({x}, s, z8) {y}_c = Clip({y}_q, z8, seven) {y} = DequantizeLinear({y}_c, s, z8)"


A = f"a = {quant(2)}(x, s, z, b2)"
POOL = "MaxPool<kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1]>"
SIGNED = f"q = {quant(4, 1)}(r, sixth, z, b4) y = Conv(q, w3)"
LAST = f"q = {quant(2)}(r, s, z, b2) y = Conv(q, w3)"


@dataclass(frozen=True)
class Form:
    """Nodes from `x` to `y`, and the names of layers that are float: quantizers of the input unless told."""

    body: str
    floats: frozenset = frozenset({"a"})


FORMS = {
    "pool before the quantizer": Form(f"{A} c = Conv(a, w1, bias) c1 = Relu(c) r = {POOL}(c1) {LAST}"),
    "pool between activations": Form(
        f"{A} c = Conv(a, w1, bias) c1 = Relu(c) p = {POOL}(c1) p1 = Clip(p, z, six) r = Mul(p1, rising) {LAST}"
    ),
    "two pools and a batch norm": Form(
        f"{A} c = Conv(a, w1, bias) p = {POOL}(c) p2 = MaxPool<kernel_shape=[2,2]>(p) "
        f"n = BatchNormalization(p2, rising, beta, mean, variance) r = Relu(n) {LAST}"
    ),
    "pool, batch norm, sign": Form(
        f"a = {QONNX}.BipolarQuant(x, s) c = Conv(a, w1) p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(c) "
        f"n = BatchNormalization(p, rising, beta, mean, variance) h = Clip(n, minus, one) "
        f"r = {QONNX}.BipolarQuant(h, one) y = Conv(r, w3)"
    ),
    "pool of codes of a layer, requantized": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) p = {POOL}(c1) "
        f"n = BatchNormalization(p, rising, beta, mean, variance) r = Relu(n) {LAST}"
    ),
    "concat before the quantizer": Form(
        f"{A} c = Conv(a, w1, bias) d = Conv(a, w2) e = Concat<axis=1>(c, d) r = Relu(e) "
        f"q = {quant(2)}(r, s, z, b2) y = Conv(q, w6)"
    ),
    "concat of two grids before a batch norm": Form(
        f"{A} c = Conv(a, w1) d = Conv(a, w2) c1 = {quant(4)}(c, t, z, b4) d1 = {quant(2, 1)}(d, s, z, b2) "
        f"e = Concat<axis=1>(c1, d1) n = BatchNormalization(e, both, both, both, ones2) "
        f"q = {quant(2)}(n, t, z, b2) y = Conv(q, w6)"
    ),
    "codes to other codes": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) n = BatchNormalization(c1, both8, beta, mean, "
        f"variance) r = Relu(n) q = {quant(2)}(r, t, z, b2) y = Conv(q, w3) y2 = Conv(c1, w3)"
    ),
    "codes to codes of 8 bits": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(8, 1)}(c, tiny, z, b8) h = LeakyRelu<alpha=0.125>(c1) "
        f"q = {quant(8, 1)}(h, t, z, b8) y = Conv(q, w3) y2 = Conv(c1, w3)"
    ),
    "sum of codes of three grids": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) d = Conv(c1, w2) "
        f"d1 = {quant(8, 1)}(d, tiny, z, b8) e = Conv(d1, w3) e1 = {quant(2)}(e, t, z, b2) "
        f"m = Add(c1, d1) k = Add(e1, m) {LAST.replace('(r', '(k')} "
        "f = Conv(e1, w1) g = Conv(d1, w1) y2 = Add(f, g)"
    ),
    "codes and floats": Form(
        f"{A} m = Add(x, a) {LAST.replace('(r', '(m')}"
    ),
    "rows of codes": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) f = Reshape(c1, rows) "
        f"q = {quant(2)}(f, t, z, b2) y = MatMul(q, w36) y2 = Conv(c1, w3)"
    ),
    "silu between quantizers": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(8, 1)}(c, tiny, z, b8) g = Sigmoid(c1) "
        f"g1 = {quant(8)}(g, small, z, b8) m = Mul(c1, g1) q = {quant(8, 1)}(m, tiny, z, b8) y = Conv(q, w3)"
    ),
    "rising function, few codes": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(8, 1)}(c, tiny, z, b8) g = Tanh(c1) q = {quant(3, 1)}(g, tiny9, z, b3) "
        f"h = Exp(q) q2 = {quant(2)}(h, s, z, b2) y = Conv(q2, w3)"
    ),
    "hard swish written out": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) d = Add(c1, three) e = Clip(d, z, six) "
        f"f = Mul(e, c1) g = Div(f, six) q = {quant(4, 1)}(g, t, z, b4) y = Conv(q, w3) y2 = Conv(c1, w3)"
    ),
    "function of bytes, pooled": Form(
        f"{qcdq('x', 'a')} c = Conv(a, w1) {qcdq('c', 'd')} m = Gelu(d) {qcdq('m', 'e')} p = {POOL}(e) y = Conv(p, w3)",
        frozenset({"a_q"}),
    ),
    "silu of a sum": Form(f"{A} c1 = Conv(a, w1, bias) g = Sigmoid(c1) r = Mul(c1, g) {SIGNED} "),
    "silu of a batch norm, unsigned codes": Form(
        f"{A} c = Conv(a, w1) c1 = BatchNormalization(c, both8, beta, mean, variance) g = Sigmoid(c1) "
        f"r = Mul(c1, g) {LAST}"
    ),
    "gelu by erf": Form(
        f"{A} c = Conv(a, w1, bias) d = Div(c, root) e = Erf(d) f = Add(e, one) g = Mul(c, f) r = Mul(g, half) {SIGNED}"
    ),
    "gelu by tanh": Form(
        f"{A} c = Conv(a, w1, bias) d = Pow(c, three) e = Mul(d, cubic) f = Add(c, e) g = Mul(f, rate) h = Tanh(g) "
        f"k = Add(h, one) m = Mul(c, k) r = Mul(m, half) {SIGNED}"
    ),
    "mish with halves up": Form(f"{A} c = Conv(a, w1, bias) r = Mish(c) {SIGNED.replace('ROUND', 'HALF_UP')}"),
    "hard swish rounded down": Form(f"{A} c = Conv(a, w1, bias) r = HardSwish(c) {SIGNED.replace('ROUND', 'FLOOR')}"),
    "hard swish of its parts": Form(
        f"{A} c = Conv(a, w1, bias) d = Add(c, three) e = Clip(d, z, six) f = Mul(e, c) r = Div(f, six) {SIGNED}"
    ),
    "elu, hard sigmoid, softplus": Form(
        f"{A} c = Conv(a, w1, bias) h = HardSigmoid(c) r = Mul(c, h) {SIGNED.replace('y = Conv(q, w3)', '')} "
        f"d = Conv(q, w2) e = Elu(d) q2 = {quant(3, 1)}(e, s, z, b3) f = Conv(q2, w3) k = Softplus(f) "
        f"q3 = {quant(2)}(k, s, z, b2) y = Conv(q3, w3)"
    ),
    "silu of a residual sum": Form(
        f"{A} c = Conv(a, w1, bias) d = Add(c, a) g = Sigmoid(d) r = Mul(d, g) {SIGNED}"
    ),
    "silu to one bit": Form(
        f"{A} c = Conv(a, w1, bias) g = Sigmoid(c) m = Mul(c, g) n = Add(m, quarter) "
        f"r = {QONNX}.BipolarQuant(n, one) y = Conv(r, w3)"
    ),
    "silu in clipped bytes": Form(
        f"{qcdq('x', 'a')} c = Conv(a, w1) g = Sigmoid(c) m = Mul(c, g) {qcdq('m', 'e')} y = Conv(e, w3)",
        frozenset({"a_q"}),
    ),
    "two quantizers of a silu": Form(
        f"{A} c = Conv(a, w1, bias) g = Sigmoid(c) r = Mul(c, g) {SIGNED} h = {quant(2)}(r, t, z, b2) y2 = Conv(h, w3)"
    ),
    "two quantizers of a residual sum": Form(
        f"{A} c = Conv(a, w1, bias) d = Conv(a, w2) e = {quant(4, 1)}(d, s, z, b4) f = Add(c, e) r = Relu(f) {LAST} "
        f"h = {quant(3)}(r, t, z, b3) y2 = Conv(h, w3)"
    ),
    "quantizers of a batch norm, before and after its activation": Form(
        f"{A} c = Conv(a, w1) n = BatchNormalization(c, both8, beta, mean, variance) h = {quant(4, 1)}(n, t, z, b4) "
        f"r = HardSwish(n) {SIGNED} y2 = Conv(h, w3)"
    ),
    "parts of codes": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) d, e = Split<axis=1, num_outputs=2>(c1) "
        f"f = Concat<axis=1>(e, d) g = Slice(f, begin, end, axes, steps) r = LeakyRelu<alpha=0.125>(g) {LAST}"
    ),
    "transposed convolution of blocks": Form(
        f"{A} c = ConvTranspose<strides=[2,2]>(a, wt2, bias) r = Relu(c) {LAST}"
    ),
    "transposed convolution that overlaps": Form(
        f"{A} c = ConvTranspose<strides=[2,3], pads=[1,0,1,2], output_padding=[1,0]>(a, wt3, bias) r = Relu(c) {LAST}"
    ),
    "transposed convolution of groups": Form(
        f"{A} c = ConvTranspose<strides=[2,2], group=2, output_shape=[13,12]>(a, wtg, bias) r = Relu(c) {LAST}"
    ),
    "transposed convolution of single channels": Form(
        f'{A} c = ConvTranspose<strides=[2,2], group=8, auto_pad="SAME_UPPER">(a, wtd, bias) r = Relu(c) {LAST}'
    ),
    "transposed convolution of rows": Form(
        f"{A} f = Reshape(a, rows) c = ConvTranspose<strides=[3], pads=[1,2]>(f, wtr, bias) r = Relu(c) "
        f"q = {quant(2)}(r, s, z, b2) y = Conv(q, wr)",
        frozenset({"a", "r", "q"}),
    ),
    "bounds apart from each other and before the scale": Form(
        f"{A} c = Conv(a, w1, bias) d = Div(c, quarter) e = Max(d, minus) f = Min(e, six) g = Round(f) "
        "h = Mul(g, quarter) c1 = Conv(h, w2) i = Clip(c1, z, one) k = Mul(i, three) l = Round(k) q = Div(l, three) "
        "y = Conv(q, w3)"
    ),
    "difference": Form(
        f"{A} c = Conv(a, w1, bias) c1 = {quant(4, 1)}(c, s, z, b4) d = Conv(c1, w2) e = Sub(d, c1) "
        f"{LAST.replace('(r', '(e')}"
    ),
    "concat of codes of 3 bits in bytes": Form(
        f"{qcdq('x', 'a')} c = Conv(a, w1) d = Conv(a, w2) {qcdq('c', 'e')} {qcdq('d', 'f')} "
        "g = Concat<axis=1>(e, f) h = Concat<axis=1>(e, e) k = Concat<axis=1>(h, f, e) k1 = Concat<axis=1>(g, f, f) "
        "y = Conv(k, w12)  y2 = Conv(k1, w12)",
        frozenset({"a_q"}),
    ),
}  # fmt: skip


def tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)

    def weights(*shape):
        return random.integers(0, 2, shape) * 2 - 1

    numbers = {
        "s": 0.5, "t": 0.7, "z": 0, "one": 1, "minus": -1, "six": 6, "b2": 2, "b3": 3, "b4": 4, "b8": 8,
        "sixth": 0.15, "half": 0.5, "quarter": 0.25, "root": 2**0.5, "cubic": 0.044715, "rate": 0.7978845608,
        "tiny": 0.03, "small": 0.0041, "tiny9": 0.3, "three": 3,
        "bias": random.normal(0, 1, 8), "beta": random.normal(0, 1, 8), "mean": random.normal(0, 1, 8),
        "rising": random.uniform(0.3, 2, (8,)), "variance": random.uniform(0.5, 2, 8),
        "both8": random.normal(0, 1, 8), "both": random.normal(0, 1, 16), "ones2": np.ones(16),
    }  # fmt: skip
    result = {name: np.asarray(value, np.float32) for name, value in numbers.items()}
    result |= {"z8": np.uint8(0), "seven": np.uint8(7), "rows": np.array([2, 8, 36])}
    result["w36_codes"] = weights(36, 5)
    result |= {
        "begin": np.array([1, -5]),
        "end": np.array([2**62, 5]),
        "axes": np.array([-1, 2]),
        "steps": np.array([2, 1]),
    }
    result |= {"wt2_codes": weights(8, 8, 2, 2), "wt3_codes": weights(8, 8, 3, 4)}
    result |= {"wtg_codes": weights(8, 4, 3, 3), "wtd_codes": weights(8, 1, 4, 4)}
    result |= {"wtr_codes": weights(8, 8, 4), "wr_codes": weights(8, 8, 1)}
    result |= {f"w{i}_codes": weights(8, 8 * groups, 1, 1) for i, groups in ((1, 1), (2, 1), (3, 1), (6, 2), (12, 4))}
    return result


def model(body: str) -> onnx.ModelProto:
    """The nodes around their constants; weights are 1 bit, `rising` is [8] for batch norms and [8,1,1] for Mul."""
    values = tensors()
    body = body.replace("Mul(p1, rising)", "Mul(p1, rising3)")
    values["rising3"] = values["rising"].reshape(8, 1, 1)
    weights = " ".join(f"{name[:-6]} = {QONNX}.BipolarQuant({name}, one)" for name in values if name.endswith("_codes"))
    outputs = "y, float[] y2" if " y2 = " in body else "y"
    text = (
        f'<ir_version: 10, opset_import: ["": 21, "{QONNX}": 1]> '
        f"form (float[{','.join(map(str, IMAGE))}] x) => (float[] {outputs}) {{ {weights} {body} }}"
    )
    result = onnx.parser.parse_model(text)
    for output in result.graph.output:
        output.type.tensor_type.ClearField("shape")
    used = {name for node in result.graph.node for name in node.input}
    # Weights that no layer reads would be dead nodes.
    nodes = [node for node in result.graph.node if not node.output[0].startswith("w") or node.output[0] in used]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for name, value in values.items():
        if name in used:
            value = value.astype(np.float32) if name.endswith("_codes") else value
            result.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return result


@pytest.mark.parametrize("target", ["x86-64", "host"])
@pytest.mark.parametrize("name", FORMS)
def test_form_runs_on_codes(name, target, tmp_path):
    form = FORMS[name]
    source = model(form.body)
    program = ulq.compile(source, target=target)
    assert {layer.name for layer in program.layers if layer.is_float} == form.floats
    x = np.random.default_rng(6).normal(0, 1, IMAGE).astype(np.float32)
    results = program.run({"x": x})
    expected = run_graph(import_model(source).text, {"x": x})
    onnx.save(source, tmp_path / "form.onnx")
    independent = QonnxExecutor(str(tmp_path / "form.onnx")).run({"x": x})
    for output, result in results.items():
        # Products of codes come out exactly; the executor's float32 sums may fall on the other side of a tie.
        np.testing.assert_allclose(result, expected[output], rtol=1e-6, atol=1e-6)
        assert np.mean(np.abs(result - independent[output]) > 1e-4) < 0.05


def test_pools_and_lookups_are_dispatches():
    program = ulq.compile(
        model(FORMS["silu between quantizers"].body.replace("y = Conv(q,", f"p = {POOL}(q) y = Conv(p,"))
    )
    layers = [layer for layer in program.layers if layer.kernel in ("max_pool", "lookup")]
    assert sorted(layer.kernel for layer in layers) == ["lookup", "max_pool"]
    listed = [line.split() for line in program.dispatch_report().splitlines()]
    (timing,) = program.bench((1,), seconds=0.05)
    timed = {dispatch.node: dispatch for dispatch in timing.dispatches}
    for layer in layers:
        assert [layer.name, layer.kernel] in [line[1:3] for line in listed]
        assert timed[layer.name].kernel == layer.kernel and timed[layer.name].ms > 0
