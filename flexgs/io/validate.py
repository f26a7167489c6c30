# SPDX-License-Identifier: Apache-2.0
"""Whether numbers that came out of a file can be Gaussians: ranges, NaN, the wrong domain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.limits import (
    MAX_ABS_MEAN,
    MAX_ABS_OPACITY_LOGIT,
    MAX_ABS_SH,
    MAX_LOG_SCALE,
    MIN_LOG_SCALE,
    MIN_QUAT_NORM,
)

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BrokenRule:
    """Rows of one field that break one law."""

    field: str
    law: str
    broken: Mask  # (n,)


def _outside(values: F32, low: float, high: float) -> Mask:  # (n, ...) -> (n,)
    """Rows with a value that is NaN or out of [low, high]."""
    if not values.size:
        return np.zeros(len(values), bool)
    flat = values.reshape(len(values), -1)
    # a NaN fails both comparisons; the whole-array test first, it is the common case
    if bool(flat.min() >= low) and bool(flat.max() <= high):
        return np.zeros(len(flat), bool)
    return np.asarray(~((flat >= low) & (flat <= high)).all(axis=1))


def broken_rules(splats: Splats) -> list[BrokenRule]:
    """The laws that some rows break: finite numbers in range, quaternions with a length."""
    squares = np.einsum("ij,ij->i", splats.quats, splats.quats, dtype=np.float64)
    quats_ok = np.isfinite(squares) & (squares > MIN_QUAT_NORM**2)
    ranges = (
        ("means", splats.means, -MAX_ABS_MEAN, MAX_ABS_MEAN),
        ("log_scales", splats.log_scales, MIN_LOG_SCALE, MAX_LOG_SCALE),
        ("opacity_logits", splats.opacity_logits, -np.inf, np.inf),
        ("sh", splats.sh, -MAX_ABS_SH, MAX_ABS_SH),
    )
    rules = [
        BrokenRule(name, f"numbers in [{low:g}, {high:g}]", _outside(values, low, high))
        for name, values, low, high in ranges
    ]
    rules.append(BrokenRule("quats", f"finite, length over {MIN_QUAT_NORM:g}", ~quats_ok))
    return [rule for rule in rules if rule.broken.any()]


def _first_bad(
    splats: Splats, rule: BrokenRule, path: str | Path | None, first: int = 0
) -> SceneError:
    row = int(np.argmax(rule.broken))
    values: F32 = getattr(splats, rule.field)[row].reshape(-1)
    shown = values[~np.isfinite(values)][:1] if not np.isfinite(values).all() else values[:4]
    return SceneError(
        f"{rule.field} of Gaussian {first + row} is not usable; "
        f"{int(rule.broken.sum())} rows are like it",
        path=path,
        section=rule.field,
        expected=rule.law,
        found=", ".join(f"{value:g}" for value in shown),
        hint="flexgs compress --drop-invalid leaves such Gaussians out",
    )


def clamp_splats(splats: Splats) -> tuple[Splats, list[str]]:
    """Infinities that have a meaning: opaque, transparent, infinitely thin."""
    notes = []
    logits, scales = splats.opacity_logits, splats.log_scales
    beyond = int((np.abs(logits) > MAX_ABS_OPACITY_LOGIT).sum())
    if beyond:
        logits = np.clip(logits, -MAX_ABS_OPACITY_LOGIT, MAX_ABS_OPACITY_LOGIT)
        notes.append(f"{beyond} opacity logits clamped to +-{MAX_ABS_OPACITY_LOGIT:g}")
    thin = np.isneginf(scales)
    if thin.any():
        scales = np.where(thin, np.float32(MIN_LOG_SCALE), scales)
        notes.append(f"{int(thin.sum())} log scales of -inf set to {MIN_LOG_SCALE:g}")
    return (replace(splats, opacity_logits=logits, log_scales=scales) if notes else splats), notes


def refuse_activated(splats: Splats, path: str | Path) -> None:
    """Values that already went through sigmoid or exp would do so twice.

    Constant values and single Gaussians prove nothing and pass.

    Raises:
        SceneError: so they look.
    """
    if splats.n < 2:
        return
    refuse_ranges(*value_ranges(splats), path)


Range = tuple[float, float]


def value_ranges(splats: Splats) -> tuple[Range, Range]:
    """Least and largest opacity logit and log scale of at least one Gaussian."""
    logits, scales = splats.opacity_logits, splats.log_scales
    if splats.model == "2dgs":
        scales = scales[:, :2]  # the third is ours
    each = ((float(a.min()), float(a.max())) for a in (logits, scales))
    return next(each), next(each)


def refuse_ranges(logits: Range, scales: Range, path: str | Path) -> None:
    """See `refuse_activated`."""
    low, high = logits
    if 0 <= low < high <= 1:
        what, law, found = "opacities", "logits", f"all in [{low:g}, {high:g}]"
    elif 0 < scales[0] < scales[1]:
        what, law, found = "scales", "natural logarithms", f"all > 0, from {scales[0]:g}"
    else:
        return
    raise SceneError(
        f"the {what} look already activated",
        path=path,
        section="opacity_logits" if what == "opacities" else "log_scales",
        expected=law,
        found=found,
        hint="flexgs reads a trainer's raw .ply: opacity logits and log scales",
    )


def require_valid(splats: Splats) -> None:
    """Refuses what no file may hold.

    Raises:
        SceneError: a NaN or a value out of range; field and first row are named.
    """
    rules = broken_rules(splats)
    if rules:
        raise _first_bad(splats, rules[0], None)


def validate_splats(
    splats: Splats,
    path: str | Path,
    drop_invalid: bool = False,
    *,
    raw: bool = True,
    first: int = 0,
) -> tuple[Splats, tuple[str, ...]]:
    """The usable scene, and what was changed to get it (clamped or dropped, with counts).

    Args:
        raw: the file holds a trainer's numbers as they are, so that activated ones are suspicious.
        first: number of the first Gaussian in the file, where this is a piece of it.

    Raises:
        SceneError: a NaN or a value out of range (field and first row are named) unless
            `drop_invalid`; values that look activated already; no valid Gaussian left.
    """
    splats, notes = clamp_splats(splats)
    rules = broken_rules(splats)
    if rules and not drop_invalid:
        raise _first_bad(splats, rules[0], path, first)
    if rules:
        bad = np.logical_or.reduce([rule.broken for rule in rules])
        if bad.all():
            raise SceneError("no Gaussian of the scene is valid", path=path, found=rules[0].field)
        splats = splats.select(~bad)
        notes.append(f"{int(bad.sum())} invalid Gaussians dropped")
    if raw:
        refuse_activated(splats, path)
    return splats, tuple(notes)
