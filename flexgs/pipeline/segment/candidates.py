# SPDX-License-Identifier: Apache-2.0
"""From a setting to Gaussians, bytes and a drop: what the search evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flexgs.codec import decode_splats, encode_splats
from flexgs.core import Splats
from flexgs.entropy import Effort
from flexgs.importance import ColourCosts, drop_sh
from flexgs.importance.sums import F64
from flexgs.pipeline.meter import DropMeter
from flexgs.quant import SegmentPlan
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
