# SPDX-License-Identifier: Apache-2.0
"""What is searched: two rates on a lattice."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LATTICE = 200  # settings a unit of rate: fine enough to land within a few hundredths of a dB
MAX_PRUNING_RATE = 0.95
UNIT_STEPS = 2  # lattice steps in a "1x" move of the neighbour stage (a rate of 0.01)
MEM_WEIGHT = 1.8  # bytes that a share of pruning saves, relative to the same share of SH


@dataclass(frozen=True, order=True)
class Setting:
    """How strongly to compress.

    >>> Setting(0.5, 0.25).mem_score
    1.15
    """

    pruning_rate: float  # share of all Gaussians that is removed
    sh_rate: float  # share of the surviving Gaussians whose SH rest is dropped

    @property
    def mem_score(self) -> float:
        """A guess of how much memory the setting saves; orders presets and the queue."""
        return MEM_WEIGHT * self.pruning_rate + self.sh_rate

    def dominates(self, other: Setting) -> bool:
        """At least as strong on both axes."""
        return self.pruning_rate >= other.pruning_rate and self.sh_rate >= other.sh_rate


_SH_AXIS = tuple(i / LATTICE for i in range(LATTICE + 1))
_PRUNING_AXIS = _SH_AXIS[: round(MAX_PRUNING_RATE * LATTICE) + 1]


@dataclass(frozen=True)
class Space:
    """The settings that may be tried: every pair of a value of each axis, both ascending."""

    pruning_rates: tuple[float, ...] = _PRUNING_AXIS
    sh_rates: tuple[float, ...] = _SH_AXIS

    @classmethod
    def fixing(cls, pruning_rate: float | None, sh_rate: float | None) -> Space:
        """The whole lattice, or the line or point that remains when rates are fixed."""
        return cls(
            _PRUNING_AXIS if pruning_rate is None else (pruning_rate,),
            _SH_AXIS if sh_rate is None else (sh_rate,),
        )

    def nearest(self, setting: Setting) -> Setting:
        """The setting of this space closest to `setting` on each axis."""
        return self._at(*self._index(setting))

    def moved(self, setting: Setting, pruning_steps: int, sh_steps: int) -> Setting:
        """`setting`, so many lattice steps further on each axis; stops at the borders.

        >>> Space().moved(Setting(0.5, 0.0), 2, -4)
        Setting(pruning_rate=0.51, sh_rate=0.0)
        """
        i, j = self._index(setting)
        return self._at(i + pruning_steps, j + sh_steps)

    def settings(self) -> npt.NDArray[np.float64]:  # (count, 2)
        """All settings, pruning rate first, in lexicographic order."""
        grid = np.meshgrid(self.pruning_rates, self.sh_rates, indexing="ij")
        return np.stack([axis.ravel() for axis in grid], axis=1)

    def _index(self, setting: Setting) -> tuple[int, int]:
        return (
            _nearest(self.pruning_rates, setting.pruning_rate),
            _nearest(self.sh_rates, setting.sh_rate),
        )

    def _at(self, i: int, j: int) -> Setting:
        i = min(max(i, 0), len(self.pruning_rates) - 1)
        j = min(max(j, 0), len(self.sh_rates) - 1)
        return Setting(self.pruning_rates[i], self.sh_rates[j])


def _nearest(axis: tuple[float, ...], value: float) -> int:
    right = min(bisect_left(axis, value), len(axis) - 1)
    left = max(right - 1, 0)
    return left if value - axis[left] < axis[right] - value else right
