# SPDX-License-Identifier: Apache-2.0
"""compress, evaluate, score, render: what the README shows, as functions."""

from flexgs.pipeline.compression import CompressResult, compress
from flexgs.pipeline.inspection import evaluate, render_views, score

__all__ = [
    "CompressResult",
    "compress",
    "evaluate",
    "render_views",
    "score",
]
