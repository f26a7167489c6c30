# SPDX-License-Identifier: Apache-2.0
"""Float arrays <-> integer symbols: plan, positions, segments, range fit, layouts, bit packing."""

from flexgs.quant.plan import SegmentPlan

__all__ = ["SegmentPlan"]
