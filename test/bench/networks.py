"""The architectures: functions that build a network with `builder.Network`, from image to logits.

`scaled` is a number of channels times the width factor; numbers of classes and anchors stay.
"""

from __future__ import annotations

from collections.abc import Callable

from builder import Network, Tensor

Scaled = Callable[[int], int]
CLASSES = 1000
SSD_CLASSES, SSD_ANCHORS = 21, (4, 6, 6, 4)
YOLO_CLASSES, YOLO_ANCHORS = 80, 3
MASKS = 2


def resnet18(net: Network, scaled: Scaled) -> list[Tensor]:
    """He et al. 2015, basic blocks."""
    x = net.maxpool(net.conv(net.input, scaled(64), 7, 2, edge=True), 3, 2, 1)
    for stage in range(4):
        width = scaled(64 << stage)
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = net.conv(net.conv(x, width, 3, stride), width, 3, act=None)
            x = net.add(y, x if stride == 1 and x.channels == width else net.conv(x, width, 1, stride, act=None))
    return [net.fc(net.mean(x), CLASSES)]


def resnet50(net: Network, scaled: Scaled) -> list[Tensor]:
    """He et al. 2015, bottleneck blocks with the stride in the 3x3 convolution."""
    x = net.maxpool(net.conv(net.input, scaled(64), 7, 2, edge=True), 3, 2, 1)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = scaled(64 << stage)
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = net.conv(net.conv(net.conv(x, width), width, 3, stride), 4 * width, act=None)
            x = net.add(y, x if block else net.conv(x, 4 * width, 1, stride, act=None))
    return [net.fc(net.mean(x), CLASSES)]


def mobilenetv1(net: Network, scaled: Scaled) -> list[Tensor]:
    """Howard et al. 2017."""
    x = net.conv(net.input, scaled(32), 3, 2, act="relu6", edge=True)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for width, stride in blocks:
        x = net.conv(x, x.channels, 3, stride, act="relu6", groups=x.channels)
        x = net.conv(x, scaled(width), act="relu6")
    return [net.fc(net.mean(x), CLASSES)]


def mobilenetv2(net: Network, scaled: Scaled) -> list[Tensor]:
    """Sandler et al. 2018: inverted residuals, no activation on the narrow side."""
    x = net.conv(net.input, scaled(32), 3, 2, act="relu6", edge=True)
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, width, blocks, first_stride in stages:
        for block in range(blocks):
            stride = 1 if block else first_stride
            y = net.conv(x, x.channels * expansion, act="relu6") if expansion > 1 else x
            y = net.conv(y, y.channels, 3, stride, act="relu6", groups=y.channels)
            y = net.conv(y, scaled(width), act=None)
            x = net.add(y, x, act=None) if block else y
    return [net.fc(net.mean(net.conv(x, scaled(1280), act="relu6")), CLASSES)]


def vgg16ssd(net: Network, scaled: Scaled) -> list[Tensor]:
    """VGG16 without its classifier, convolutions 6 and 7, two more stages; boxes and classes at four scales."""
    x, features = net.input, []
    for stage, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        for _ in range(count):
            x = net.conv(x, scaled(width), 3, edge=x is net.input)
        if stage == 3:
            features.append(x)
        if stage < 4:
            x = net.maxpool(x, 2, 2)
    for narrow, kernel, width, second, stride in ((1024, 3, 1024, 1, 1), (256, 1, 512, 3, 2), (128, 1, 256, 3, 2)):
        x = net.conv(net.conv(x, scaled(narrow), kernel), scaled(width), second, stride)
        features.append(x)
    heads = []
    for feature, anchors in zip(features, SSD_ANCHORS, strict=True):
        for outputs in (4 * anchors, SSD_CLASSES * anchors):
            heads.append(net.conv(feature, outputs, 3, act=None, edge=True, batch_norm=False))
    return heads


def yolov5s(net: Network, scaled: Scaled, act: str = "silu") -> list[Tensor]:
    """YOLOv5s: C3 blocks, spatial pyramid pooling, a path aggregation neck, detection at three scales."""

    def conv(x: Tensor, width: int, *geometry: int, **options) -> Tensor:
        return net.conv(x, scaled(width), *geometry, act=act, **options)

    def c3(x: Tensor, width: int, count: int, sums: bool = True) -> Tensor:
        y, side = conv(x, width // 2), conv(x, width // 2)
        for _ in range(count):
            inner = conv(conv(y, width // 2), width // 2, 3)
            y = net.add(y, inner, act=None) if sums else inner
        return conv(net.concat([y, side]), width)

    x = conv(net.input, 32, 6, 2, pad=2, edge=True)
    x = c3(conv(x, 64, 3, 2), 64, 1)
    p3 = c3(conv(x, 128, 3, 2), 128, 2)
    p4 = c3(conv(p3, 256, 3, 2), 256, 3)
    x = conv(c3(conv(p4, 512, 3, 2), 512, 1), 256)
    pools = [x]
    for _ in range(3):
        pools.append(net.maxpool(pools[-1], 5, 1, 2))
    n5 = conv(conv(net.concat(pools), 512), 256)
    n4 = conv(c3(net.concat([net.upsample(n5), p4]), 256, 1, False), 128)
    o3 = c3(net.concat([net.upsample(n4), p3]), 128, 1, False)
    o4 = c3(net.concat([conv(o3, 128, 3, 2), n4]), 256, 1, False)
    o5 = c3(net.concat([conv(o4, 256, 3, 2), n5]), 512, 1, False)
    outputs = YOLO_ANCHORS * (5 + YOLO_CLASSES)
    return [net.conv(feature, outputs, act=None, edge=True, batch_norm=False) for feature in (o3, o4, o5)]


def yolov5s_relu(net: Network, scaled: Scaled) -> list[Tensor]:
    """YOLOv5s as low-bit networks have it: a ReLU needs no sign and no zero point."""
    return yolov5s(net, scaled, "relu")


def unet(net: Network, scaled: Scaled) -> list[Tensor]:
    """Ronneberger et al. 2015, with padding, nearest upsampling and 32 channels at full resolution."""
    x, skips = net.input, []
    for stage in range(4):
        width = scaled(32 << stage)
        x = net.conv(net.conv(x, width, 3, edge=x is net.input), width, 3)
        skips.append(x)
        x = net.maxpool(x, 2, 2)
    x = net.conv(net.conv(x, scaled(512), 3), scaled(512), 3)
    for stage in (3, 2, 1, 0):
        width = scaled(32 << stage)
        x = net.concat([net.conv(net.upsample(x), width, 3), skips[stage]])
        x = net.conv(net.conv(x, width, 3), width, 3)
    return [net.conv(x, MASKS, act=None, edge=True, batch_norm=False)]
