# SPDX-License-Identifier: Apache-2.0
"""`FreeSplats`: Gaussians whose parameters move, with the memory of their steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats
from flexgs.render import zero_parameters
from flexgs.repair.steps import FIRST, GROUPS, SECOND, Rates, step

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]

FADING = 0.7  # of the scores, a pass: several passes together see all views


class FreeSplats:
    """A working copy of some Gaussians; the original is never touched."""

    def __init__(self, splats: Splats) -> None:
        unit = normalize_quats(splats.quats.astype(np.float64)).astype(np.float32)
        self._values = {name: np.array(getattr(splats, name)) for name in GROUPS}
        self._values["quats"] = unit
        self._first = {name: np.zeros_like(self._values[name]) for name in GROUPS}
        self._second = {name: np.zeros_like(self._values[name]) for name in GROUPS}
        self._rounding: dict[str, F32] | None = None
        self._model = splats.model
        self._steps = 0
        self.rows: Rows = np.arange(splats.n)  # of the Gaussians that are left, in the original
        self.scores: F64 = np.zeros(splats.n)  # what each is worth, as far as it is known
        self.gradient = zero_parameters(splats)

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return len(self._values["means"])

    def splats(self) -> Splats:
        """The Gaussians as they are now; views of what later steps move, unless rounded."""
        if self._rounding is None:
            return Splats(**self._values, model=self._model)
        seen = {name: self._values[name] + self._rounding[name] for name in GROUPS}
        return Splats(**seen, model=self._model)

    def round_like(self, rounded: Splats) -> None:
        """From now on `splats()` errs as much as `rounded`, row by row, does at this moment.

        Steps still move the exact values: the straight-through estimator (Bengio et al., 1308.3432)
        with a rounding error that is brought up to date from time to time.
        """
        exact = self._values
        self._rounding = {name: getattr(rounded, name) - exact[name] for name in GROUPS}

    def snapshot(self) -> Splats:
        """The exact values as they are now, for good."""
        return Splats(**{k: v.copy() for k, v in self._values.items()}, model=self._model)

    def keep(self, rows: Rows) -> None:
        """Lets all other Gaussians go, and any rounding."""
        self._rounding = None
        for store in (self._values, self._first, self._second):
            for name in GROUPS:
                store[name] = store[name][rows]
        self.rows, self.scores = self.rows[rows], self.scores[rows]
        self.gradient = zero_parameters(self.splats())

    def remember(self, removal: F64) -> None:
        """Adds the removal errors of a pass to the scores, of which older ones fade."""
        self.scores = FADING * self.scores + removal

    def move(self, rates: Rates) -> None:
        """One step along `gradient`, which is cleared."""
        self._steps += 1
        unbias = (
            np.float32(1 / (1 - float(FIRST) ** self._steps)),
            np.float32(1 / (1 - float(SECOND) ** self._steps)),
        )
        ones = np.ones(self.n, np.float32)
        sizes = np.exp(self._values["log_scales"].mean(axis=1))
        for name in GROUPS:
            columns = _columns(name, self._values[name], rates)
            if columns.any():
                arrays = (store[name] for store in (self._values, self._first, self._second))
                flat = (_table(array) for array in (*arrays, getattr(self.gradient, name)))
                step(*flat, columns, sizes if name == "means" else ones, *unbias)  # type: ignore[call-arg]
            else:
                getattr(self.gradient, name)[:] = 0


def _table(array: F32) -> F32:  # (n, c)
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def _columns(name: str, values: F32, rates: Rates) -> F32:  # (c,)
    """The rate of every column of a group's table."""
    if name != "sh":
        return np.full(int(np.prod(values.shape[1:])), getattr(rates, name), np.float32)
    columns = np.full(values.shape[1:], rates.sh, np.float32)
    columns[0] = rates.dc
    return columns.reshape(-1)
