# SPDX-License-Identifier: Apache-2.0
"""The report of a compression, filled in."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from flexgs.codec import describe
from flexgs.core import Camera
from flexgs.quality import Quality, Renders, Scene
from flexgs.report import Picture, SearchStep, TargetFacts, views_to_picture
from flexgs.search import MaxBytes, MaxDrop, SearchResult

PACKAGES = ("flexgs", "numpy", "numba", "brotli", "zstandard", "torch", "gsplat")


def target_facts(kind: str, value: float, result: SearchResult, size_bytes: int) -> TargetFacts:
    """What was asked for, what it stood for, and whether it was reached."""
    target = result.target
    fits = not isinstance(target, MaxBytes) or size_bytes <= target.size
    return TargetFacts(
        kind=kind,
        value=value,
        reached=result.reached and fits,
        limit_drop_db=target.db if isinstance(target, MaxDrop) else None,
        limit_bytes=target.size if isinstance(target, MaxBytes) else None,
    )


def search_steps(result: SearchResult) -> tuple[SearchStep, ...]:
    """The search's log."""
    return tuple(
        SearchStep(
            number=e.number,
            pruning_rate=e.setting.pruning_rate,
            sh_rate=e.setting.sh_rate,
            size_bytes=e.size_bytes,
            drop_db=e.drop_db,
            seconds=e.seconds,
            stage=e.stage,
            accepted=e.accepted,
            strength=e.strength,
            predicted_db=e.predicted_db,
        )
        for e in result.log
    )


def take_pictures(
    original: Scene,
    compressed: Scene,
    cameras: Sequence[Camera],
    quality: Quality,
    renderer: Renders[Scene],
) -> tuple[Picture, ...]:
    """The worst and the median view, before and after."""
    by_name = {camera.name: camera for camera in cameras}
    drops = {view.name: view.drop_db for view in quality.views}
    return tuple(
        Picture(
            label,
            name,
            drops[name],
            renderer.render(original, by_name[name]),
            renderer.render(compressed, by_name[name]),
        )
        for label, name in views_to_picture(quality)
    )


def versions() -> dict[str, str]:
    """Of everything that had a part in the result, and the machine's kind."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def bytes_by_attribute(data: bytes) -> dict[str, int]:
    """Where the bytes of the file went; the values add up to all of them."""
    return dict(describe(data).bytes_by_attribute)
