# SPDX-License-Identifier: Apache-2.0
"""The bytes of a .ksplat -> Gaussians."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.errors import Corrupt, TooLarge, Truncated, Unsupported
from flexgs.io.formats.ksplat.layout import (
    CENTRE_BYTES,
    DEFAULT_RANGE,
    HEADER,
    LENGTH,
    MAX_DEGREE,
    MAX_LEVEL,
    MAX_SECTIONS,
    SECTION,
    SH_DEFAULT,
    VERSION,
    row_type,
)
from flexgs.io.formats.parts import decode_alpha, decode_dc
from flexgs.io.ply import SceneFile
from flexgs.limits import DEFAULT_LIMITS, Limits

F32 = npt.NDArray[np.float32]


def read_ksplat(data: bytes, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """The Gaussians of all sections, of the highest degree among them.

    Raises:
        FormatError: truncated, counts that contradict each other, another version or level, or
            more Gaussians than `limits` allow.
    """
    header, sections = _read_headers(data, limits)
    degree = max((int(section["degree"]) for section in sections), default=0)
    offset = HEADER.itemsize + len(sections) * SECTION.itemsize
    parts = []
    for i, section in enumerate(sections):
        part, offset = _read_section(data, offset, header, section, degree, f"section {i}")
        parts.append(part)
    if offset != len(data):
        _fail("bytes after the last section", "end", offset, f"{offset} bytes", len(data))
    return SceneFile(
        Splats(
            means=np.concatenate([part["means"] for part in parts]),
            log_scales=np.concatenate([part["log_scales"] for part in parts]),
            quats=np.concatenate([part["quats"] for part in parts]),
            opacity_logits=np.concatenate([part["opacity_logits"] for part in parts]),
            sh=np.concatenate([part["sh"] for part in parts]),
        ),
        variant=f"level {header['level']}",
    )


def _fail(what: str, section: str, offset: int, expected: object, found: object) -> NoReturn:
    raise Corrupt(what, section=section, offset=offset, expected=expected, found=found)


def _need(data: bytes, end: int, section: str) -> None:
    if end > len(data):
        raise Truncated(
            "the file ends early",
            section=section,
            offset=len(data),
            expected=f"{end} bytes",
            found=f"{len(data)} bytes",
        )


def _read_headers(data: bytes, limits: Limits) -> tuple[Any, npt.NDArray[np.void]]:
    """The header and those of all sections, their counts checked against each other."""
    _need(data, HEADER.itemsize, "header")
    header = np.frombuffer(data, HEADER, 1)[0]
    version = int(header["major"]), int(header["minor"])
    if version != VERSION or int(header["level"]) > MAX_LEVEL:
        raise Unsupported(
            "a .ksplat of another version",
            section="header",
            offset=0,
            expected=f"version 0.1, level 0 to {MAX_LEVEL}",
            found=f"version {version[0]}.{version[1]}, level {header['level']}",
        )
    count, n = int(header["max_sections"]), int(header["splats"])
    if count > MAX_SECTIONS or n > limits.max_gaussians:
        raise TooLarge(
            "too many sections or Gaussians",
            section="header",
            offset=4,
            expected=f"at most {MAX_SECTIONS} and {limits.max_gaussians}",
            found=f"{count} and {n}",
        )
    if not 1 <= int(header["sections"]) <= count:
        _fail("bad number of sections", "header", 8, f"1 to {count}", header["sections"])
    _need(data, HEADER.itemsize + count * SECTION.itemsize, "section headers")
    sections = np.frombuffer(data, SECTION, count, HEADER.itemsize)
    total = int(sections["splats"].sum(dtype=np.int64))
    if total != n:
        _fail("the sections hold another number of Gaussians", "header", 16, n, total)
    return header, sections


def _read_section(
    data: bytes, offset: int, header: Any, section: Any, degree: int, name: str
) -> tuple[dict[str, F32], int]:
    """Fields of a section, padded with zeros to `degree`, and where the next one starts."""
    level, own = int(header["level"]), int(section["degree"])
    n, stored = int(section["splats"]), int(section["max_splats"])
    if own > MAX_DEGREE or n > stored:
        _fail("bad section", name, offset, "degree 0 to 2, no more Gaussians than rows", own)
    rows_type = row_type(level, own)
    buckets = int(section["full_buckets"]) + int(section["partial_buckets"]) if level else 0
    partial = int(section["partial_buckets"]) if level else 0
    start = offset + partial * LENGTH.itemsize + buckets * CENTRE_BYTES
    end = start + stored * rows_type.itemsize
    _need(data, end, name)
    rows = np.frombuffer(data, rows_type, n, start)
    with np.errstate(all="ignore"):  # what no Gaussian can have is judged later
        means = rows["mean"].astype(np.float32)
        if level > 0:
            steps = int(section["range"]) or DEFAULT_RANGE
            means = (means - steps) * np.float32(section["block_size"] / 2 / steps)
            means += _centres(data, offset, section, name)
        log_scales = np.log(rows["scale"].astype(np.float32))
        sh = np.zeros((n, SH_COEFFICIENTS[degree], 3), np.float32)
        sh[:, 0] = decode_dc(rows["rgba"][:, :3])
        if own:
            sh[:, 1 : SH_COEFFICIENTS[own]] = _coefficients(rows["sh"], header)
    return {
        "means": means,
        "log_scales": log_scales,
        "quats": rows["quat"].astype(np.float32),
        "opacity_logits": decode_alpha(rows["rgba"][:, 3]),
        "sh": sh,
    }, end


def _centres(data: bytes, offset: int, section: Any, name: str) -> F32:  # -> (n, 3)
    """The centre of every row's bucket; the caller has checked that they are there."""
    n, size = int(section["splats"]), int(section["bucket_size"])
    full, partial = int(section["full_buckets"]), int(section["partial_buckets"])
    if int(section["buckets"]) != full + partial or int(section["centre_bytes"]) != CENTRE_BYTES:
        _fail("bad buckets", name, offset, "full and partial ones", section["buckets"])
    lengths = np.full(full + partial, size, np.int64)
    lengths[full:] = np.frombuffer(data, LENGTH, partial, offset)
    if int(lengths.sum()) != n:
        _fail("the buckets hold another number of Gaussians", name, offset, n, lengths.sum())
    start = offset + partial * LENGTH.itemsize
    centres = np.frombuffer(data, "<f4", 3 * (full + partial), start).reshape(-1, 3)
    return np.repeat(centres, lengths, axis=0)


def _coefficients(values: npt.NDArray[Any], header: Any) -> F32:  # (n, 9 | 24) -> (n, 3 | 8, 3)
    """SH in our order: coefficients, then channels."""
    if values.dtype == np.uint8:
        low, high = float(header["sh_low"]) or -SH_DEFAULT, float(header["sh_high"]) or SH_DEFAULT
        values = (low + np.arange(256) / 255 * (high - low)).astype(np.float32)[values]
    n = len(values)
    bands = [
        values[:, :9].reshape(n, 3, 3),
        values[:, 9:].reshape(n, 3, 5 if values.shape[1] > 9 else 0),
    ]
    return np.concatenate(bands, axis=2).transpose(0, 2, 1).astype(np.float32)
