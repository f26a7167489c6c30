# SPDX-License-Identifier: Apache-2.0
"""gzip and zstd around the blocks of an SPZ file; neither ever makes more bytes than asked for.

Python's threads do not wait for each other while they compress. What is written does not depend on
their number.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import zstandard

from flexgs.errors import Corrupt, Truncated

_GZIP_WINDOW = 31  # zlib reads and checks gzip's own header and trailer
_RAW_WINDOW = -15
# RFC 1952: deflate, no name, no time, unknown system
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_TRAILER = struct.Struct("<II")
_ZSTD_LEVEL = 12  # that of the reference
_LAST_BLOCK = b"\x03\x00"  # DEFLATE: the last one, empty
_MAX_THREADS = 8

Job = TypeVar("Job")
Done = TypeVar("Done")


class Gunzip:
    """A gzip stream, read from its start."""

    def __init__(self, data: bytes) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._left = data

    def read(self, count: int, section: str) -> bytes:
        """Exactly `count` bytes.

        Raises:
            Truncated: there are fewer. Corrupt: not DEFLATE.
        """
        raw = self.read_up_to(count, section)
        if len(raw) != count:
            raise Truncated(
                "the file ends early",
                section=section,
                expected=f"{count} bytes",
                found=len(raw),
            )
        return raw

    def read_up_to(self, count: int, section: str) -> bytes:
        """At most `count` bytes, fewer where the stream ends.

        Raises:
            Corrupt: not DEFLATE, or not the bytes that the checksum at its end stands for.
        """
        pieces: list[bytes] = []
        wanted = count
        try:
            while wanted and not self._inflate.eof:
                pieces.append(self._inflate.decompress(self._left, wanted))
                self._left = self._inflate.unconsumed_tail
                wanted -= len(pieces[-1])
                if not pieces[-1] and not self._left:
                    break
        except zlib.error as error:
            raise Corrupt(f"not a gzip stream: {error}", section=section) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """Nothing may follow.

        Raises:
            Corrupt: more bytes, or a wrong checksum. Truncated: the checksum is missing.
        """
        more = self.read_up_to(1, "end")
        if more or self._inflate.unused_data:
            raise Corrupt("bytes behind the last block", section="end", expected="none")
        if not self._inflate.eof:
            raise Truncated("the checksum at the end of the file is missing", section="end")


def run_jobs(work: Callable[[Job], Done], jobs: Iterable[Job]) -> list[Done]:
    """What `work` makes of every job, in their order, by several threads."""
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, jobs))


def deflate_piece(piece: bytes, level: int, strategy: int) -> bytes:
    """DEFLATE blocks that end on a whole byte, so that others can follow, as in pigz."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, _RAW_WINDOW, 9, strategy)
    return deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH)


def join_gzip(pieces: Iterable[tuple[bytes, bytes]]) -> bytes:
    """One gzip member of (raw, deflated) pieces."""
    packed, checksum, length = [_GZIP_HEADER], 0, 0
    for raw, deflated in pieces:
        packed.append(deflated)
        checksum = zlib.crc32(raw, checksum)
        length += len(raw)
    trailer = _GZIP_TRAILER.pack(checksum, length & 0xFFFFFFFF)
    return b"".join([*packed, _LAST_BLOCK, trailer])


def zstd_frame(block: bytes) -> bytes:
    """One frame with its length inside."""
    # threads=0: with more the bytes differ
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, threads=0).compress(block)


def unzstd(data: memoryview, raw_length: int, section: str, offset: int) -> bytes:
    """One frame; its declared size is compared before anything is allocated.

    Raises:
        Corrupt: not a single frame of that length.
    """
    try:
        declared = zstandard.get_frame_parameters(data).content_size
        if declared == raw_length:
            raw = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
            if len(raw) == raw_length:
                return raw
    except zstandard.ZstdError as error:
        raise Corrupt(f"not a zstd frame: {error}", section=section, offset=offset) from error
    raise Corrupt(
        "a stream does not hold what the header says",
        section=section,
        offset=offset,
        expected=f"{raw_length} bytes",
        found=declared,
    )
