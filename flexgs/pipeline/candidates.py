# SPDX-License-Identifier: Apache-2.0
"""From a setting to Gaussians, bytes and a drop: what the search evaluates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flexgs.codec import decode_splats, encode_splats
from flexgs.core import Camera, Splats
from flexgs.entropy import Effort
from flexgs.errors import SceneError
from flexgs.importance import ColourCosts, drop_sh
from flexgs.importance.sums import F32, F64
from flexgs.quality import drop_from_psnr
from flexgs.quant import SegmentPlan
from flexgs.render import Renderer
from flexgs.render.metrics import psnr
from flexgs.search import Setting

LONGEST_DROP = -88.8888  # stands for a drop not yet known: no real one takes more digits


@dataclass(frozen=True, eq=False)
class Ranking:
    """What importance says: the order of removal, and the price of every SH."""

    order: np.ndarray  # (n,) row numbers, the first to go first
    colour: ColourCosts


def apply_setting(splats: Splats, ranking: Ranking, setting: Setting) -> tuple[Splats, F64]:
    """The Gaussians that remain, some without SH, and their colour weights (m,)."""
    kept = np.sort(ranking.order[round(setting.pruning_rate * splats.n) :])
    count = round(setting.sh_rate * len(kept)) if splats.degree else 0
    cheapest = np.argsort(ranking.colour.cost[kept], kind="stable")[:count]
    reduced = drop_sh(splats, ranking.colour, kept[cheapest])
    return reduced.select(kept), ranking.colour.weights[kept]


class DropMeter:
    """The drop of a scene on some views, with everything about the original computed once.

    With photographs: mean of PSNR(photo, original) - PSNR(photo, candidate). Without: the mean of
    the drops that PSNRs against the original renders stand for.

    Raises:
        SceneError: the original is black in every view; any compression of it would look perfect.
    """

    def __init__(
        self,
        original: Splats,
        cameras: Sequence[Camera],
        renderer: Renderer,
        photograph: Callable[[Camera], F32] | None,
        reference_psnr: float,
    ) -> None:
        self._cameras = cameras
        self._renderer = renderer
        self.reference_psnr = reference_psnr
        self._photograph = photograph
        self._before: dict[str, float] = {}
        self._renders: dict[str, F32] = {}
        seen = False
        for camera in cameras:
            image = renderer.render(original, camera)
            seen = seen or bool(image.any())
            if photograph is None:
                self._renders[camera.name] = image
            else:
                self._before[camera.name] = psnr(photograph(camera), image)
        if not seen:
            raise SceneError(
                "no view sees any of the Gaussians",
                expected="cameras of this scene",
                found=f"{len(cameras)} black renders",
                hint="Name the scene's own --cameras, or use --cameras none to invent some.",
            )

    @property
    def original_psnr(self) -> float | None:
        """Mean PSNR of the original against the photographs, in dB; None without any."""
        return float(np.mean([*self._before.values()])) if self._before else None

    def __call__(self, candidate: Splats) -> float:
        """Mean drop in dB."""
        return float(np.mean([self._drop(candidate, camera) for camera in self._cameras]))

    def _drop(self, candidate: Splats, camera: Camera) -> float:
        image = self._renderer.render(candidate, camera)
        if self._photograph is None:
            return drop_from_psnr(psnr(self._renders[camera.name], image), self.reference_psnr)
        return self._before[camera.name] - psnr(self._photograph(camera), image)


class Candidates:
    """`size` and `distortion` of settings, for the search; both look at the same encoded file."""

    def __init__(
        self,
        splats: Splats,
        ranking: Ranking,
        plan: SegmentPlan,
        meter: DropMeter,
        facts: Mapping[str, object],  # JSON values for the metadata of every file
    ) -> None:
        self._splats = splats
        self._ranking = ranking
        self._plan = plan
        self._meter = meter
        self._facts = facts
        self._last: tuple[Setting, bytes] | None = None

    def encode(self, setting: Setting, drop_db: float, effort: Effort) -> bytes:
        """The file for one setting. Its metadata hold no path, time or name (docs/format.md)."""
        reduced, weights = apply_setting(self._splats, self._ranking, setting)
        metadata = {
            **self._facts,
            "pruning_rate": setting.pruning_rate,
            "sh_rate": setting.sh_rate,
            "drop_db": round(drop_db, 4),
        }
        return encode_splats(
            reduced, self._plan, weights={"colour": weights}, metadata=metadata, effort=effort
        )

    def size(self, setting: Setting) -> int:
        """Bytes of the file, quickly coded."""
        self._last = (setting, self.encode(setting, LONGEST_DROP, "fast"))
        return len(self._last[1])

    def distortion(self, setting: Setting) -> float:
        """Drop in dB of what the file decodes to."""
        if self._last is None or self._last[0] != setting:
            self.size(setting)
        _, data = self._last or (setting, b"")
        return self._meter(decode_splats(data))
