# SPDX-License-Identifier: Apache-2.0
"""Sections <-> one file, checked byte for byte. Knows nothing of Gaussians."""

from flexgs.container.layout import ENTRY, HEADER_BYTES, RATIO_SLACK_BYTES, Entry, Section
from flexgs.container.metadata import dump_metadata, load_metadata
from flexgs.container.pack import pack
from flexgs.container.unpack import Container, unpack

__all__ = [
    "ENTRY",
    "HEADER_BYTES",
    "RATIO_SLACK_BYTES",
    "Container",
    "Entry",
    "Section",
    "dump_metadata",
    "load_metadata",
    "pack",
    "unpack",
]
