"""The handwritten digits of scikit-learn, split the same way everywhere.

Training, the demo and the tests all call :func:`load_split`, so an accuracy
measured by one of them can be compared with an accuracy measured by another.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Split(NamedTuple):
    """Images as float32 NCHW in 0..1, labels as int64."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def load_split() -> Split:
    """Return the fixed split: 1198 training and 599 test images, stratified.

    The pixels are the integers 0..16 divided by 16, so every value is exact in
    float32.
    """
    digits = load_digits()
    x = (digits.images / 16.0).astype(np.float32)[:, np.newaxis]
    y = digits.target.astype(np.int64)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=1 / 3, stratify=y, random_state=0)
    return Split(x_train, y_train, x_test, y_test)
