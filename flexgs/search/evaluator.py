# SPDX-License-Identifier: Apache-2.0
"""Builds and measures settings: each once, within the budget, all of them logged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from flexgs.errors import FlexgsError, UsageError
from flexgs.search.result import Evaluation, Stage
from flexgs.search.setting import Setting
from flexgs.search.target import Target, cost, load


@dataclass(frozen=True)
class Budget:
    """What a search may spend. Evaluations are always bounded.

    A time budget makes the outcome depend on the machine's speed; without one the search is
    deterministic. At least one setting is evaluated.
    """

    max_evaluations: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.max_evaluations < 1:
            raise UsageError(
                "a search needs evaluations", expected="at least 1", found=self.max_evaluations
            )


class BudgetSpentError(Exception):
    """Ends a stage; `search` catches it."""


class Evaluator:
    """`evaluator(setting, stage)` measures, or remembers.

    Raises:
        BudgetSpentError: a new setting does not fit the budget any more.
        FlexgsError: a distortion is not a number, or a size is not positive.
    """

    def __init__(
        self,
        distortion: Callable[[Setting], float],
        size: Callable[[Setting], int],
        target: Target,
        budget: Budget,
        on_evaluation: Callable[[Evaluation], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.target = target
        self._distortion = distortion
        self._size = size
        self._budget = budget
        self._on_evaluation = on_evaluation
        self._clock = clock
        self._started = clock()
        self._done: dict[Setting, Evaluation] = {}

    def __call__(self, setting: Setting, stage: Stage) -> Evaluation:
        if setting in self._done:
            return self._done[setting]
        self._check_budget()
        started = self._clock()
        size_bytes = int(self._size(setting))
        drop_db = float(self._distortion(setting))
        if math.isnan(drop_db) or size_bytes < 1:
            raise FlexgsError(
                f"the evaluation of {setting} failed",
                expected="a drop in dB and a size in bytes",
                found=f"{drop_db} dB, {size_bytes} bytes",
            )
        evaluation = Evaluation(
            number=len(self._done) + 1,
            setting=setting,
            size_bytes=size_bytes,
            drop_db=drop_db,
            seconds=self._clock() - started,
            stage=stage,
            accepted=load(self.target, size_bytes, drop_db) <= 1.0,
        )
        self._done[setting] = evaluation
        if self._on_evaluation is not None:
            self._on_evaluation(evaluation)
        return evaluation

    def __contains__(self, setting: Setting) -> bool:
        return setting in self._done

    @property
    def log(self) -> tuple[Evaluation, ...]:
        """Everything measured, in order."""
        return tuple(self._done.values())

    @property
    def left(self) -> int:
        """Evaluations that may still be made."""
        return self._budget.max_evaluations - len(self._done)

    @property
    def best(self) -> Evaluation | None:
        """The cheapest setting that meets the target, if one does."""
        met = [e for e in self.log if e.accepted]
        return min(met, key=lambda e: cost(self.target, e.size_bytes, e.drop_db), default=None)

    @property
    def nearest(self) -> Evaluation:
        """`best`, or else the setting that misses the target by least."""
        missed = min(self.log, key=lambda e: load(self.target, e.size_bytes, e.drop_db))
        return self.best or missed

    def _check_budget(self) -> None:
        if self.left <= 0:
            limit = self._budget.max_evaluations
            raise BudgetSpentError(f"the limit of {limit} evaluations is reached")
        if self._budget.seconds is None or not self._done:
            return
        longest = max(e.seconds for e in self._done.values())
        if self._clock() - self._started + longest > self._budget.seconds:
            raise BudgetSpentError(f"the time budget of {self._budget.seconds:g} s is spent")
