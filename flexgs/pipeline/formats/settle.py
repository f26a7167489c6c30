# SPDX-License-Identifier: Apache-2.0
"""A lower SH degree for all Gaussians, made up for by their other numbers."""

from __future__ import annotations

from flexgs.core import Splats
from flexgs.pipeline.rd.reduced import Reduced
from flexgs.progress import Progress
from flexgs.render import Renderer
from flexgs.repair import FreeSplats, repair_pass
from flexgs.repair.reduction import LAST_FACTORS


def settle(reduced: Reduced, splats: Splats, renderer: Renderer, progress: Progress) -> Splats:
    """`splats` after one pass over the views of `reduced`, in steps that get shorter."""
    free, views = FreeSplats(splats), reduced.views
    with progress.stage(f"repair in SH degree {splats.degree}", total=len(views)) as advance:
        for number, factor in enumerate(LAST_FACTORS):
            some = views[number :: len(LAST_FACTORS)]
            rates = reduced.rates.scaled(factor)
            repair_pass(free, some, renderer, reduced.target_of, rates, number, advance)
    return free.snapshot()
