"""Train a w2a2 convolutional network on the digits data and export it to ONNX.

The first convolution and the classifier use 8-bit weights, the convolutions in
between 2-bit weights (-2..1). The image is quantized to 8 bits, the activations
between the layers to 2 bits (0..3). Writes ``digits_w2a2_qcdq.onnx`` and
``digits_w2a2_qonnx.onnx`` and checks the first one in ONNX Runtime. Run
``python train.py --help`` for the options.
"""

import argparse
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import onnx
import onnxruntime
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import (
    Int8WeightPerChannelFloat,
    Int32Bias,
    Uint8ActPerTensorFloat,
    Uint8ActPerTensorFloatMaxInit,
)
from data import load_split
from numpy.typing import NDArray
from torch import Tensor, nn

OPSET = 19
MAX_IR_VERSION = 10
BATCH_SIZE = 32


class InputQuant(Uint8ActPerTensorFloatMaxInit):
    """Unsigned 8 bit, fixed scale 1/240: grey level k/16 is exactly code 15 k."""

    scaling_impl_type = ScalingImplType.CONST
    max_val = 255 / 240


class Weight8(Int8WeightPerChannelFloat):
    """Codes -127..127, one learned scale per output channel, started from max |w|."""

    scaling_impl_type = ScalingImplType.PARAMETER_FROM_STATS


class Weight2(Weight8):
    """Codes -2..1, one learned scale per output channel, started from max |w|."""

    bit_width = 2
    narrow_range = False


class Act2(Uint8ActPerTensorFloat):
    """Codes 0..3, one learned scale, started from a percentile of the first epoch."""

    bit_width = 2
    high_percentile_q = 99.0
    collect_stats_steps = 38


class DigitsNet(nn.Module):
    """Three 3x3 convolutions (32, 64, 64 channels) with batch norm, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.image = qnn.QuantIdentity(act_quant=InputQuant)
        self.conv1 = self._conv(1, 32, Weight8)
        self.bn1 = nn.BatchNorm2d(32)
        self.relu1 = qnn.QuantReLU(act_quant=Act2)
        self.conv2 = self._conv(32, 64, Weight2)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu2 = qnn.QuantReLU(act_quant=Act2)
        self.pool = nn.MaxPool2d(2)
        self.conv3 = self._conv(64, 64, Weight2)
        self.bn3 = nn.BatchNorm2d(64)
        # The quantized bias of the classifier needs the scale of its input.
        self.relu3 = qnn.QuantReLU(act_quant=Act2, return_quant_tensor=True)
        self.flatten = nn.Flatten()
        self.classifier = qnn.QuantLinear(64 * 4 * 4, 10, bias=True, weight_quant=Weight8, bias_quant=Int32Bias)

    @staticmethod
    def _conv(inputs: int, outputs: int, weight_quant: type[Weight8]) -> qnn.QuantConv2d:
        return qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, weight_quant=weight_quant)

    def forward(self, x: Tensor) -> Tensor:
        """Map images [N, 1, 8, 8] in 0..1 to logits [N, 10]."""
        x = self.relu1(self.bn1(self.conv1(self.image(x))))
        x = self.relu2(self.bn2(self.conv2(x)))
        x = self.relu3(self.bn3(self.conv3(self.pool(x))))
        return self.classifier(self.flatten(x))


def train(model: nn.Module, x: Tensor, y: Tensor, epochs: int, rate: float) -> None:
    """Train with AdamW; learned scales move at 3 % of the rate, without weight decay."""
    scales = [p for name, p in model.named_parameters() if "scaling_impl" in name]
    weights = [p for name, p in model.named_parameters() if "scaling_impl" not in name]
    optimizer = torch.optim.AdamW(
        [
            {"params": weights, "lr": rate, "weight_decay": 1e-2},
            {"params": scales, "lr": 0.03 * rate, "weight_decay": 0.0},
        ]
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loss_function = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss = loss_function(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        scheduler.step()
        print(f"epoch {epoch + 1:3d}  loss {total / len(x):.4f}", flush=True)


@torch.no_grad()
def reestimate_batch_norm(model: nn.Module, x: Tensor) -> None:
    """Replace the running statistics by those of the trained network on all images."""
    model.eval()
    # Layer by layer, because the statistics of a layer depend on those before it.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = 1.0
            module.train()
            model(x)
            module.eval()


def export(model: nn.Module, directory: Path) -> tuple[Path, Path]:
    """Write the QCDQ and the QONNX file and return their paths.

    Uses the TorchScript exporter (``dynamo=False``): the newer one stores float
    weights in QCDQ files and refuses a quantized bias there.
    """
    qcdq = directory / "digits_w2a2_qcdq.onnx"
    qonnx = directory / "digits_w2a2_qonnx.onnx"
    for export_function, path in ((export_onnx_qcdq, qcdq), (export_qonnx, qonnx)):
        export_function(
            model,
            args=torch.zeros(1, 1, 8, 8),
            export_path=str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=OPSET,
            keep_initializers_as_inputs=False,
            dynamo=False,
        )
        _clean(path)
    return qcdq, qonnx


def _clean(path: Path) -> None:
    """Drop stack traces and other exporter metadata, then check the file."""
    model = onnx.load(path)
    model.ir_version = min(model.ir_version, MAX_IR_VERSION)
    model.graph.name = path.stem
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for item in (model, graph, *graph.node, *values, *graph.initializer):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
    onnx.checker.check_model(model)
    onnx.save(model, path)


def evaluate_onnx(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logits ONNX Runtime computes for the images."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"image": x})[0])


def main() -> None:
    """Train, export, and print the accuracy in PyTorch and in ONNX Runtime."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate of the weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    torch.use_deterministic_algorithms(True)

    split = load_split()
    x_train = torch.from_numpy(split.x_train)
    y_train = torch.from_numpy(split.y_train)
    model = DigitsNet()
    train(model, x_train, y_train, arguments.epochs, arguments.rate)
    reestimate_batch_norm(model, x_train)

    with torch.no_grad():
        logits = model(torch.from_numpy(split.x_test)).numpy()
    qcdq, _ = export(model, arguments.output)
    logits_onnx = evaluate_onnx(qcdq, split.x_test)
    accuracy = float(np.mean(logits.argmax(1) == split.y_test))
    accuracy_onnx = float(np.mean(logits_onnx.argmax(1) == split.y_test))
    print(f"test accuracy, PyTorch:             {accuracy:.4f}")
    print(f"test accuracy, QCDQ, ONNX Runtime:  {accuracy_onnx:.4f}")
    print(f"largest logit difference:           {np.abs(logits - logits_onnx).max():.2e}")
    if accuracy != accuracy_onnx or accuracy <= 0.95:
        raise SystemExit("the exported model does not match or is not accurate enough")


if __name__ == "__main__":
    main()
