"""Boxes of detectors, and the best of them."""

from __future__ import annotations

import math

import numpy as np

from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import FLOAT32, Value, constant

NUMBERS = {2: "max_output_boxes_per_class", 3: "iou_threshold", 4: "score_threshold"}


@onnx_op("NonMaxSuppression")
def non_max_suppression(node: Node) -> Value:
    boxes, scores = node.inputs[:2]
    shape = boxes.shape
    if len(shape) != 3 or shape[2] != 4 or len(scores.shape) != 3 or (shape[0], shape[1]) != scores.shape[::2]:
        raise node.error(
            f"expected [batch, boxes, 4] and [batch, classes, boxes], got {list(shape)} and {list(scores.shape)}"
        )
    center = node.attr("center_point_box", 0)
    if center not in (0, 1):
        raise node.error(f"center_point_box must be 0 or 1, got {center}")
    most = _number(node, 2, np.int64(0))
    limit = shape[1] if not most.is_const else min(max(int(most.const.item()), 1), shape[1])
    score = _number(node, 4, None) if node.has(4) else None
    return node.build.non_max_suppression(
        boxes, scores, most, _number(node, 3, np.float32(0)), score, limit, center == 1
    )


def _number(node: Node, index: int, default: np.generic) -> Value:
    value = node.input(index) or constant(default)
    if math.prod(value.shape) != 1:
        raise node.error(f"{NUMBERS[index]} must be one number, got shape {list(value.shape)}")
    if index == 3 and value.is_const and not 0 <= value.const.item() <= 1:
        raise node.error(f"iou_threshold must be from 0 to 1, got {value.const.item()}")
    return value


@onnx_op("TopK")
def top_k(node: Node) -> tuple[Value, Value] | None:
    value, build = node.inputs[0], node.build
    if value.dtype != FLOAT32 or node.is_runtime(1):
        return None
    shape, rank = node.output_shape, len(value.shape)
    axis = node.attr("axis", -1) % rank
    if shape[axis] == 0:
        raise node.error("k must be positive")
    last = [*(i for i in range(rank) if i != axis), axis]
    back = [last.index(i) for i in range(rank)]
    width = value.shape[axis]
    rows = build.reshape(build.transpose(value, last), (math.prod(value.shape) // width, width))
    found = build.top_k(rows, shape[axis], not node.attr("largest", 1))
    extents = [shape[i] for i in last]
    return tuple(build.transpose(build.reshape(part, extents), back) for part in found)
