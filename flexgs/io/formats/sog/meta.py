# SPDX-License-Identifier: Apache-2.0
"""meta.json of a SOG scene, checked: which picture holds what, and what its bytes mean.

Bytes: https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog (version 2). In
version 1, the older SOGS, bytes are steps between a channel's minimum and maximum. Both come out
as tables of 256 values a channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.core.activations import logit
from flexgs.core.splats import Model
from flexgs.errors import TooLarge, Unsupported
from flexgs.io.cameras.values import Fields, as_number
from flexgs.limits import (
    MAX_ABS_MEAN,
    MAX_ABS_OPACITY_LOGIT,
    MAX_ABS_SH,
    MAX_LOG_SCALE,
    MIN_LOG_SCALE,
    Limits,
)

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

LEVELS = 256  # of a byte
MAX_PALETTE = 65536  # entries that a label of 16 bits can name
COEFFICIENTS = (0, 3, 8, 15)  # beyond DC, by bands
MIN_ALPHA = 1e-6  # bytes 0 and 255 are opacities next to 0 and 1
MODEL_NAMES: dict[Model, str] = {"mip": "antialiased", "2dgs": "2dgs"}


@dataclass(frozen=True, eq=False)
class Rest:
    """Spherical harmonics beyond DC: a palette, and each Gaussian's entry in it."""

    centroids: str  # names of pictures
    labels: str
    values: F32  # (256,)
    bands: int | None  # version 1 does not say: the picture's width does
    count: int | None  # entries of the palette; version 1: as many as the picture holds


@dataclass(frozen=True, eq=False)
class Meta:
    """What meta.json says."""

    count: int
    model: Model
    mins: F64  # (3,) of sign(x) ln(1 + |x|), x a coordinate
    maxs: F64  # (3,)
    means: tuple[str, str]  # names of pictures: low bytes, high bytes
    quats: str
    scales: tuple[str, F32]  # picture, (256, 3) natural logarithms
    sh0: tuple[str, F32]  # picture, (256, 4): DC, and opacity logits
    rest: Rest | None
    notes: tuple[str, ...] = ()


def parse_meta(table: object, origin: str, limits: Limits) -> Meta:
    """Checks the JSON of meta.json, of either version.

    Raises:
        FormatError: a field is missing, of the wrong type or out of range.
    """
    fields = Fields(table, origin, "meta.json")
    version = fields.integer("version") if "version" in fields else 1
    if version not in (1, 2):
        raise Unsupported(
            "a newer SOG file", path=origin, section="meta.json", expected="1, 2", found=version
        )
    means = _part(fields, "means", 2)
    bound = float(np.log1p(MAX_ABS_MEAN))
    count = fields.integer("count") if version == 2 else _first_of_shape(means)
    if count > limits.max_gaussians:
        raise TooLarge(
            "too many Gaussians", path=origin, expected=limits.max_gaussians, found=count
        )
    if count < 1:
        fields.fail("no Gaussians", expected="a count of at least 1", found=count)
    scales, sh0, quats = (_part(fields, name, 1) for name in ("scales", "sh0", "quats"))
    logits = np.clip(np.linspace(0, 1, LEVELS), MIN_ALPHA, 1 - MIN_ALPHA)
    alphas: F32 = logit(logits).astype(np.float32)[:, None]
    if version == 2:
        log_scales = np.tile(_codebook(scales, MIN_LOG_SCALE, MAX_LOG_SCALE)[:, None], 3)
        dc = np.tile(_codebook(sh0, -MAX_ABS_SH, MAX_ABS_SH)[:, None], 3)
    else:
        log_scales = _ramps(scales, 3, MIN_LOG_SCALE, MAX_LOG_SCALE)
        colours = _ramps(sh0, 4, -MAX_ABS_SH, MAX_ABS_SH)
        dc, alphas = colours[:, :3], np.clip(colours[:, 3:], *_LOGIT_RANGE)
    model, notes = _model(fields)
    return Meta(
        count,
        model,
        _bounded(means, "mins", -bound, bound),
        _bounded(means, "maxs", -bound, bound),
        (_file(means, 0), _file(means, 1)),
        _file(quats, 0),
        (_file(scales, 0), log_scales),
        (_file(sh0, 0), np.concatenate([dc, alphas], axis=1)),
        _rest(fields, version) if "shN" in fields else None,
        notes,
    )


