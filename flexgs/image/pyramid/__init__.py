# SPDX-License-Identifier: Apache-2.0
"""Images in levels, coarse to fine: previews, and views that cost by their own pixels.

What reads and draws them; `fit` and `encode` make them.
"""

from flexgs.image.pyramid.file import PyramidFile, decode_pyramid, is_pyramid, open_pyramid
from flexgs.image.pyramid.model import Pyramid, render_pyramid

__all__ = [
    "Pyramid",
    "PyramidFile",
    "decode_pyramid",
    "is_pyramid",
    "open_pyramid",
    "render_pyramid",
]
