# SPDX-License-Identifier: Apache-2.0
"""Plain data and maths on numpy arrays: Gaussians, cameras, rotations, SH, Morton order."""

from flexgs.core.splats import Splats
from flexgs.core.views import Camera, ViewSplit, split_views

__all__ = ["Camera", "Splats", "ViewSplit", "split_views"]
