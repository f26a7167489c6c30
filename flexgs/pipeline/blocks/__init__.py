# SPDX-License-Identifier: Apache-2.0
"""Compression block by block, for scenes that are too big for the memory (docs/blocks.md)."""

from flexgs.pipeline.blocks.run import check_blocks, compress_blocks

__all__ = ["check_blocks", "compress_blocks"]
