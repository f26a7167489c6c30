# SPDX-License-Identifier: Apache-2.0
"""Cameras of INRIA, COLMAP and nerfstudio, and the photographs that belong to them."""

from flexgs.io.cameras.find import find_cameras, find_images
from flexgs.io.cameras.load import CameraSet, load_cameras, read_cameras

__all__ = ["CameraSet", "find_cameras", "find_images", "load_cameras", "read_cameras"]
