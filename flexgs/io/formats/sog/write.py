# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> a SOG file, version 2: a zip archive of lossless WebP pictures and meta.json."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.morton import morton_codes
from flexgs.errors import SceneError
from flexgs.io.formats.losses import Encoded, Loss
from flexgs.io.formats.sog.bounds import log_positions, robust_range
from flexgs.io.formats.sog.encode import (
    PRECISIONS,
    CodedRest,
    Precision,
    encode_alphas,
    encode_dc,
    encode_means,
    encode_quats,
    encode_rest,
    encode_scales,
)
from flexgs.io.formats.sog.meta import COEFFICIENTS, MODEL_NAMES
from flexgs.io.formats.sog.pictures import U8, encode_picture

F32 = npt.NDArray[np.float32]

_ROW = 64  # entries of the palette in a row of its picture
_LEAST_WEIGHT = 0.02  # of the mean: what no view saw is not worthless
_DATE = (1980, 1, 1, 0, 0, 0)  # same scene, same bytes
_THREADS = 4  # Pillow encodes outside Python's lock


def write_sog(
    splats: Splats,
    weights: npt.NDArray[np.floating] | None = None,  # (n,)
    precision: Precision = PRECISIONS[0],
) -> Encoded:
    """A SOG file (version 2, zip), and what it does not hold; see `sog_files`.

    Raises:
        SceneError: the Gaussians are not such, or the weights do not match them.
    """
    files, losses = sog_files(splats, weights, precision)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # nothing is deflated again, as viewers expect
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data)
    return Encoded(out.getvalue(), losses)


def sog_files(
    splats: Splats,
    weights: npt.NDArray[np.floating] | None = None,  # (n,)
    precision: Precision = PRECISIONS[0],
    groups: npt.NDArray[np.integer] | None = None,  # (n,)
) -> tuple[dict[str, bytes], tuple[Loss, ...]]:
    """meta.json and the pictures of SOG (version 2) by name, and what they do not hold.

    Rows are put in Morton order. Codebooks and the palette have the least weighted squared error,
    or nearly; positions cover a robust range. Same input, options and machine give the same bytes.

    Args:
        splats: at least one valid Gaussian in 3-D, of degree 0 to 3.
        weights: how much each Gaussian matters, best the squared error of its removal; without
            them the square of its opacity.
        precision: see `PRECISIONS`, from the finest to coarser and smaller.
        groups: rows of a lower number come before all rows of a higher one.

    Raises:
        SceneError: the Gaussians are not such, or the weights do not match them.
    """
    if splats.d != 3 or splats.degree > 3 or splats.n < 1:
        raise SceneError(
            "a SOG file holds 3-D Gaussians with spherical harmonics of degree 0 to 3",
            found=f"{splats.n} in {splats.d}-D, degree {splats.degree}",
        )
    scores = _usable_weights(splats, weights)
    logs = log_positions(splats.means)
    sizes = np.exp(np.sort(splats.log_scales, axis=1)[:, 1])
    mins, maxs = robust_range(logs, sizes, scores)
    steps, maxs, moved = encode_means(logs, mins, maxs, precision.mean_bits)
    order = np.lexsort((morton_codes(steps), np.zeros(splats.n) if groups is None else groups))
    with ThreadPoolExecutor(_THREADS) as pool:
        pictures = _Pictures(pool, order)
        pictures.add("means_l.webp", steps & 255)
        pictures.add("means_u.webp", steps >> 8)
        pictures.add("quats.webp", encode_quats(splats.quats, precision.quat_bits))
        stored = splats.log_scales[:, :2] if splats.model == "2dgs" else splats.log_scales
        scales = encode_scales(stored, scores, precision.scale_levels)
        pictures.add("scales.webp", scales.rows)
        dc = encode_dc(splats.sh[:, 0], scores, precision.dc_levels)
        alphas = encode_alphas(splats.opacity_logits, precision.alpha_bits)
        pictures.add("sh0.webp", np.concatenate([dc.rows, alphas.rows], axis=1))
        meta: dict[str, Any] = {
            "version": 2,
            "asset": {"generator": "flexgs"},
            "count": splats.n,
            "means": {
                "mins": mins.tolist(),
                "maxs": maxs.tolist(),
                "files": ["means_l.webp", "means_u.webp"],
            },
            "scales": {"codebook": _numbers(scales.book), "files": ["scales.webp"]},
            "quats": {"files": ["quats.webp"]},
            "sh0": {"codebook": _numbers(dc.book), "files": ["sh0.webp"]},
        }
        if splats.model in MODEL_NAMES:
            meta["model"] = MODEL_NAMES[splats.model]
        losses: tuple[Loss, ...] = (*moved, *scales.losses, *alphas.losses)
        if splats.sh[:, 1:].any():
            rest = encode_rest(splats.sh[:, 1:], scores, precision, dc.error)
            meta["shN"] = _add_rest(pictures, rest)
            losses += rest.losses
        text = json.dumps(meta, separators=(",", ":"), allow_nan=False)
        return {"meta.json": text.encode(), **pictures.finished()}, losses


