"""The real models of the integration tests: files, inputs, labels and independent evaluators."""

import functools
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import oracles
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ULQ_DATA", ROOT.parent / "shared" / "data"))
IMAGES = 100  # inputs of a comparison
LABELLED = 1000  # inputs of an accuracy
PRODUCTS = ("Conv", "Gemm", "MatMul", "VectorVectorActivation", "MatrixVectorActivation")

Inputs = NDArray[np.float32]  # one example per index


def require_data() -> None:
    """Skips the test where the models are absent."""
    if not (DATA / "models").is_dir():
        pytest.skip(f"no models in {DATA}: set ULQ_DATA to the folder with models/ and data/")


# --- inputs -------------------------------------------------------------------------


@functools.cache
def mnist(count: int) -> tuple[Inputs, NDArray]:
    """Pixels / 255, [count, 1, 28, 28], and labels."""
    with np.load(DATA / "data" / "mnist_test5k.npz") as file:
        pixels, labels = file["X"][:count], file["y"][:count]
    return (pixels[:, None] / np.float32(255)).astype(np.float32), labels


@functools.cache
def cifar(count: int) -> tuple[NDArray[np.uint8], NDArray]:
    """Decoded JPEG images, uint8 [count, 32, 32, 3], and labels."""
    image = pytest.importorskip("PIL.Image", reason="decoding the images needs pillow")
    with np.load(DATA / "data" / "cifar10jpeg_test4k.npz") as file:
        data, ends, labels = file["jpeg"].tobytes(), file["off"], file["label"][:count]
    blobs = [data[ends[i] : ends[i + 1]] for i in range(count)]
    return np.stack([np.asarray(image.open(io.BytesIO(blob)).convert("RGB")) for blob in blobs]), labels


def cifar_cnv(count: int) -> tuple[Inputs, NDArray]:
    """The 8-bit fixed-point input of BNN-PYNQ: steps of 1/128 in -1..127/128, channels first."""
    pixels, labels = cifar(count)
    x = np.clip(np.floor((pixels / 255 * 2 - 1) * 128), -128, 127) / 128
    return np.ascontiguousarray(np.moveaxis(x, -1, 1), dtype=np.float32), labels


def cifar_pixels(count: int) -> tuple[Inputs, NDArray]:
    """Raw pixels 0..255, channels last."""
    pixels, labels = cifar(count)
    return pixels.astype(np.float32), labels


def digits(count: int) -> tuple[Inputs, NDArray]:
    """The test split of the example: [count, 1, 8, 8]."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("digits_data", ROOT / "examples" / "digits" / "data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    split = module.load_split()
    return split.x_test[:count], split.y_test[:count]


def espcn_image(count: int) -> tuple[Inputs, None]:
    """One real image."""
    tensor = onnx.TensorProto.FromString((DATA / "data" / "espcn_input_0.pb").read_bytes())
    return numpy_helper.to_array(tensor), None


def normal(*shape: int, scale: float = 1.0) -> Callable[[int], tuple[Inputs, None]]:
    """Gaussian noise, as many examples as asked for, at most shape[0]."""
    noise = np.random.default_rng(0).normal(0, scale, shape).astype(np.float32)
    return lambda count: (noise[:count], None)


def integers(low: int, high: int, *shape: int) -> Callable[[int], tuple[Inputs, None]]:
    """Random integers low..high."""
    noise = np.random.default_rng(0).integers(low, high, shape, endpoint=True).astype(np.float32)
    return lambda count: (noise[:count], None)


# --- models -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A model with one input and one output, whose first dimension is the batch.

    `qonnx` says whether the QONNX executor evaluates it, otherwise ONNX Runtime. `accuracy` is the published or
    measured share of right answers. `flips` is the share of output elements that may differ from the float32
    evaluator because its own rounding crossed a tie, `float_flips` the share that may differ from the exact reference:
    0 unless a layer is unquantized, so that its float32 sum is rounded before it meets a quantizer. `float_products`
    convolutions and products have an unquantized operand.
    """

    name: str
    path: Path
    inputs: Callable[[int], tuple[Inputs, NDArray | None]]
    qonnx: bool = False
    accuracy: float | None = None
    flips: float = 0.0
    float_flips: float = 0.0
    float_products: int = 0

    def __str__(self) -> str:
        return self.name

    def require(self) -> None:
        if not self.path.is_relative_to(ROOT):
            require_data()

    @functools.cached_property
    def input_name(self) -> str:
        graph = onnx.load(self.path).graph
        constants = {tensor.name for tensor in graph.initializer}
        return next(value.name for value in graph.input if value.name not in constants)

    def count_products(self) -> int:
        """Convolutions and matrix products in the file."""
        return sum(node.op_type in PRODUCTS for node in onnx.load(self.path).graph.node)

    def evaluate(self, x: Inputs) -> NDArray:
        """The independent evaluator's output, [count, ...]; batches where the model allows it."""
        if self.qonnx:
            runner = oracles.QonnxExecutor(self.path)
            return next(iter(runner.run({self.input_name: x}).values()))
        runner = oracles.session(str(self.path))
        batch = runner.get_inputs()[0].shape[0]
        parts = [x] if isinstance(batch, str) else [x[i : i + 1] for i in range(len(x))]
        return np.concatenate([runner.run(None, {self.input_name: part})[0] for part in parts])