_LOGIT_RANGE = (-MAX_ABS_OPACITY_LOGIT, MAX_ABS_OPACITY_LOGIT)


def _part(fields: Fields, name: str, files: int) -> Fields:
    """One object of meta.json, with its list of at least so many file names."""
    part = Fields(fields.table.get(name), fields.path, f"meta.json: {name}")
    names = part.table.get("files")
    if not isinstance(names, list) or len(names) < files:
        part.fail("no list of files", expected=f"{files} names", found=repr(names)[:40])
    return part


def _file(part: Fields, index: int) -> str:
    return Fields({"file": part.table["files"][index]}, part.path, part.section).text("file")


def _first_of_shape(means: Fields) -> int:
    shape: Any = means.table.get("shape")
    if not isinstance(shape, list) or not shape:
        means.fail("no shape", expected="a list of integers", found=repr(shape)[:40])
    return Fields({"shape[0]": shape[0]}, means.path, means.section).integer("shape[0]")


def _within(part: Fields, name: str, values: F64, low: float, high: float) -> F64:
    if values.min() < low or values.max() > high:
        worst = values.min() if values.min() < low else values.max()
        part.fail(f"{name} out of range", expected=f"{low:g} to {high:g}", found=worst)
    return values


def _bounded(part: Fields, name: str, low: float, high: float) -> F64:
    return _within(part, name, part.vector(name, 3), low, high)


def _codebook(part: Fields, low: float, high: float) -> F32:  # -> (256,)
    """A list of 256 numbers; early writers left the first one null, where their step led to it."""
    listed: Any = part.table.get("codebook")
    if isinstance(listed, list) and len(listed) == LEVELS and listed[0] is None:
        second, last = as_number(listed[1]), as_number(listed[-1])
        if second is not None and last is not None:
            listed = [max(low, second + (second - last) / (LEVELS - 1)), *listed[1:]]
    values = Fields({"codebook": listed}, part.path, part.section).vector("codebook", LEVELS)
    return _within(part, "codebook", values, low, high).astype(np.float32)


def _ramps(part: Fields, channels: int, low: float, high: float) -> F32:  # -> (256, channels)
    """Version 1: even steps from `mins` to `maxs`, a number a channel."""
    ends = [
        _within(part, name, part.vector(name, channels), low, high) for name in ("mins", "maxs")
    ]
    return np.linspace(ends[0], ends[1], LEVELS).astype(np.float32)


def _rest(fields: Fields, version: int) -> Rest:
    part = _part(fields, "shN", 2)
    centroids, labels = _file(part, 0), _file(part, 1)
    if version == 1:
        ends = Fields(
            {name: [part.number(name)] for name in ("mins", "maxs")}, part.path, part.section
        )
        values = _ramps(ends, 1, -MAX_ABS_SH, MAX_ABS_SH)[:, 0]
        return Rest(centroids, labels, values, None, None)
    bands, count = part.integer("bands"), part.integer("count")
    if not 1 <= bands < len(COEFFICIENTS):
        part.fail("bands out of range", expected="1 to 3", found=bands)
    if not 1 <= count <= MAX_PALETTE:
        part.fail("count out of range", expected=f"1 to {MAX_PALETTE}", found=count)
    return Rest(centroids, labels, _codebook(part, -MAX_ABS_SH, MAX_ABS_SH), bands, count)


def _model(fields: Fields) -> tuple[Model, tuple[str, ...]]:
    name = fields.table.get("model")
    if name is None or name == "default":
        return "3dgs", ()
    for model, known in MODEL_NAMES.items():
        if name == known:
            return model, ()
    return "3dgs", (f"unknown model {str(name)[:40]!r}, read as plain 3DGS",)
