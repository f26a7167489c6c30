# SPDX-License-Identifier: Apache-2.0
"""What came of a benchmark, and the questions that tables and plots ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flexgs.batch import BatchScene, Row
from flexgs.batch.inputs.layouts import INDOOR, OUTDOOR
from flexgs.bench.curves import Found, Spot, mean_found, size_at
from flexgs.bench.model import Method
from flexgs.bench.planning import Job, Plan

ViewSet = Literal["report", "search"]
WORDS = {"report": "test views", "search": "search views"}
DATASETS = {  # as the 3DGS.zip survey calls them
    "MipNeRF360": (*INDOOR, *OUTDOOR),
    "TanksAndTemples": ("train", "truck"),
    "DeepBlending": ("drjohnson", "playroom"),
}
OTHERS = "Others"
OURS = "flexgs"  # what the others are compared with


@dataclass(frozen=True)
class Outcome:
    """A plan, the rows of its jobs in order, and where that was."""

    plan: Plan
    rows: tuple[Row, ...]
    machine: Mapping[str, str]
    lpips: str  # a word on it
    notes: tuple[str, ...] = field(default=())

    @property
    def pairs(self) -> tuple[tuple[Job, Row], ...]:
        """Jobs with what became of them."""
        return tuple(zip(self.plan.jobs, self.rows, strict=True))

    @property
    def drops(self) -> tuple[float, ...]:
        """Those asked for, dB."""
        return self.plan.setup.drops

    def files(self, scene: BatchScene, method: Method) -> list[Mapping[str, Any]]:
        """Results of a method's files of a scene."""
        return [
            row.result
            for job, row in self.pairs
            if job.scene == scene and job.method == method and row.result is not None
        ]

    def spots(self, scene: BatchScene, method: Method, views: ViewSet) -> list[Spot]:
        """Its curve on one set of views."""
        return [Spot(f[views]["drop_db"], f["bytes"]) for f in self.files(scene, method)]

    def size(
        self, scenes: Sequence[BatchScene], method: Method, drop_db: float, views: ViewSet
    ) -> Found:
        """Bytes at a drop, mean over scenes."""
        return mean_found([size_at(self.spots(s, method, views), drop_db) for s in scenes])

    def groups(self) -> dict[str, tuple[BatchScene, ...]]:
        """Every scene alone; then data sets of which there are several scenes; then all."""
        scenes = self.plan.scenes
        found: dict[str, tuple[BatchScene, ...]] = {scene.name: (scene,) for scene in scenes}
        for name in DATASETS:
            members = tuple(scene for scene in scenes if dataset_of(scene.name) == name)
            if len(members) > 1:
                found[f"mean of {name} ({len(members)} scenes)"] = members
        if len(scenes) > 1 and scenes not in found.values():
            found[f"mean of all {len(scenes)} scenes"] = scenes
        return found


def dataset_of(scene: str) -> str:
    """The data set that a scene's name says.

    >>> dataset_of("Bonsai"), dataset_of("attic")
    ('MipNeRF360', 'Others')
    """
    return next((name for name, known in DATASETS.items() if scene.lower() in known), OTHERS)
