# SPDX-License-Identifier: Apache-2.0
"""Compression with the `rd` profile: prune and repair, then one strength for all step sizes."""

from flexgs.pipeline.rd.search import search_rd

__all__ = ["search_rd"]
