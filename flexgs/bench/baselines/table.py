# SPDX-License-Identifier: Apache-2.0
"""The baselines by name."""

from __future__ import annotations

from flexgs.bench.baselines.flexgaussian.method import FLEXGAUSSIAN
from flexgs.bench.baselines.mesongs.method import MESONGS
from flexgs.bench.baselines.model import Baseline
from flexgs.registry import Registry

BASELINES: Registry[Baseline] = Registry("baseline")
for _baseline in (FLEXGAUSSIAN, MESONGS):
    BASELINES.add(_baseline.name, _baseline)
