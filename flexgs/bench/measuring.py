# SPDX-License-Identifier: Apache-2.0
"""Quality of what came out of a file: on the test views, and on the views that searches look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.batch import BatchScene
from flexgs.bench.lpips import Lpips
from flexgs.bench.model import Setup
from flexgs.core import Camera, Splats
from flexgs.pipeline.views import PHOTO_CACHE_BYTES, Views, find_views
from flexgs.progress import SILENT
from flexgs.quality import Quality, measure_quality, read_photograph
from flexgs.render import Renderer, get_renderer
from flexgs.report.to_json import to_plain
from flexgs.scenes import read_scene

F32 = npt.NDArray[np.float32]
_NUMBERS = (
    "drop_db",
    "psnr_renders",
    "ssim_renders",
    "psnr_original_photo",
    "psnr_compressed_photo",
    "ssim_original_photo",
    "ssim_compressed_photo",
)


@dataclass(eq=False)
class Judge:
    """A scene with its views; renders of the original are made once where memory allows it."""

    scene: BatchScene
    splats: Splats
    views: Views
    renderer: Renderer
    lpips: Lpips | None
    _kept: dict[str, F32] | None

    def measure(self, other: Splats) -> dict[str, Any]:
        """`report` (test views, used for nothing else) and `search`: numbers, as JSON values.

        Raises:
            SceneError: a view cannot be compared.
        """
        report = self._quality(other, self.views.split.report, with_ssim=True)
        search = self._quality(other, self.views.split.search, with_ssim=False)
        told = _numbers(report) | {"lpips": self._lpips(other)}
        told["by_view"] = {view.name: round(view.drop_db, 4) for view in report.views}
        plain: dict[str, Any] = to_plain({"report": told, "search": _numbers(search)})
        return plain

    def render(self, splats: Splats, view: str) -> F32:  # (h, w, 3)
        """A test view, by its name."""
        camera = next(camera for camera in self.views.split.report if camera.name == view)
        return self.renderer.render(splats, camera)

    def _quality(self, other: Splats, views: Sequence[Camera], with_ssim: bool) -> Quality:
        return measure_quality(
            self.splats,
            other,
            views,
            self.renderer,
            photographs=self.views.photographs,
            reference_psnr=self.views.reference_psnr(None),
            with_ssim=with_ssim,
            original_images=self._kept,
        )

    def _lpips(self, other: Splats) -> float | None:
        """Mean over the test views, to photographs where there are any, else to renders."""
        if self.lpips is None:
            return None
        found = []
        for camera in self.views.split.report:
            truth = (
                read_photograph(camera)
                if self.views.photographs
                else self.renderer.render(self.splats, camera)
            )
            found.append(self.lpips.distance(truth, self.renderer.render(other, camera)))
        return float(np.mean(found))


def open_judge(scene: BatchScene, setup: Setup, lpips: Lpips | None) -> Judge:
    """Reads the scene and finds its views, as `flexgs compress` does.

    Raises:
        UsageError, FormatError, SceneError: the scene or its cameras cannot be used.
    """
    renderer = get_renderer(setup.device, setup.threads)
    splats = read_scene(scene.path)
    views = find_views(
        scene.path, splats, renderer, scene.cameras, scene.images, SILENT, setup.max_side
    )
    measured = (*views.split.report, *views.split.search)
    pixels = sum(camera.width * camera.height for camera in measured)
    kept: dict[str, F32] | None = {} if 12 * pixels <= PHOTO_CACHE_BYTES else None
    return Judge(scene, splats, views, renderer, lpips, kept)


def evaluate_command(scene: BatchScene, decoded: Path, setup: Setup, views: str) -> list[str]:
    """The command that measures the same on one set of views."""
    command = ["flexgs", "evaluate", str(scene.path), str(decoded), "--views", views]
    for name, source in (("--cameras", scene.cameras), ("--images", scene.images)):
        command += [] if source is None else [name, str(source)]
    return [*command, "--max-side", str(setup.max_side)]


def _numbers(quality: Quality) -> dict[str, Any]:
    numbers = {name: getattr(quality, name) for name in _NUMBERS}
    return {**numbers, "views": len(quality.views), "estimate": quality.is_estimate}
