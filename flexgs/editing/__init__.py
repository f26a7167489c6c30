# SPDX-License-Identifier: Apache-2.0
"""Scenes put together, cut and moved, from any format to any format."""

from flexgs.editing.cropping import Region, crop
from flexgs.editing.files import Edited, SceneFacts
from flexgs.editing.merging import merge
from flexgs.editing.moving import Motion, transform

__all__ = ["Edited", "Motion", "Region", "SceneFacts", "crop", "merge", "transform"]
