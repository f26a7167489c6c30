# SPDX-License-Identifier: Apache-2.0
"""The bytes of a .compressed.ply -> Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.sh import SH_C0
from flexgs.errors import Corrupt, TooLarge, Truncated, Unsupported
from flexgs.io.formats.compressed_ply.layout import (
    CHUNK,
    COLOUR_RANGE,
    DEGREE_OF_REST,
    PACKED,
    POSITION_RANGE,
    SCALE_RANGE,
    SH_OF_BYTE,
    unpack_rotation,
    unpack_unit,
)
from flexgs.io.formats.parts import decode_alpha
from flexgs.io.ply import SceneFile
from flexgs.io.ply_header import PlyElement, PlyParts, parse_header
from flexgs.io.ply_variants import add_flat_scale, model_from_comments
from flexgs.limits import DEFAULT_LIMITS, MAX_PLY_HEADER_BYTES, Limits

F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.void]

_BLOCK_ROWS = 4096


def read_compressed_ply(data: bytes, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """The Gaussians in file order; ranges of 12 or of 18 numbers, with or without SH.

    Raises:
        FormatError: a broken header, properties or rows missing, too short or too long, or more
            Gaussians than `limits` allow.
    """
    parts = parse_header(data[:MAX_PLY_HEADER_BYTES])
    tables = _tables(data, parts, limits)
    ranges, rows, sh = tables["chunk"], tables["vertex"], tables.get("sh")
    with np.errstate(all="ignore"):  # what no Gaussian can have is judged later
        means = _lerp(ranges, POSITION_RANGE, unpack_unit(rows["packed_position"]))
        log_scales = _lerp(ranges, SCALE_RANGE, unpack_unit(rows["packed_scale"]))
        colour = _bytes_of(rows["packed_color"])
        base = colour[:, :3].astype(np.float32) / np.float32(255)
        if COLOUR_RANGE[0] in (ranges.dtype.names or ()):
            base = _lerp(ranges, COLOUR_RANGE, base)
        dc = (base - np.float32(0.5)) / np.float32(SH_C0)
    model = model_from_comments(parts.comments)
    if model == "2dgs":
        log_scales = add_flat_scale(log_scales[:, :2])
    rest = 0 if sh is None else len(sh.dtype.names or ())
    colours = np.empty((len(rows), 1 + rest // 3, 3), np.float32)
    colours[:, 0] = dc
    if sh is not None:
        _read_sh(sh, colours[:, 1:])
    quats = unpack_rotation(rows["packed_rotation"])
    splats = Splats(means, log_scales, quats, decode_alpha(colour[:, 3]), colours, model)
    return SceneFile(splats, variant=f"ranges of {len(ranges.dtype.names or ())} numbers")


def _fail(what: str, expected: object = None, found: object = None) -> NoReturn:
    raise Corrupt(what, section="header", offset=0, expected=expected, found=found)


def _tables(data: bytes, parts: PlyParts, limits: Limits) -> dict[str, Rows]:
    """Rows of every element by its name: views of `data`, whose length they account for."""
    _check_elements(parts, limits)
    tables: dict[str, Rows] = {}
    offset = parts.offset
    for element in parts.elements:
        row = np.dtype([(name, parts.byte_order + kind) for name, kind in element.fields])
        end = offset + element.count * row.itemsize
        if end > len(data):
            raise Truncated(
                "the file ends early",
                section=element.name,
                offset=len(data),
                expected=f"{end} bytes",
                found=f"{len(data)} bytes",
            )
        tables[element.name] = np.frombuffer(data, row, element.count, offset)
        offset = end
    if offset != len(data):
        _fail("bytes after the last element", f"{offset} bytes", f"{len(data)} bytes")
    return tables


def _check_elements(parts: PlyParts, limits: Limits) -> None:
    """Whether the header speaks of a compressed scene, and its counts agree."""
    if parts.encoding == "ascii":
        raise Unsupported("a compressed PLY as text", section="header", expected="a binary one")
    found = {element.name: element for element in parts.elements}
    if any(element.has_lists or not element.fields for element in parts.elements):
        _fail("lists, or an element without properties")
    for name, kind, needed in (
        ("chunk", "f4", [*POSITION_RANGE, *SCALE_RANGE]),
        ("vertex", "u4", PACKED),
    ):
        if name not in found:
            _fail(f"no element {name}", "chunk and vertex", ", ".join(found))
        _check_fields(found[name], kind, needed)
    chunk, vertex, sh = found["chunk"], found["vertex"], found.get("sh")
    if any(name in COLOUR_RANGE for name, _ in chunk.fields):
        _check_fields(chunk, "f4", COLOUR_RANGE)
    if vertex.count > limits.max_gaussians:
        raise TooLarge(
            "more Gaussians than the limit",
            section="vertex",
            expected=f"at most {limits.max_gaussians}",
            found=vertex.count,
        )
    if chunk.count != -(-vertex.count // CHUNK):
        _fail("a wrong number of chunks", -(-vertex.count // CHUNK), chunk.count)
    if sh is not None:
        count = len(sh.fields)
        if count not in DEGREE_OF_REST or sh.count != vertex.count:
            _fail("bad SH", "9, 24 or 45 for every vertex", f"{count} for {sh.count}")
        _check_fields(sh, "u1", [f"f_rest_{i}" for i in range(count)])


def _check_fields(element: PlyElement, kind: str, needed: Sequence[str]) -> None:
    fields = dict(element.fields)
    missing = [name for name in needed if fields.get(name) != kind]
    if missing:
        _fail(
            f"properties of {element.name} are missing or of another type",
            f"{kind} {', '.join(missing[:4])}",
            ", ".join(f"{k} {name}" for name, k in element.fields[:6]),
        )


def _lerp(ranges: Rows, names: list[str], t: F32) -> F32:  # t (n, 3) in [0, 1] -> (n, 3)
    """Numbers between the ends that each one's chunk has."""
    ends = np.stack([ranges[name] for name in names], axis=1).astype(np.float32)
    each = np.repeat(ends, CHUNK, axis=0)[: len(t)]
    return np.asarray(each[:, :3] * (1 - t) + each[:, 3:] * t, np.float32)


def _bytes_of(packed: Any) -> npt.NDArray[np.uint8]:  # (n,) -> (n, 4), highest byte first
    return np.ascontiguousarray(packed.astype(">u4")).view(np.uint8).reshape(-1, 4)


def _read_sh(rows: Rows, out: F32) -> None:  # out (n, k - 1, 3)
    """SH after the base colour; in the file all of red come first."""
    count = 3 * out.shape[1]
    offsets = [rows.dtype.fields[f"f_rest_{i}"][1] for i in range(count)]  # type: ignore[index]
    table = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    for start in range(0, len(rows), _BLOCK_ROWS):  # a block stays in the cache
        block = SH_OF_BYTE[table[start : start + _BLOCK_ROWS, offsets]]
        out[start : start + _BLOCK_ROWS] = block.reshape(-1, 3, count // 3).transpose(0, 2, 1)
