# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import zstandard

from flexgs.core import Splats
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.io.formats.spz import read_spz, write_spz
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants, check_truncations

Make = Callable[..., Splats]
Mutate = Callable[[bytes, np.random.Generator], bytes]

HEADER = struct.Struct("<IIIBBBB")
MAGIC = 0x5053474E


def gzip_of(body: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    return deflate.compress(body) + deflate.flush()


def streams_of(data: bytes) -> list[bytes]:
    count = data[15]
    (start,) = struct.unpack_from("<I", data, 16)
    toc = [struct.unpack_from("<QQ", data, start + 16 * i) for i in range(count)]
    offset, streams = start + 16 * count, []
    for stored, _ in toc:
        streams.append(zstandard.decompress(data[offset : offset + stored]))
        offset += stored
    return streams


def plain_of(head: bytes, streams: list[bytes], claim: int = 0) -> bytes:
    packed = [zstandard.compress(stream) for stream in streams]
    pairs = zip(packed, streams, strict=True)
    toc = b"".join(struct.pack("<QQ", len(p), len(s) + claim) for p, s in pairs)
    (start,) = struct.unpack_from("<I", head, 16)
    return head[: max(start, 32)] + toc + b"".join(packed)


def made(splats: Splats, version: int) -> bytes:
    """A file with an extension of no known type; of version 1, too, which is not written."""
    extension = struct.pack("<II3s", 7, 3, b"abc")
    if version == 4:
        data = write_spz(splats, 4).data
        toc = struct.pack("<I", 32 + len(extension))
        return data[:14] + b"\2" + data[15:16] + toc + data[20:32] + extension + data[32:]
    body = zlib.decompress(write_spz(splats, max(version, 2)).data, 31)
    start = 16 + 9 * splats.n
    positions = body[16:start]
    if version == 1:
        positions = splats.means.astype("<f2").tobytes()
    header = body[:4] + struct.pack("<I", version) + body[8:14] + b"\2" + body[15:16]
    return gzip_of(header + positions + body[start:] + extension)


def mutants(data: bytes, mutate: Mutate, count: int) -> Iterator[bytes]:
    """Some as they are, most with the compression made good around a broken content."""
    rng = np.random.default_rng(11)
    plain = data.startswith(b"NGSP")
    inside = streams_of(data) if plain else [zlib.decompress(data, 31)]
    for i in range(count):
        if i % 4 == 0:
            yield mutate(data, rng)
        elif not plain:
            head, body = inside[0][:16], inside[0][16:]
            yield gzip_of(mutate(head, rng) + body if i % 4 == 1 else mutate(inside[0], rng))
        elif i % 4 == 1:
            yield mutate(data[:128], rng) + data[128:]
        else:
            changed = list(inside)
            at = int(rng.integers(0, len(changed)))
            changed[at] = mutate(changed[at], rng) if i % 4 == 2 else rng.bytes(len(changed[at]))
            yield plain_of(data, changed)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_mutants_end_in_a_scene_or_a_format_error(
    random_splats: Make, mutate: Mutate, version: int
) -> None:
    data = made(random_splats(20, 1), version)
    assert read_spz(data).splats.n == 20
    check_mutants(read_spz, mutants(data, mutate, 300), 15)


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_many_mutants(random_splats: Make, mutate: Mutate, version: int) -> None:
    data = made(random_splats(300, 3), version)
    check_mutants(read_spz, mutants(data, mutate, 5000), 100)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_every_truncation_is_refused(random_splats: Make, version: int) -> None:
    data = write_spz(random_splats(5, 1), version).data
    check_truncations(read_spz, data)
    if version < 4:
        body = zlib.decompress(data, 31)
        check_truncations(lambda body: read_spz(gzip_of(body)), body)


def head(version: int, n: int, degree: int = 0, bits: int = 12, flags: int = 0, last: int = 0):
    return HEADER.pack(MAGIC, version, n, degree, bits, flags, last)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Truncated),
        (b"NG", Truncated),
        (b"NGSP", Truncated),
        (b"ply\n", Corrupt),
        (gzip_of(b""), Truncated),
        (gzip_of(b"x" * 16), Corrupt),
        (gzip_of(head(4, 0)), Corrupt),
        (gzip_of(head(5, 0)), Unsupported),
        (gzip_of(head(0, 0)), Corrupt),
        (head(3, 0) + b"\0" * 16, Corrupt),
        (head(7, 0) + b"\0" * 16, Unsupported),
        (gzip_of(head(3, 0, degree=5)), Corrupt),
        (gzip_of(head(3, 0, bits=25)), Corrupt),
        (gzip_of(head(3, 0, flags=0x80)), Unsupported),
        (gzip_of(head(3, 2**32 - 1)), TooLarge),
        (gzip_of(head(3, 19_000_000)), TooLarge),
        (gzip_of(head(3, 1)), Truncated),
        (gzip_of(head(3, 0) + b"\0"), Corrupt),
        (gzip_of(head(3, 0)) + gzip_of(b""), Corrupt),
        (gzip_of(head(3, 0))[:-4] + b"\0\0\0\1", Corrupt),
        (gzip_of(head(3, 0, flags=2) + b"\1\2\3"), Truncated),
        (gzip_of(head(3, 0, flags=2) + struct.pack("<II", 9, 2**31)), Truncated),
        (gzip_of(head(3, 0, flags=2) + struct.pack("<III", 0xADBE0003, 4, 17)), Corrupt),
        (gzip_of(head(3, 0, flags=2) + struct.pack("<IIB", 0xADBE0003, 1, 6)), Corrupt),
        (gzip_of(head(3, 0, flags=2) + b"\0" * (2**20 + 8)), TooLarge),
        (head(4, 0, last=6) + struct.pack("<I12x", 32), Corrupt),
        (head(4, 0, last=5) + struct.pack("<I12x", 31), Corrupt),
        (head(4, 0, last=5) + struct.pack("<I12x", 33), Corrupt),
        (head(4, 0, last=5) + struct.pack("<I12x", 32), Truncated),
        (head(4, 0, flags=2, last=5) + struct.pack("<I12x", 2**32 - 1), Truncated),
        (head(4, 2**31, last=5) + struct.pack("<I12x", 32), TooLarge),
        (plain_of(head(4, 0, last=5) + struct.pack("<I12x", 32), [b""] * 5, 1), Corrupt),
        (plain_of(head(4, 0, last=5) + struct.pack("<I12x", 32), [b"x"] * 5, -1), Corrupt),
    ],
)
def test_broken_structures_are_named(data: bytes, error: type[FormatError]) -> None:
    with pytest.raises(FormatError) as caught:
        read_spz(data)
    assert type(caught.value) is error, caught.value
    assert caught.value.section is not None


