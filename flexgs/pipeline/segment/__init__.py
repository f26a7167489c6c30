# SPDX-License-Identifier: Apache-2.0
"""Compression with the `segment` profile: one ranking, then a search over two rates."""

from flexgs.pipeline.segment.search import search_segment

__all__ = ["search_segment"]
