# SPDX-License-Identifier: Apache-2.0
"""Compression into other tools' formats: fewer Gaussians, less SH, to the quality asked for."""

from flexgs.pipeline.formats.search import search_format

__all__ = ["search_format"]
