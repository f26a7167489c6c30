# SPDX-License-Identifier: Apache-2.0
"""What pruning and rounding broke, repaired against the views: self-distillation in few passes."""

from flexgs.repair.free import FreeSplats
from flexgs.repair.passes import repair_pass
from flexgs.repair.steps import GROUPS, Rates

__all__ = ["GROUPS", "FreeSplats", "Rates", "repair_pass"]
