# SPDX-License-Identifier: Apache-2.0
"""What the stages of one compression share, and the clock that they run by."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from flexgs.core import Camera, Splats
from flexgs.importance.sums import F32
from flexgs.options import CompressOptions
from flexgs.pipeline.views import Views
from flexgs.progress import Progress
from flexgs.render import Renderer
from flexgs.report import RepairFacts, SceneFacts
from flexgs.search import SearchResult


class StageClock:
    """Adds up the wall-clock seconds of named stages.

    >>> clock = StageClock()
    >>> with clock.stage("read"):
    ...     pass
    >>> list(clock.seconds)
    ['read']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time spent inside counts for `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def peak_memory_bytes() -> int | None:
    """The most memory this process has held; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@dataclass(frozen=True, eq=False)
class Job:
    """One compression: what it works on, and with what."""

    source: SceneFacts
    splats: Splats
    options: CompressOptions
    profile: str  # rd | segment, another tool's format, or auto: whichever is smallest
    renderer: Renderer
    views: Views
    photograph: Callable[[Camera], F32] | None
    progress: Progress
    clock: StageClock
    share: float = 1.0  # of the squared error that the target allows, where this is one block
    renders: Callable[[Camera], F32] | None = None  # of the original; None: made and kept here

    @property
    def facts(self) -> dict[str, object]:
        """What the file says of where it comes from: no path, time or name (docs/format.md)."""
        return {
            "score": self.options.score,
            "drop_from": "photographs" if self.views.photographs else "renders",
            "cameras": "invented" if self.views.invented else "given",
            "original_bytes": self.source.size_bytes,
            "original_gaussians": self.source.gaussians,
        }


@dataclass(frozen=True, eq=False)
class Found:
    """The file, and how it came about."""

    data: bytes
    result: SearchResult
    plan: Mapping[str, object] = field(default_factory=dict)  # JSON values for the report
    repair: RepairFacts | None = None
    notes: tuple[str, ...] = ()  # warnings for the report
    format: str | None = None  # the format that was found to be smallest
