# SPDX-License-Identifier: Apache-2.0
"""flexgs image: pictures as 2-D Gaussians."""

from flexgs.cli.image import decode, encode, info, view

__all__ = ["decode", "encode", "info", "view"]
