"""What follows the logits, in floats: probabilities, decoded boxes, suppressed boxes, a mask at twice the resolution.

Each function takes the outputs of its network and returns the names and shapes of the model's outputs.
"""

from __future__ import annotations

import numpy as np
from builder import Tensor
from forms import Graph
from networks import MASKS, SSD_ANCHORS, SSD_CLASSES, YOLO_ANCHORS, YOLO_CLASSES

Outputs = list[tuple[str, tuple]]
KEPT_BOXES, IOU, SCORE = 100, 0.45, 0.25


class Tail:
    """Writes operators with constant operands."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def op(self, operator: str, inputs: list, name: str, **attributes) -> str:
        """A node; inputs are names, or arrays that become constants."""
        names = [value if isinstance(value, str) else self.graph.constant(np.asarray(value)) for value in inputs]
        return self.graph.node(operator, names, name, **attributes)

    def reshape(self, x: str, shape: tuple[int, ...], name: str) -> str:
        return self.op("Reshape", [x, np.array(shape)], name)

    def slice(self, x: str, start: int, end: int, axis: int, name: str) -> str:
        return self.op("Slice", [x, np.array([start]), np.array([end]), np.array([axis])], name)


def classify(tail: Tail, logits: list[Tensor], nms: bool) -> Outputs:
    return [(tail.op("Softmax", [logits[0].name], "probabilities", axis=1), logits[0].shape)]


def segment(tail: Tail, logits: list[Tensor], nms: bool) -> Outputs:
    """Class probabilities of the pixels, bilinear, at twice the resolution."""
    _, _, height, width = logits[0].shape
    probabilities = tail.op("Softmax", [logits[0].name], "softmax", axis=1)
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    scales = np.array([1, 1, 2, 2], np.float32)
    mask = tail.op("Resize", [probabilities, "", scales], "probabilities", **mode)
    return [(mask, (1, MASKS, 2 * height, 2 * width))]


def _centers(height: int, width: int) -> np.ndarray:
    """[height, width, 2] columns and rows."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([columns, rows], -1).astype(np.float32)


def ssd(tail: Tail, heads: list[Tensor], nms: bool) -> Outputs:
    """Boxes from priors and offsets with variances 0.1 and 0.2; softmax of the classes."""
    offsets, classes, priors = [], [], []
    for level, anchors in enumerate(SSD_ANCHORS):
        for head, extent, parts in ((heads[2 * level], 4, offsets), (heads[2 * level + 1], SSD_CLASSES, classes)):
            rows = tail.op("Transpose", [head.name], f"{head.name}/last", perm=[0, 2, 3, 1])
            parts.append(tail.reshape(rows, (1, -1, extent), f"{head.name}/rows"))
        height, width = heads[2 * level].shape[2:]
        middle = (_centers(height, width) + 0.5) / np.array([width, height])
        extents = 0.1 * 2**level * np.array([(a**0.5, a**-0.5) for a in (1, 2, 0.5, 3, 1 / 3, 1.5)[:anchors]])
        shape = (height, width, anchors, 2)
        pair = np.broadcast_to(middle[:, :, None], shape), np.broadcast_to(extents, shape)
        priors.append(np.concatenate(pair, -1).reshape(-1, 4))
    prior = np.concatenate(priors)[None].astype(np.float32)
    count = prior.shape[1]
    offset = tail.op("Concat", offsets, "offsets", axis=1)
    shift = tail.op("Mul", [tail.slice(offset, 0, 2, 2, "offsets/xy"), np.float32(0.1) * prior[..., 2:]], "shift")
    center = tail.op("Add", [shift, prior[..., :2]], "center")
    growth = tail.op("Exp", [tail.op("Mul", [tail.slice(offset, 2, 4, 2, "offsets/wh"), np.float32(0.2)], "wh")], "exp")
    half = tail.op("Mul", [growth, prior[..., 2:] / 2], "half")
    corners = [tail.op(name, [center, half], name.lower()) for name in ("Sub", "Add")]
    boxes = tail.op("Concat", corners, "boxes", axis=2)
    scores = tail.op("Softmax", [tail.op("Concat", classes, "classes", axis=1)], "scores", axis=2)
    outputs = [(boxes, (1, count, 4)), (scores, (1, count, SSD_CLASSES))]
    return outputs + _suppress(tail, boxes, scores, 0) if nms else outputs


def yolo(tail: Tail, heads: list[Tensor], nms: bool) -> Outputs:
    """Sigmoid, then centers and extents in pixels, objectness, and probabilities of the classes."""
    parts, count = [], 0
    for level, head in enumerate(heads):
        _, channels, height, width = head.shape
        name, stride, extent = head.name, 8 << level, channels // YOLO_ANCHORS
        split = tail.reshape(head.name, (1, YOLO_ANCHORS, extent, height, width), f"{name}/split")
        last = tail.op("Transpose", [split], f"{name}/last", perm=[0, 1, 3, 4, 2])
        share = tail.op("Sigmoid", [last], f"{name}/sigmoid")
        xy = tail.op("Mul", [tail.slice(share, 0, 2, 4, f"{name}/xy"), np.float32(2 * stride)], f"{name}/moved")
        xy = tail.op("Add", [xy, (_centers(height, width) - 0.5) * np.float32(stride)], f"{name}/center")
        twice = tail.op("Mul", [tail.slice(share, 2, 4, 4, f"{name}/wh"), np.float32(2)], f"{name}/twice")
        anchors = np.array([(1.25, 1.625), (2, 3.75), (4.125, 2.875)], np.float32).reshape(1, 3, 1, 1, 2)
        wh = tail.op("Mul", [tail.op("Mul", [twice, twice], f"{name}/square"), anchors * stride], f"{name}/size")
        rest = tail.slice(share, 4, extent, 4, f"{name}/confidence")
        boxes = tail.op("Concat", [xy, wh, rest], f"{name}/decoded", axis=4)
        parts.append(tail.reshape(boxes, (1, -1, extent), f"{name}/rows"))
        count += YOLO_ANCHORS * height * width
    detections = tail.op("Concat", parts, "detections", axis=1)
    outputs = [(detections, (1, count, 5 + YOLO_CLASSES))]
    if not nms:
        return outputs
    objectness, classes = tail.slice(detections, 4, 5, 2, "objectness"), tail.slice(detections, 5, 999, 2, "classes")
    scores = tail.op("Mul", [classes, objectness], "scores")
    return outputs + _suppress(tail, tail.slice(detections, 0, 4, 2, "boxes"), scores, 1)


def _suppress(tail: Tail, boxes: str, scores: str, center: int) -> Outputs:
    """NonMaxSuppression; the number of boxes that are left is not known before."""
    by_class = tail.op("Transpose", [scores], "scores/by_class", perm=[0, 2, 1])
    limits = [np.array([KEPT_BOXES]), np.array([IOU], np.float32), np.array([SCORE], np.float32)]
    kept = tail.op("NonMaxSuppression", [boxes, by_class, *limits], "kept", center_point_box=center)
    return [(kept, ("kept", 3))]
