# SPDX-License-Identifier: Apache-2.0
"""A strict reader of PLY headers: everything a hostile header could cost is refused here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np

from flexgs.errors import Corrupt, TooLarge, Truncated, Unsupported
from flexgs.io.sniff import known_stranger, probe_file
from flexgs.limits import DEFAULT_LIMITS, MAX_PLY_HEADER_BYTES, MAX_PLY_PROPERTIES, Limits

Encoding = Literal["ascii", "binary_little_endian", "binary_big_endian"]
_ORDERS: dict[str, tuple[Encoding, str]] = {
    "ascii": ("ascii", "="),
    "binary_little_endian": ("binary_little_endian", "<"),
    "binary_big_endian": ("binary_big_endian", ">"),
}
_KINDS = {
    "i1": ("char", "int8"),
    "u1": ("uchar", "uint8"),
    "i2": ("short", "int16"),
    "u2": ("ushort", "uint16"),
    "i4": ("int", "int32"),
    "u4": ("uint", "uint32"),
    "f4": ("float", "float32"),
    "f8": ("double", "float64"),
}
_TYPES = {name: kind for kind, names in _KINDS.items() for name in names}
_OTHER_FORMATS = {
    "chunk": "a compressed PLY (SuperSplat's)",
    "codebook_centers": "a codebook PLY (Reduced-3DGS's)",
}
_LONGEST_COUNT = 18  # digits; int() of more is slow and no file holds so many


@dataclass(frozen=True)
class PlyHeader:
    """What a valid header says about the vertices; their rows start at byte `offset`."""

    encoding: Encoding
    offset: int
    count: int
    row: np.dtype[np.void]  # one field a property, in file order and byte order
    comments: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Property names in file order."""
        return self.row.names or ()


@dataclass(frozen=True)
class PlyElement:
    """Rows of a PLY file: name, their number, (name, numpy type without byte order) of fields."""

    name: str
    count: int
    fields: tuple[tuple[str, str], ...]
    has_lists: bool = False


@dataclass(frozen=True)
class PlyParts:
    """All elements in file order; their data start at byte `offset`."""

    encoding: Encoding
    byte_order: str  # of numpy
    elements: tuple[PlyElement, ...]
    comments: tuple[str, ...]
    offset: int


