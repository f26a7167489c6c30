# SPDX-License-Identifier: Apache-2.0
"""What a `.fgi` says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flexgs.image.file import Head, open_fgi
from flexgs.image.pyramid.file import PyramidFile, open_pyramid


def image_facts(file: str | Path) -> dict[str, Any]:
    """What a `.fgi` says about itself, of one level or of several; all that is there is decoded.

    Raises:
        UsageError: it cannot be read. FormatError: it is none, or damaged.
    """
    with open_pyramid(file) as opened:
        if opened.head.size:
            return _of_levels(opened)
    with open_fgi(file) as image:
        head, size = image.head, image.size
        splats = image.splats()
    plan = head.plan
    return {
        "width": plan.width,
        "height": plan.height,
        "channels": plan.channels,
        "bits_a_channel": 16 if head.deep else 8,
        "gaussians": splats.n,
        "bytes": size,
        "bits_a_pixel": 8 * size / (plan.width * plan.height),
        "bits_a_gaussian": 8 * size / max(splats.n, 1),
        "amplitude_step": plan.step,
        "cell_pixels": 1 << plan.cell_bits,
        **_tiles(head),
    }


def _tiles(head: Head) -> dict[str, Any]:
    if head.tiling is None:
        return {"tiles": "none"}
    return {
        "tiles": len(head.counts) - 1,
        "tile_pixels": 1 << head.tiling.bits,
        "tile_margin_pixels": head.tiling.margin,
        "gaussians_outside_tiles": head.counts[0],
    }


def _of_levels(opened: PyramidFile) -> dict[str, Any]:
    head, pyramid = opened.head, opened.pyramid()
    facts = {
        "width": head.width,
        "height": head.height,
        "channels": pyramid.levels[0].channels,
        "bits_a_channel": 16 if opened.deep else 8,
        "gaussians": pyramid.n,
        "bytes": opened.size,
        "bits_a_pixel": 8 * opened.size / (head.width * head.height),
        "levels": head.total,
        "levels_there": opened.reached,
    }
    for k, level in enumerate(pyramid.levels):
        facts[f"level_{k + 1}_gaussians"] = level.n
        facts[f"level_{k + 1}_ends_at_byte"] = head.offset(k + 1)
    return facts
