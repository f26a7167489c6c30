# SPDX-License-Identifier: Apache-2.0
"""compress, decompress, evaluate, score, render: what the README shows, as functions."""

from flexgs.pipeline.compression import CompressResult, compress
from flexgs.pipeline.inspection import evaluate, render_views, score
from flexgs.pipeline.scenes import decompress, read_scene, write_scene

__all__ = [
    "CompressResult",
    "compress",
    "decompress",
    "evaluate",
    "read_scene",
    "render_views",
    "score",
    "write_scene",
]