def _usable_weights(splats: Splats, weights: npt.NDArray[np.floating] | None) -> F32:  # -> (n,)
    """Positive weights of mean 1 or a little more."""
    if weights is None:
        weights = sigmoid(splats.opacity_logits.astype(np.float64)) ** 2
    if weights.shape != (splats.n,) or not np.isfinite(weights).all():
        raise SceneError(
            "weights must be one finite number a Gaussian",
            expected=(splats.n,),
            found=weights.shape,
        )
    mean = float(np.maximum(weights, 0).mean(dtype=np.float64))
    relative = weights / mean if mean > 0 else np.ones(splats.n)
    return np.maximum(relative, _LEAST_WEIGHT).astype(np.float32)


def _numbers(book: F32) -> list[float]:
    """Nine digits hold a float32 exactly."""
    return [float(f"{value:.9g}") for value in book]


def _add_rest(pictures: _Pictures, rest: CodedRest) -> dict[str, Any]:
    """Adds the palette and the labels; returns their part of meta.json."""
    entries, coefficients, _ = rest.palette.shape
    height = -(-entries // _ROW)
    pixels = np.zeros((height * _ROW, coefficients, 3), np.uint8)
    pixels[:entries] = rest.palette
    pictures.add_picture("shN_centroids.webp", pixels.reshape(height, _ROW * coefficients, 3))
    labels = np.stack([rest.labels & 255, rest.labels >> 8, np.zeros_like(rest.labels)], axis=1)
    pictures.add("shN_labels.webp", labels)
    return {
        "count": entries,
        "bands": COEFFICIENTS.index(coefficients),
        "codebook": _numbers(rest.book),
        "files": ["shN_centroids.webp", "shN_labels.webp"],
    }


class _Pictures:
    """Pictures that are being encoded."""

    def __init__(self, pool: ThreadPoolExecutor, order: npt.NDArray[np.int64]) -> None:
        self._pool = pool
        self._order = order
        width = 4 * -(-int(np.ceil(np.sqrt(len(order)))) // 4)
        self._shape = (4 * -(-len(order) // (4 * width)), width)
        self._files: dict[str, Future[bytes]] = {}

    def add(self, name: str, rows: npt.NDArray[np.integer]) -> None:  # (n, 3 or 4)
        """A picture with one pixel a Gaussian; unused pixels repeat the last one."""
        n = len(rows)
        pixels = np.empty((self._shape[0] * self._shape[1], rows.shape[1]), np.uint8)
        pixels[:n] = rows[self._order]
        pixels[n:] = pixels[n - 1]
        self.add_picture(name, pixels.reshape(*self._shape, -1))

    def add_picture(self, name: str, pixels: U8) -> None:  # (h, w, 3 or 4)
        """Any picture."""
        self._files[name] = self._pool.submit(encode_picture, pixels)

    def finished(self) -> dict[str, bytes]:
        """All of them, by name."""
        return {name: data.result() for name, data in self._files.items()}
