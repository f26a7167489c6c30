# SPDX-License-Identifier: Apache-2.0
"""Numbers that papers report, to stand beside: not measured here, and not on the same models."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Reported:
    """A row of `data/reported.csv`, as it stands there; empty where a source does not say.

    `mb` are 10^6 bytes, means over the data set's scenes. `drop_db` and `ratio` are to the models
    that the source compressed. kind: training-free, fine-tuned, or trained so.
    """

    method: str
    variant: str
    kind: str
    dataset: str
    mb: str
    psnr: str
    drop_db: str
    ratio: str
    ssim: str
    lpips: str
    source: str
    note: str

    @property
    def title(self) -> str:
        """Method and variant."""
        return f"{self.method}, {self.variant}" if self.variant else self.method


def read_reported() -> tuple[Reported, ...]:
    """All of it.

    >>> {row.dataset for row in read_reported()} == {
    ...     "MipNeRF360", "TanksAndTemples", "DeepBlending"}
    True
    """
    text = files("flexgs.bench.report").joinpath("data", "reported.csv").read_text("utf-8")
    return tuple(Reported(**row) for row in csv.DictReader(io.StringIO(text)))
