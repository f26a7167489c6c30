# SPDX-License-Identifier: Apache-2.0
"""What the stages of a compression in blocks share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flexgs.pipeline.blocks.memory import Sizes
from flexgs.pipeline.blocks.sights import Sights
from flexgs.pipeline.blocks.stored.looking import TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables
from flexgs.pipeline.blocks.work.tasks import RenderFolder, Setting, original_renders
from flexgs.pipeline.job import Job
from flexgs.pipeline.meter import Meter


@dataclass(frozen=True, eq=False)
class Whole:
    """A scene in tables, and all that judges it."""

    job: Job  # with no Gaussians in it
    setting: Setting
    original: Tables
    sights: Sights
    renderer: TableRenderer
    meter: Meter[Tables]  # the drop of the whole scene, on the search views
    sizes: Sizes
    folder: Path  # for temporary files

    @property
    def renders(self) -> RenderFolder:
        """What the original looks like."""
        return original_renders(self.setting, self.original)