class _Parser:
    """Line by line; keeps what errors need to name (a resource, alive for one header)."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = path
        self.line_number = 0
        self.elements: list[PlyElement] = []
        self.comments: list[str] = []
        self.format: str | None = None

    def fail(self, what: str, *, expected: object = None, found: object = None) -> NoReturn:
        raise Corrupt(
            what,
            path=self.path,
            section=f"header line {self.line_number}",
            offset=0,
            expected=expected,
            found=found,
        )

    def feed(self, line: str) -> None:
        """Takes one line between `ply` and `end_header`."""
        keyword, *rest = line.split() or [""]
        if keyword in ("comment", "obj_info"):
            self.comments.append(line.split(None, 1)[1] if rest else "")
        elif keyword == "format" and self.format is None and not self.elements:
            if len(rest) != 2 or rest[0] not in _ORDERS or rest[1] != "1.0":
                self.fail("unknown PLY format", expected=" | ".join(_ORDERS), found=line[:80])
            self.format = rest[0]
        elif keyword == "element":
            self._element(rest)
        elif keyword == "property" and self.elements:
            self._property(rest)
        else:
            self.fail("a line that PLY does not know here", found=repr(line[:80]))

    def _element(self, rest: list[str]) -> None:
        valid = len(rest) == 2 and rest[1].isascii() and rest[1].isdigit()
        if not valid or len(rest[1]) > _LONGEST_COUNT:
            self.fail("bad element", expected="element NAME COUNT", found=repr(rest)[:80])
        if rest[0] in {element.name for element in self.elements}:
            self.fail(f"element {rest[0]!r} twice")
        self.elements.append(PlyElement(rest[0], int(rest[1]), ()))

    def _property(self, rest: list[str]) -> None:
        last = self.elements[-1]
        if sum(len(element.fields) for element in self.elements) >= MAX_PLY_PROPERTIES:
            self.fail("too many properties", expected=f"at most {MAX_PLY_PROPERTIES}")
        if rest[:1] == ["list"] and len(rest) == 4 and last.name != "vertex":
            fields, has_lists = (*last.fields, (rest[3], "u1")), True
        elif len(rest) == 2 and rest[0] in _TYPES:
            if rest[1] in {name for name, _ in last.fields}:
                self.fail(f"property {rest[1]!r} twice")
            fields, has_lists = (*last.fields, (rest[1], _TYPES[rest[0]])), last.has_lists
        else:
            self.fail("bad property", expected="property TYPE NAME", found=repr(rest)[:80])
        self.elements[-1] = PlyElement(last.name, last.count, fields, has_lists)


def _split_header(start: bytes, path: str | Path | None) -> tuple[list[str], int]:
    """Lines between `ply` and `end_header`, and where the body starts."""
    lines: list[str] = []
    position = 0
    while True:
        end = start.find(b"\n", position)
        if end < 0:
            full = len(start) >= MAX_PLY_HEADER_BYTES
            raise (TooLarge if full else Truncated)(
                "the PLY header has no end",
                path=path,
                section="header",
                offset=len(start),
                expected=f"end_header within {MAX_PLY_HEADER_BYTES} bytes",
                found=f"{len(start)} bytes without one",
            )
        # comments may hold any bytes; keywords and names are compared as ASCII later
        line = start[position:end].decode("utf-8", errors="replace").strip()
        position = end + 1
        if line == "end_header":
            return lines[1:], position
        lines.append(line)


def _check_size(
    header: PlyHeader, rest: list[PlyElement], size: int, path: str | Path, limits: Limits
) -> None:
    """Count, file size and limits must agree before anything is allocated."""
    if header.count > limits.max_gaussians:
        raise TooLarge(
            "more Gaussians than the limit",
            path=path,
            section="vertex",
            expected=f"at most {limits.max_gaussians}",
            found=header.count,
        )
    # an ASCII value is at least a digit and a separator (the last one may lack it)
    is_ascii = header.encoding == "ascii"
    row_bytes = 2 * len(header.names) if is_ascii else header.row.itemsize
    needed = max(0, header.count * row_bytes - is_ascii)
    left = size - header.offset
    if needed > left:
        raise Truncated(
            f"the file ends before its {header.count} vertices do",
            path=path,
            section="vertex",
            offset=size,
            expected=f"{needed} bytes of vertices",
            found=left,
        )
    if is_ascii or any(element.has_lists for element in rest):
        return
    needed += sum(e.count * np.dtype(list(e.fields)).itemsize for e in rest)
    if needed != left:
        raise (Truncated if needed > left else Corrupt)(
            "the file's length is not what its header says",
            path=path,
            section="end",
            offset=header.offset + needed,
            expected=f"{header.offset + needed} bytes",
            found=size,
        )


def parse_header(start: bytes, path: str | Path | None = None) -> PlyParts:
    """What the first bytes of a PLY file, at most `MAX_PLY_HEADER_BYTES` of them, say.

    Raises:
        FormatError: a broken or hostile header, or one without an end.
    """
    lines, offset = _split_header(start, path)
    parser = _Parser(path)
    for number, line in enumerate(lines, start=2):
        parser.line_number = number
        if line:
            parser.feed(line)
    if parser.format is None or not parser.elements:
        parser.fail("not a PLY of elements", expected="format, then element")
    encoding, order = _ORDERS[parser.format]
    return PlyParts(encoding, order, tuple(parser.elements), tuple(parser.comments), offset)


def read_header(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> PlyHeader:
    """The checked header of a PLY file whose first element is `vertex`, of scalar properties.

    Raises:
        UsageError: the file cannot be read.
        FormatError: not a PLY, a broken or hostile header, or a file too short for its count.
    """
    probe = probe_file(path)
    if not probe.is_ply:
        raise known_stranger(probe) or Unsupported(
            "not a .ply file", path=path, section="magic", offset=0, expected="'ply'"
        )
    parts = parse_header(probe.start, path)
    vertex, *rest = parts.elements
    for element in parts.elements:
        if element.name in _OTHER_FORMATS:
            raise Unsupported(
                f"{_OTHER_FORMATS[element.name]}, not a plain scene",
                path=path,
                section="header",
                expected="element vertex",
                found=f"element {element.name}",
            )
    if vertex.name != "vertex" or not vertex.fields:
        raise Corrupt(
            "not a point-like PLY",
            path=path,
            section="header",
            offset=0,
            expected="element vertex first, with properties",
            found=f"element {vertex.name} of {len(vertex.fields)} properties",
        )
    row = np.dtype([(name, parts.byte_order + kind) for name, kind in vertex.fields])
    header = PlyHeader(parts.encoding, parts.offset, vertex.count, row, parts.comments)
    _check_size(header, rest, probe.size, path, limits)
    return header
