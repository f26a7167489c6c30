# SPDX-License-Identifier: Apache-2.0
"""Values that no Gaussian can have: NaN, infinity, out of range, of the wrong domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io.validate import BrokenRule, broken_rules, clamp_splats, refuse_activated
from flexgs.lint.model import Code, Finding

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

ROWS_SHOWN = 5
_DROP = "--drop-invalid leaves such Gaussians out"


def first_rows(mask: Mask, names: npt.NDArray[np.integer] | None = None) -> tuple[int, ...]:
    """The first rows of a mask, (n,); `names`, (n,), are their numbers in the file."""
    rows = np.flatnonzero(mask)[:ROWS_SHOWN]
    return tuple(int(row) for row in (rows if names is None else names[rows]))


def find_faults(splats: Splats, path: str | Path, raw: bool) -> tuple[list[Finding], Splats, Rows]:
    """What is wrong with the numbers of a file, the Gaussians that are usable, and their rows.

    Args:
        splats: as the file has them.
        path: of the file.
        raw: see `validate_splats`.
    """
    if splats.n == 0:
        empty = Finding("error", "empty", "there are no Gaussians in it")
        return [empty], splats, np.zeros(0, np.intp)
    clamped, notes = clamp_splats(splats)
    findings = [Finding("info", "clamped", note) for note in notes]
    usable = np.ones(splats.n, bool)
    for rule in broken_rules(clamped):
        usable &= ~rule.broken
        findings += _broken(clamped, rule)
    if raw and usable.any():
        try:
            refuse_activated(clamped.select(usable), path)
        except SceneError as error:
            what = f"{error.what} ({error.found})"
            findings.append(Finding("error", "activated", what, field=error.section))
            usable[:] = False
    sound = clamped if usable.all() else clamped.select(usable)
    return findings, sound, np.flatnonzero(usable)


def _broken(splats: Splats, rule: BrokenRule) -> list[Finding]:
    """NaN, infinity and the rest of what breaks a rule, apart from each other."""
    values = getattr(splats, rule.field).reshape(splats.n, -1)
    nan = np.isnan(values).any(axis=1)
    infinite = np.isinf(values).any(axis=1) & ~nan
    rest = rule.broken & ~nan & ~infinite
    kinds: dict[Code, tuple[Mask, str]] = {
        "nan": (nan, "NaN"),
        "infinite": (infinite, "infinite"),
        "out-of-range": (rest, f"not {rule.law}"),
    }
    return [
        Finding(
            "error",
            code,
            f"{rule.field}: {words}",
            int(mask.sum()),
            first_rows(mask),
            rule.field,
            _DROP,
        )
        for code, (mask, words) in kinds.items()
        if mask.any()
    ]
