# SPDX-License-Identifier: Apache-2.0
"""What a search found, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flexgs.errors import SearchError
from flexgs.search.setting import Setting
from flexgs.search.target import Target, describe

Stage = Literal["seed", "neighbour", "refine", "land"]


@dataclass(frozen=True)
class Evaluation:
    """One setting that was built and measured."""

    number: int  # from 1, in the order of the search
    setting: Setting
    size_bytes: int
    drop_db: float
    seconds: float
    stage: Stage
    accepted: bool  # the target holds
    strength: float = 0.0  # of the rd profile: squared error worth one bit
    predicted_db: float | None = None  # the drop expected before the search's views were rendered


@dataclass(frozen=True)
class SearchResult:
    """The best setting and every evaluation that led to it."""

    best: Evaluation
    log: tuple[Evaluation, ...]
    target: Target
    stopped: str  # why no further setting was tried

    @property
    def reached(self) -> bool:
        """The best setting meets the target."""
        return self.best.accepted


class TargetUnreachableError(SearchError):
    """No setting that was tried meets the target; `result.best` comes nearest."""

    def __init__(self, result: SearchResult) -> None:
        self.result = result
        best = result.best
        super().__init__(
            f"no setting meets the target; {result.stopped}",
            expected=describe(result.target),
            found=f"{best.drop_db:.3f} dB and {best.size_bytes} bytes at best",
            hint="Relax the target, allow more evaluations, or use --best-effort.",
        )
