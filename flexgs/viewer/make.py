# SPDX-License-Identifier: Apache-2.0
"""Scene files, cameras and a report, made into one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from flexgs.errors import UsageError
from flexgs.io import atomic_write, ensure_output, ensure_suffix
from flexgs.io.formats.losses import Loss
from flexgs.progress import SILENT, Progress
from flexgs.viewer.figures import read_figures
from flexgs.viewer.page import Page, self_contained
from flexgs.viewer.scene import open_shown
from flexgs.viewer.views import find_stops

MOST_SCENES = 2


def make_page(
    paths: Sequence[str | Path],
    *,
    report: str | Path | None = None,
    cameras: Path | Literal["none"] | None = None,
    progress: Progress = SILENT,
) -> Page:
    """One scene, or two: the original, and what it is compared with.

    Args:
        report: JSON of `compress --report` or `evaluate --json`; its worst view comes first.
        cameras: a file or folder of cameras; None looks beside the scenes; "none" places some.

    Raises:
        UsageError, FormatError, SceneError: a file cannot be used.
    """
    if not 0 < len(paths) <= MOST_SCENES:
        raise UsageError("a page shows one scene or two", found=len(paths))
    scenes = []
    with progress.stage("read", total=len(paths)) as advance:
        for path in paths:
            scenes.append(open_shown(path))
            advance(1)
    if len(scenes) > 1 and scenes[0].name == scenes[1].name:
        scenes[1] = replace(scenes[1], name=f"{scenes[1].name} (2)")
    figures = None if report is None else read_figures(report, tuple(scenes))
    stops = find_stops(paths, scenes[0].splats, cameras, figures, progress)
    return Page(tuple(scenes), stops, figures)


def ensure_html(output: str | Path, force: bool, inputs: Sequence[str | Path]) -> None:
    """Checks, before any work, that a page can be written to `output`.

    Raises:
        UsageError: see `ensure_output`.
    """
    ensure_suffix(output, ".html")
    ensure_output(output, force, inputs)


def write_html(page: Page, bundle: Mapping[str, bytes], output: str | Path) -> tuple[Loss, ...]:
    """Writes one self-contained file; returns what its copies of the scenes do not hold.

    Raises:
        SceneError: see `self_contained`.
        FlexgsError: the system refused a write.
    """
    html, losses = self_contained(page, bundle)
    with atomic_write(output) as file:
        file.write(html)
    return losses
