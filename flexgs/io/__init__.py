# SPDX-License-Identifier: Apache-2.0
"""Bytes on disk <-> scenes, cameras, images. One file a format."""

from flexgs.io.cameras import CameraSet, load_cameras
from flexgs.io.files import atomic_write, ensure_output, ensure_suffix
from flexgs.io.images import read_image, write_png
from flexgs.io.ply import SceneFile, read_ply, write_ply

__all__ = [
    "CameraSet",
    "SceneFile",
    "atomic_write",
    "ensure_output",
    "ensure_suffix",
    "load_cameras",
    "read_image",
    "read_ply",
    "write_ply",
    "write_png",
]
