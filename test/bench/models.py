"""Benchmark networks as ONNX files: any architecture of `NETWORKS`, at any bit width, in any form, with random weights.

Weights are random but calibrated (`builder`): activations are neither dead nor saturated, so that times and sizes are
those of a trained network. The same arguments give the same file.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import networks
import numpy as np
import onnx
import tails
from builder import Network
from forms import FORMS
from onnx import TensorProto, helper

# By name: the tail, and the height and width of the input.
_TABLE = {
    "resnet18": (tails.classify, 224),
    "resnet50": (tails.classify, 224),
    "mobilenetv1": (tails.classify, 224),
    "mobilenetv2": (tails.classify, 224),
    "vgg16ssd": (tails.ssd, 224),
    "yolov5s": (tails.yolo, 224),
    "yolov5s_relu": (tails.yolo, 224),
    "unet": (tails.segment, 256),
}
NETWORKS = tuple(_TABLE)
BITS = ("w1a1", "w1a2", "w2a2", "w3a3", "w4a4", "w2a8", "w4a8", "w8a8")
RESIDUALS = ("shared", "separate", "float")
MULTIPLE = 4  # of channels, where a width factor is given


def build(
    network: str,
    bits: str = "w2a2",
    *,
    form: str = "qonnx",
    size: int | None = None,
    width: float = 1.0,
    residual: str = "shared",
    tail: bool = True,
    nms: bool = False,
    depthwise_bits: int = 8,
    seed: int = 0,
) -> onnx.ModelProto:
    """A network with input "x", float32 [1, 3, size, size].

    Args:
        network: one of NETWORKS.
        bits: weights and activations of all layers but the first and the last ones, which have 8 bits. Forms "fp32"
            and "int8" have their own.
        form: "qonnx", "qdq", "fp32" or "int8" (`forms`).
        size: height and width of the image; the network's usual one unless given.
        width: factor on the number of channels.
        residual: what sums and concats read: operands on a "shared" grid, on "separate" ones, or in "float".
        tail: what follows the logits is part of the model (`tails`).
        nms: detectors end in NonMaxSuppression; its number of results varies, so no static shape exists.
        depthwise_bits: weights of depthwise convolutions, and activations that they read.
        seed: of weights and calibration images.

    The metadata of the model holds "macs" and "weight_bits", the sum of the bits of all weights.
    Raises ValueError for an unknown name or a size that the network cannot halve often enough.
    """
    for name, value, known in (
        ("network", network, NETWORKS),
        ("form", form, FORMS),
        ("residual", residual, RESIDUALS),
    ):
        if value not in known:
            raise ValueError(f"unknown {name} '{value}', expected one of {', '.join(known)}")
    widths = parse_bits({"int8": "w8a8", "fp32": "w8a8"}.get(form, bits))
    write_tail, usual = _TABLE[network]
    size = size or usual
    if size < 32 or size % 32:
        raise ValueError(f"size {size} is not a multiple of 32")
    net = Network(widths, form, (1, 3, size, size), residual, seed, depthwise_bits)
    logits = getattr(networks, network)(net, lambda channels: scaled(channels, width))
    if tail:
        outputs = write_tail(tails.Tail(net.graph), logits, nms)
    else:
        outputs = [(x.name, x.shape) for x in logits]
    kinds = [TensorProto.INT64 if name == "kept" else TensorProto.FLOAT for name, _ in outputs]
    infos = [helper.make_tensor_value_info(n, kind, shape) for (n, shape), kind in zip(outputs, kinds, strict=True)]
    return net.model(f"{network}_{bits}_{form}", infos)


def parse_bits(text: str) -> tuple[int, int]:
    """Weight and activation bits of "w2a8"."""
    found = re.fullmatch(r"w([1-8])a([1-8])", text)
    if not found:
        raise ValueError(f"bits '{text}', expected something like w2a8, with 1 to 8 bits")
    return int(found[1]), int(found[2])


def scaled(channels: int, width: float) -> int:
    return channels if width == 1 else max(MULTIPLE, round(channels * width / MULTIPLE) * MULTIPLE)


def image(model: onnx.ModelProto, seed: int = 1) -> np.ndarray:
    """A random input, of the distribution that the network is calibrated on.

    Like the pixels of an image it has few different values: among 150,000 there would always be one so close to a tie
    of the first quantizer that its rounding depends on whether the division is exact.
    """
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return np.rint(64 * np.random.default_rng(seed).standard_normal(shape, np.float32)) / 64


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="example: models.py --network resnet18 --bits w2a2 --form qdq -o resnet18.onnx",
    )
    parser.add_argument("--network", required=True, choices=NETWORKS)
    parser.add_argument("--bits", default="w2a2", help=f"weights and activations, 1 to 8 each: {', '.join(BITS)}, ...")
    parser.add_argument("--form", default="qonnx", choices=FORMS, help="fp32 and int8 ignore --bits (default: qonnx)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    parser.add_argument("--size", type=int, help="height and width of the image (default: 224, unet 256)")
    parser.add_argument("--width", type=float, default=1.0, help="factor on the channels (default: 1)")
    parser.add_argument(
        "--residual", default="shared", choices=RESIDUALS, help="what sums and concats read (default: shared)"
    )
    parser.add_argument("--no-tail", action="store_true", help="end at the logits")
    parser.add_argument("--nms", action="store_true", help="detectors end in NonMaxSuppression")
    parser.add_argument("--depthwise-bits", type=int, default=8, help="of depthwise layers (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and calibration images (default: 0)")
    options = vars(parser.parse_args())
    path = options.pop("output")
    try:
        model = build(tail=not options.pop("no_tail"), **options)
    except ValueError as error:
        sys.exit(f"error: {error}")
    onnx.save(model, path)
    props = {entry.key: int(entry.value) for entry in model.metadata_props}
    print(f"{path}: {props['macs'] / 1e9:.3f} GMAC, {props['weight_bits'] / 8e6:.2f} MB of weights at their width")


if __name__ == "__main__":
    main()
