# SPDX-License-Identifier: Apache-2.0
"""Choosing integers by error and rate."""

from flexgs.image.coding.refining.loop import PRICE, refine

__all__ = ["PRICE", "refine"]
