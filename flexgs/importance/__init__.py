# SPDX-License-Identifier: Apache-2.0
"""How much every Gaussian, and its view-dependent colour, matters to the rendered images."""

from flexgs.importance.colour import ColourCosts, drop_sh, sh_drop_costs
from flexgs.importance.rounds import removal_order, round_ends
from flexgs.importance.scores import Score, scores

__all__ = [
    "ColourCosts",
    "Score",
    "drop_sh",
    "removal_order",
    "round_ends",
    "scores",
    "sh_drop_costs",
]