QONNX, INT8, EXAMPLE = DATA / "models" / "qonnx", DATA / "models" / "int8", ROOT / "examples" / "digits"
CASES = {
    case.name: case
    for case in (
        Case("tfc_w1a1", QONNX / "TFC_1W1A.onnx", mnist, qonnx=True, accuracy=0.9296),
        Case("tfc_w2a2", QONNX / "TFC_2W2A.onnx", mnist, qonnx=True, accuracy=0.9660),
        Case("cnv_w1a1", DATA / "models" / "cnv" / "cnvW1A1_cifar10.onnx", cifar_cnv, accuracy=0.743),
        # The mean of 64 codes is a tie in one of 64 cases; ONNX Runtime sums floats and then falls on either side.
        Case("resnet8_int8", INT8 / "mlperftiny_resnet8_int8.onnx", cifar_pixels, accuracy=0.767, flips=0.02),
        Case("kws_int8", INT8 / "mlperftiny_kws_dscnn_int8.onnx", integers(-123, 26, IMAGES, 49, 10, 1)),
        Case("ad_int8", INT8 / "mlperftiny_ad_autoenc_int8.onnx", normal(IMAGES, 640, scale=20)),
        Case(
            "espcn_w4a4",
            QONNX / "espcn_subpixel_w4a4.onnx",
            espcn_image,
            qonnx=True,
            flips=1e-3,
            float_flips=1e-3,
            float_products=1,
        ),
        Case("jet_w6a6", QONNX / "qkeras_jettagging.onnx", normal(IMAGES, 16), qonnx=True, float_products=1),
        Case("separable_w4a4", QONNX / "separable_conv_model_ch_last.onnx", normal(1, 512, 512, 3), qonnx=True),
        Case(
            "finn_residual",
            QONNX / "finn_residual_testcase.onnx",
            integers(-8, 7, IMAGES, 32, 32, 16),
            qonnx=True,
            float_products=1,
        ),
        Case("bnn_fc", QONNX / "bnn_model_fc_1layer.onnx", normal(IMAGES, 3), qonnx=True),
        Case(
            "eltwise",
            QONNX / "eltwise_chanlast_testcase.onnx",
            integers(0, 255, 2, 3, 224, 224),
            qonnx=True,
            float_products=1,
        ),
        Case("digits_qcdq", EXAMPLE / "digits_w2a2_qcdq.onnx", digits, accuracy=0.995),
        Case("digits_qonnx", EXAMPLE / "digits_w2a2_qonnx.onnx", digits, qonnx=True, accuracy=0.995),
    )
}
