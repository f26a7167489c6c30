# SPDX-License-Identifier: Apache-2.0
"""SPZ bytes -> a scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.transforms import place
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated
from flexgs.io.formats.bounds import check_expansion
from flexgs.io.formats.spz import unpacking
from flexgs.io.formats.spz.layout import (
    ANTIALIASED,
    BLOCKS,
    COORDINATES,
    EXTENSION,
    FRAMES,
    GZIP_MAGIC,
    GZIP_VERSIONS,
    HAS_EXTENSIONS,
    HEADER,
    PLAIN_MAGIC,
    PLAIN_TAIL,
    PLAIN_VERSION,
    TOC_ENTRY,
    Header,
    parse_header,
)
from flexgs.io.formats.spz.streams import Gunzip, unzstd
from flexgs.io.ply import SceneFile
from flexgs.limits import DEFAULT_LIMITS, MAX_SPZ_EXTENSION_BYTES, Limits

_OUR_DEGREE = 3
# Unit vectors in our frame, x right, y down, z to the front
_DIRECTIONS = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "D": (0, 1, 0),
    "U": (0, -1, 0),
    "F": (0, 0, 1),
    "B": (0, 0, -1),
}


def frame_to_ours(frame: str) -> npt.NDArray[np.float64]:  # (3, 3)
    """What takes points of a frame, named as in FRAMES, to x right, y down, z to the front.

    >>> np.diag(frame_to_ours("RUB")).tolist()
    [1.0, -1.0, -1.0]
    """
    return np.array([_DIRECTIONS[letter] for letter in frame], np.float64).T


def read_spz(data: bytes, limits: Limits = DEFAULT_LIMITS, frame: str = "RDF") -> SceneFile:
    """The scene in an SPZ file of version 1 to 4.

    Args:
        data: the file.
        limits: what it may expand to.
        frame: what a file's axes mean that does not say it. Those of the reference's own tool and
            of splat-transform keep the axes of the .ply, though SPZ asks for RUB.

    Raises:
        FormatError: `Truncated`, `Corrupt`, `Unsupported` or `TooLarge`.
    """
    if data.startswith(GZIP_MAGIC):
        header, blocks, extensions = _read_gzip(data, limits)
    elif data.startswith(PLAIN_MAGIC):
        header, blocks, extensions = _read_plain(data, limits)
    else:
        raise (Truncated if len(data) < len(PLAIN_MAGIC) else Corrupt)(
            "not an SPZ file", section="header", offset=0, expected="gzip or NGSP", found=data[:4]
        )
    said, notes = _read_extensions(extensions)
    if header.degree > _OUR_DEGREE:
        notes.append(f"SH of degree {header.degree} cut to degree {_OUR_DEGREE}")
    splats = _to_splats(header, blocks)
    axes = frame_to_ours(said or frame)
    if not np.array_equal(axes, np.eye(3)):
        splats = place(splats, axes)
    return SceneFile(splats, tuple(notes), f"version {header.version}", said)


def _to_splats(header: Header, blocks: dict[str, bytes]) -> Splats:
    """Arrays out of blocks of the right lengths; each block is given back once it is read."""
    if header.version == 1:
        means = unpacking.unpack_half_positions(blocks.pop("positions"))
    else:
        means = unpacking.unpack_positions(blocks.pop("positions"), header.fractional_bits)
    rotate = unpacking.unpack_xyz_rotations if header.version < 3 else unpacking.unpack_rotations
    dc = unpacking.unpack_colors(blocks.pop("colors"))
    degree = min(header.degree, _OUR_DEGREE)
    return Splats(
        means,
        unpacking.unpack_scales(blocks.pop("scales")),
        rotate(blocks.pop("rotations")),
        unpacking.unpack_alphas(blocks.pop("alphas")),
        unpacking.unpack_sh(blocks.pop("sh"), dc, header.degree, degree),
        "mip" if header.flags & ANTIALIASED else "3dgs",
    )


def _read_gzip(data: bytes, limits: Limits) -> tuple[Header, dict[str, bytes], bytes]:
    stream = Gunzip(data)
    header = parse_header(stream.read(HEADER.size, "header"), GZIP_VERSIONS)
    check_expansion(header.count, sum(header.block_bytes), len(data), limits)
    blocks = {
        name: stream.read(count, name)
        for name, count in zip(BLOCKS, header.block_bytes, strict=True)
    }
    extensions = b""
    if header.flags & HAS_EXTENSIONS:
        extensions = stream.read_up_to(MAX_SPZ_EXTENSION_BYTES + 1, "extensions")
        _check_extension_bytes(len(extensions))
    stream.finish()
    return header, blocks, extensions


def _check_extension_bytes(count: int) -> None:
    if count > MAX_SPZ_EXTENSION_BYTES:
        raise TooLarge(
            "the extensions are too long",
            section="extensions",
            expected=f"at most {MAX_SPZ_EXTENSION_BYTES} bytes",
            found=count,
        )


def _read_plain(data: bytes, limits: Limits) -> tuple[Header, dict[str, bytes], bytes]:
    if len(data) < HEADER.size + PLAIN_TAIL.size:
        raise Truncated("the file ends inside its header", section="header", offset=len(data))
    header = parse_header(data[: HEADER.size], (PLAIN_VERSION,))
    check_expansion(header.count, sum(header.block_bytes), len(data), limits)
    (toc,) = PLAIN_TAIL.unpack_from(data, HEADER.size)
    names = BLOCKS if header.degree else BLOCKS[:-1]
    start = HEADER.size + PLAIN_TAIL.size
    offset = toc + len(names) * TOC_ENTRY.size
    if (
        header.last != len(names)
        or toc < start
        or (toc > start) != bool(header.flags & HAS_EXTENSIONS)
    ):
        raise Corrupt(
            "the header does not agree with itself",
            section="header",
            offset=15,
            expected=f"{len(names)} streams, a table of contents at or behind {start}",
            found=f"{header.last} streams, table at {toc}",
        )
    if offset > len(data):
        raise Truncated(
            "the file ends before its table of contents",
            section="table of contents",
            offset=len(data),
            expected=f"at least {offset} bytes",
            found=len(data),
        )
    _check_extension_bytes(toc - start)
    entries = list(TOC_ENTRY.iter_unpack(data[toc:offset]))
    _check_end(offset + sum(stored for stored, _ in entries), len(data))
    blocks = {"sh": b""}
    view = memoryview(data)
    for name, wanted, (stored, raw) in zip(names, header.block_bytes, entries, strict=False):
        if raw != wanted:
            raise Corrupt(
                "a stream does not have the length that the header implies",
                section=name,
                offset=toc,
                expected=wanted,
                found=raw,
            )
        blocks[name] = unzstd(view[offset : offset + stored], raw, name, offset)
        offset += stored
    return header, blocks, data[start:toc]


def _check_end(end: int, size: int) -> None:
    if end != size:
        error: type[FormatError] = Truncated if end > size else Corrupt
        raise error(
            "the streams do not fill the file",
            section="table of contents",
            offset=size,
            expected=f"{end} bytes",
            found=size,
        )


def _read_extensions(data: bytes) -> tuple[str, list[str]]:
    """(frame or nothing, notes on what was left out)."""
    frame, unknown = "", 0
    at = 0
    while at < len(data):
        if at + EXTENSION.size > len(data):
            raise Truncated("an extension ends early", section="extensions", offset=at)
        kind, length = EXTENSION.unpack_from(data, at)
        at += EXTENSION.size
        payload = data[at : at + length]
        if len(payload) != length:
            raise Truncated(
                "an extension ends early",
                section="extensions",
                offset=at,
                expected=f"{length} bytes",
                found=len(payload),
            )
        at += length
        if kind != COORDINATES:
            unknown += 1
            continue
        number = int.from_bytes(payload, "little")
        if length != 4 or number >= len(FRAMES):
            raise Corrupt(
                "no such coordinate system",
                section="extensions",
                expected=f"0..{len(FRAMES) - 1}",
                found=number if length == 4 else f"{length} bytes",
            )
        frame = FRAMES[number]
    return frame, [f"{unknown} SPZ extensions left out"] if unknown else []
