# SPDX-License-Identifier: Apache-2.0
"""flexgs image: pictures as 2-D Gaussians."""

from flexgs.cli.image import bench, decode, encode, info, view

__all__ = ["bench", "decode", "encode", "info", "view"]
