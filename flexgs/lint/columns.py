# SPDX-License-Identifier: Apache-2.0
"""Columns of .ply files: which there are, and what is odd about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flexgs.io.files import read_start
from flexgs.io.ply_header import parse_header
from flexgs.limits import MAX_PLY_HEADER_BYTES
from flexgs.lint.model import Column, Finding

_OF_VERTEX = re.compile(
    r"[xyz]|n[xyz]|f_dc_[0-2]|f_rest_\d+|opacity|scale_[0-2]|rot_[0-3]|filter_3D|packed_\w+"
)
_SHOWN = 8  # names in a sentence


@dataclass(frozen=True)
class PlyFacts:
    """What the header of a .ply says beyond its Gaussians."""

    columns: tuple[Column, ...] = ()
    comments: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def ply_facts(path: str | Path) -> PlyFacts:
    """Columns of all elements, comments, and findings on them, of a file that was read before.

    Raises:
        UsageError, FormatError: it has changed since.
    """
    parts = parse_header(read_start(path, MAX_PLY_HEADER_BYTES), path)
    known = {"vertex", "chunk", "sh"} if parts.elements[0].name == "chunk" else {"vertex"}
    columns = tuple(
        Column(element.name, name, np.dtype(kind).name, _is_used(element.name, name, known))
        for element in parts.elements
        for name, kind in element.fields
    )
    encoding = None if parts.encoding == "binary_little_endian" else parts.encoding
    findings = [*_extra_columns(columns), *_odd_types(columns)]
    if encoding is not None:
        what = f"encoding {encoding.replace('_', ' ')}: many viewers read little-endian files only"
        findings.append(Finding("info", "encoding", what))
    return PlyFacts(columns, parts.comments, tuple(findings))


def _is_used(element: str, name: str, known: set[str]) -> bool:
    return element in known and (element != "vertex" or bool(_OF_VERTEX.fullmatch(name)))


def _extra_columns(columns: tuple[Column, ...]) -> list[Finding]:
    extra = [column.name for column in columns if not column.used]
    if not extra:
        return []
    more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
    what = f"columns that no Gaussian has, and that are left out: {', '.join(extra[:_SHOWN])}{more}"
    return [Finding("info", "extra-columns", what)]


def _odd_types(columns: tuple[Column, ...]) -> list[Finding]:
    own = [c for c in columns if c.used and c.element == "vertex" and "packed_" not in c.name]
    odd = [column for column in own if column.type != "float32"]
    if not odd:
        return []
    types = ", ".join(sorted({column.type for column in odd}))
    what = f"{len(odd)} columns of {types}, where viewers expect float32"
    return [Finding("info", "column-types", what)]
