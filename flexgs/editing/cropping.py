# SPDX-License-Identifier: Apache-2.0
"""A part of a scene: what lies in a box or a sphere, what is opaque or small enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.editing.files import Edited, Scene, check_output, open_source, save
from flexgs.errors import SceneError, UsageError


@dataclass(frozen=True)
class Region:
    """Gaussians that pass all of the tests given; with `invert` all others.

    A Gaussian is where its centre is; on the boundary counts as inside.

    Raises:
        UsageError: no test, or one of numbers that cannot be meant.

    >>> Region(sphere=(0, 0, 0, 1), min_opacity=0.1).max_scale is None
    True
    """

    box: tuple[float, ...] | None = None  # x0, y0, z0, x1, y1, z1: two corners, scene units
    sphere: tuple[float, ...] | None = None  # x, y, z, radius: scene units
    min_opacity: float | None = None  # 0 to 1
    max_scale: float | None = None  # largest standard deviation, scene units
    invert: bool = False

    def __post_init__(self) -> None:
        singles = {"min_opacity": self.min_opacity, "max_scale": self.max_scale}
        _check("box", self.box, 6)
        _check("sphere", self.sphere, 4)
        for name, value in singles.items():
            _check(name, None if value is None else (value,), 1)
        if self.box is not None and any(self.box[i] > self.box[i + 3] for i in range(3)):
            found = ",".join(f"{value:g}" for value in self.box)
            raise UsageError("--box ends before it begins", expected="x0 <= x1, ...", found=found)
        if self.sphere is not None and self.sphere[3] <= 0:
            raise UsageError("--sphere has no radius", expected="over 0", found=self.sphere[3])
        tests = (self.box, self.sphere, self.min_opacity, self.max_scale)
        if all(test is None for test in tests):
            raise UsageError(
                "nothing to crop by", expected="--box, --sphere, --min-opacity or --max-scale"
            )

    def contains(self, splats: Splats) -> npt.NDArray[np.bool_]:  # (n,)
        """Which of the 3-D Gaussians are kept."""
        kept = np.ones(splats.n, bool)
        if self.box is not None:
            low, high = np.array(self.box[:3]), np.array(self.box[3:])
            kept &= ((splats.means >= low) & (splats.means <= high)).all(axis=1)
        if self.sphere is not None:
            away = splats.means.astype(np.float64) - np.array(self.sphere[:3])
            kept &= np.einsum("ij,ij->i", away, away) <= self.sphere[3] ** 2
        if self.min_opacity is not None:
            kept &= sigmoid(splats.opacity_logits) >= self.min_opacity
        if self.max_scale is not None:
            kept &= np.exp(splats.log_scales.max(axis=1, initial=-np.inf)) <= self.max_scale
        return ~kept if self.invert else kept


def _check(name: str, numbers: tuple[float, ...] | None, count: int) -> None:
    if numbers is None:
        return
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise UsageError(
            f"--{name.replace('_', '-')} cannot be so",
            expected=f"{count} finite numbers",
            found=", ".join(f"{number:g}" for number in numbers),
        )


def crop(
    scene: Scene,
    region: Region,
    output: str | Path | None = None,
    *,
    force: bool = False,
    variant: str | None = None,
    plain: bool = False,
    drop_invalid: bool = False,
) -> Edited:
    """The Gaussians of a scene that lie in a region, in their order, unchanged.

    Args:
        scene: a file of any format, or Gaussians.
        region: which to keep, in the axes and units of the scene.
        output: where they go; the name says the format. None: nowhere.
        variant: of that format, see `write_scene`.
        plain: see `write_scene`.
        drop_invalid: leave Gaussians with unusable values out instead of refusing the scene.

    Raises:
        UsageError: nothing would be left, or `output` cannot be written.
        FormatError, SceneError: see `open_scene` and `write_scene`.
    """
    check_output([scene], output, force)
    opened = open_source(scene, drop_invalid)
    if opened.splats.d != 3:
        raise SceneError("only scenes can be cropped", expected="3-D", found=f"{opened.splats.d}-D")
    kept = opened.splats.select(region.contains(opened.splats))
    if not kept.n:
        raise UsageError(
            "nothing would be left",
            expected="one Gaussian at least",
            found=f"0 of {opened.splats.n}",
        )
    return save(kept, [opened], output, force=force, variant=variant, plain=plain)
