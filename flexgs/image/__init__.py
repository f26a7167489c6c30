# SPDX-License-Identifier: Apache-2.0
"""Images as sets of 2-D Gaussians: rendering, fitting, files."""

from __future__ import annotations

from flexgs.image.model import ImageSplats

__all__ = ["ImageSplats"]
