# SPDX-License-Identifier: Apache-2.0
"""The .splat format of antimatter15: 32 bytes a Gaussian, nothing else.

A row: position 3 x f32, scale 3 x f32 (linear), colour and opacity 4 x u8, quaternion w, x, y, z
4 x u8 as 128 q + 128. The most visible Gaussians come first, so that a viewer can show a part.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import SceneError, TooLarge, Truncated
from flexgs.io.formats.losses import Encoded
from flexgs.io.formats.parts import decode_alpha, decode_dc, encode_alpha, encode_dc, unit_quats
from flexgs.io.ply import SceneFile
from flexgs.io.sniff import Probe
from flexgs.limits import DEFAULT_LIMITS, MAX_ABS_MEAN, MAX_LOG_SCALE, MIN_LOG_SCALE, Limits

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
_UNIT_WITHIN = 0.1  # of length 1: rounding moves a quaternion by at most 0.02


def read_splat(data: bytes, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """The Gaussians of a .splat, in its order, degree 0.

    Raises:
        Truncated: not a whole number of rows. TooLarge: more of them than `limits` allow.
    """
    n, rest = divmod(len(data), ROW.itemsize)
    if rest:
        raise Truncated(
            "the file ends within a Gaussian",
            section=f"row {n}",
            offset=n * ROW.itemsize,
            expected=f"a multiple of {ROW.itemsize} bytes",
            found=f"{len(data)} bytes",
        )
    if n > limits.max_gaussians:
        raise TooLarge("too many Gaussians", expected=f"at most {limits.max_gaussians}", found=n)
    rows = np.frombuffer(data, ROW)
    with np.errstate(divide="ignore", invalid="ignore"):  # scales of 0 and below: judged later
        log_scales = np.log(rows["scale"])
    return SceneFile(
        Splats(
            rows["mean"],
            log_scales,
            _decode_quats(rows["quat"]),
            decode_alpha(rows["rgba"][:, 3]),
            decode_dc(rows["rgba"][:, None, :3]),
        )
    )


def write_splat(splats: Splats) -> Encoded:
    """The bytes of a .splat, the most visible Gaussians first.

    Raises:
        SceneError: no Gaussians (an empty file says nothing), or more than a base colour.
    """
    if splats.n == 0 or splats.d != 3 or splats.degree > 0 or splats.model != "3dgs":
        raise SceneError(
            "a .splat holds plain 3-D Gaussians of degree 0, one at least",
            found=f"{splats.n} of {splats.d}-D, degree {splats.degree}, {splats.model}",
        )
    volume = splats.log_scales.sum(axis=1, dtype=np.float64)
    visible = volume + np.log(np.maximum(sigmoid(splats.opacity_logits), np.float32(1e-30)))
    order = np.argsort(-visible, kind="stable")
    sorted_splats = splats.select(order)
    colours, clipped = encode_dc(sorted_splats.sh[:, 0])
    alphas, gone = encode_alpha(sorted_splats.opacity_logits)
    rows = np.empty(splats.n, ROW)
    rows["mean"] = sorted_splats.means
    rows["scale"] = np.exp(sorted_splats.log_scales)
    rows["rgba"][:, :3] = colours
    rows["rgba"][:, 3] = alphas
    rows["quat"] = _encode_quats(sorted_splats.quats)
    return Encoded(rows.tobytes(), (*clipped, *gone))


def _encode_quats(quats: F32) -> U8:  # (n, 4) -> (n, 4)
    """128 q + 128, of the sign that makes the largest component negative: -1 fits, +1 does not."""
    unit = unit_quats(quats)
    largest = np.take_along_axis(unit, np.abs(unit).argmax(axis=1)[:, None], axis=1)
    signed = np.where(largest > 0, -unit, unit)
    return np.asarray(np.clip(np.rint(signed * 128 + 128), 0, 255), np.uint8)


def _decode_quats(levels: U8) -> F32:  # (n, 4) -> (n, 4), of length 1 but for rounding
    return np.asarray((levels.astype(np.float32) - 128) / 128, np.float32)


def is_likely_splat(probe: Probe) -> bool:
    """Whether the first rows can be Gaussians: there is no magic to go by."""
    if probe.size % ROW.itemsize or not probe.size:
        return False
    rows = np.frombuffer(probe.start[: len(probe.start) // ROW.itemsize * ROW.itemsize], ROW)
    with np.errstate(invalid="ignore"):
        scales = (rows["scale"] >= np.exp(MIN_LOG_SCALE)) & (rows["scale"] <= np.exp(MAX_LOG_SCALE))
        means = np.abs(rows["mean"]) <= MAX_ABS_MEAN
        lengths = np.linalg.norm(_decode_quats(rows["quat"]), axis=1)
    return bool(scales.all() and means.all() and (np.abs(lengths - 1) < _UNIT_WITHIN).all())
