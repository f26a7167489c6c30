# SPDX-License-Identifier: Apache-2.0
"""The `.fgi` file: an image's Gaussians in tens of bytes of frame (docs/format.md)."""

from flexgs.image.file.head import Head
from flexgs.image.file.pack import pack_image
from flexgs.image.file.unpack import FgiFile, decode_image, open_fgi

__all__ = ["FgiFile", "Head", "decode_image", "open_fgi", "pack_image"]
