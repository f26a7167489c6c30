# SPDX-License-Identifier: Apache-2.0
"""Steps that several formats share: bytes of colours and opacities, and counting what is lost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core.activations import logit, sigmoid
from flexgs.core.sh import SH_C0
from flexgs.io.formats.losses import Loss

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

# bytes 0 and 255 stand for opacities that no finite logit has
_ALPHAS = np.clip(np.arange(256) / 255, 1e-6, 1 - 1e-6)
_LOGIT_OF_BYTE: F32 = logit(_ALPHAS).astype(np.float32)
_DC_OF_BYTE: F32 = ((np.arange(256) / 255 - 0.5) / SH_C0).astype(np.float32)


def count_outside(what: str, values: F32, low: float, high: float) -> list[Loss]:
    """A loss when rows of `values`, (n, ...), lie outside [low, high]; none otherwise.

    >>> [str(loss) for loss in count_outside("values clipped", np.float32([[1, 9], [2, 3]]), 0, 5)]
    ['values clipped: 1 Gaussians, worst 9']
    """
    if not values.size or (float(values.min()) >= low and float(values.max()) <= high):
        return []
    beyond = np.maximum(low - values, values - high)
    rows = int((beyond.reshape(len(values), -1) > 0).any(axis=1).sum())
    return [Loss(what, rows, float(values.flat[int(np.argmax(beyond))]))]


def encode_alpha(logits: F32) -> tuple[U8, list[Loss]]:  # (n,) -> (n,) bytes
    """255 times the opacity, rounded."""
    levels = np.rint(sigmoid(logits) * np.float32(255)).astype(np.uint8)
    gone = int((levels == 0).sum())
    return levels, [Loss("opacities below 1/510 became 0", gone)] if gone else []


def decode_alpha(levels: U8) -> F32:  # (n,) bytes -> (n,) logits
    """Opacity logits, finite: 0 and 255 are one millionth from transparent and opaque."""
    return _LOGIT_OF_BYTE[levels]


def encode_dc(dc: F32) -> tuple[U8, list[Loss]]:  # (n, 3) -> (n, 3) bytes
    """255 times the base colour 0.5 + C0 dc, rounded and clipped."""
    colours = np.float32(0.5) + np.float32(SH_C0) * dc
    lost = count_outside(
        "base colours outside 0 to 1 were clipped", colours, -0.5 / 255, 255.5 / 255
    )
    return np.rint(np.clip(colours, 0, 1) * np.float32(255)).astype(np.uint8), lost


def decode_dc(levels: U8) -> F32:  # bytes, any shape -> the same shape
    """Coefficients of the base colour."""
    return _DC_OF_BYTE[levels]


def unit_quats(quats: F32) -> F32:  # (n, 4) -> (n, 4) of length 1
    """Quaternions of length 1; tiny ones, too, whose squares float32 has not."""
    largest = np.abs(quats).max(axis=1, keepdims=True, initial=np.float32(1e-30))
    scaled = quats / largest
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True), np.float32)
