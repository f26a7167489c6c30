# SPDX-License-Identifier: Apache-2.0
"""A page that shows an image of Gaussians at any zoom, drawn tile by tile as it is asked for."""

from flexgs.viewer.pictures.page import open_picture_server
from flexgs.viewer.pictures.tiles import Shown, load_shown

__all__ = ["Shown", "load_shown", "open_picture_server"]