def test_half_floats_that_are_no_numbers_are_refused() -> None:
    body = head(1, 1) + b"\0\x7c" * 3 + b"\0" * 10
    with pytest.raises(Corrupt, match="not finite"):
        read_spz(gzip_of(body))


def test_a_gzip_checksum_is_checked(random_splats: Make) -> None:
    data = bytearray(write_spz(random_splats(20, 0)).data)
    data[-6] ^= 1
    with pytest.raises(Corrupt, match="gzip"):
        read_spz(bytes(data))


def test_the_limits_are_the_callers(random_splats: Make) -> None:
    for version in (3, 4):
        data = write_spz(random_splats(10), version).data
        with pytest.raises(TooLarge, match="more Gaussians"):
            read_spz(data, Limits(max_gaussians=9))
        with pytest.raises(TooLarge, match="expand"):
            read_spz(data, Limits(max_raw_bytes=600))


def test_bombs_take_little_memory() -> None:
    pytest.importorskip("resource")
    program = """
import resource, struct, zlib, zstandard
from flexgs.errors import FormatError
from flexgs.io.formats.spz import read_spz
MEGABYTE = bytes(1_000_000)  # fed a hundred times: the peak before must be a small one
def gz(body, megabytes=0):
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = deflate.compress(body)
    packed += b"".join(deflate.compress(MEGABYTE) for _ in range(megabytes))
    return packed + deflate.flush()
def header(version, n, last):
    return struct.pack("<IIIBBBB", 0x5053474E, version, n, 0, 12, 0, last)
deflate = zstandard.ZstdCompressor().compressobj(size=100_000_000)
frame = b"".join(deflate.compress(MEGABYTE) for _ in range(100)) + deflate.flush()
toc = struct.pack("<QQ", len(frame), 9) + struct.pack("<QQ", 9, 1) * 4
bombs = [
    gz(header(3, 1, 0), 100),
    gz(header(3, 19_000_000, 0)),
    header(4, 1, 5) + struct.pack("<I12x", 32) + toc + frame + zstandard.compress(b"1")[:9] * 4,
]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in bombs:
    try:
        read_spz(data)
    except FormatError:
        continue
    raise SystemExit("read")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 32 * 1024  # KiB
