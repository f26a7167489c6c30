# SPDX-License-Identifier: Apache-2.0
"""Mutates `.fgs` files and repairs their checksums, so that the structure checks are tested."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

ENTRY = struct.Struct("<HBBIIIII")
HEADER = struct.Struct("<8sHHIQQI")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "v1"


def take_apart(data: bytes) -> list[tuple[list[int], bytes]]:
    """(entry fields, payload) of every section."""
    table, at, parts = HEADER.unpack_from(data)[5], 40, []
    for fields in ENTRY.iter_unpack(data[table:]):
        parts.append((list(fields), data[at : at + fields[6]]))
        at += fields[6]
    return parts


def put_together(parts: list[tuple[list[int], bytes]], count: int | None = None) -> bytes:
    """A file with right CRCs, lengths and offsets, whatever else the parts say."""
    table = b""
    for fields, payload in parts:
        table += ENTRY.pack(*fields[:5], zlib.crc32(payload), len(payload), fields[7])
    body = b"".join(payload for _, payload in parts)
    length = 40 + len(body) + len(table)
    count = len(parts) if count is None else count
    header = HEADER.pack(
        b"\x89FGS\r\n\x1a\n", 1, 0, count, length, 40 + len(body), zlib.crc32(table)
    )
    return header + struct.pack("<I", zlib.crc32(header)) + body + table


def mutate_bytes(payload: bytes, rng: random.Random) -> bytes:
    """A few flipped, replaced, inserted, removed or copied bytes."""
    out = bytearray(payload)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(out):
            out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            out[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 3:
            del out[at : at + rng.randrange(1, 9)]
        else:
            source = rng.randrange(len(out) + 1)
            out[at : at + 8] = out[source : source + 8]
    return bytes(out)


def mutate_file(data: bytes, rng: random.Random) -> bytes:
    """One mutant: a payload, an entry or the list of sections is changed; CRCs are right."""
    parts = take_apart(data)
    row = rng.randrange(len(parts))
    fields, payload = parts[row]
    kind = rng.randrange(6)
    if kind <= 2:
        parts[row] = (fields, mutate_bytes(payload, rng))
    elif kind == 3:
        which = rng.choice((0, 1, 2, 3, 4, 7, 7))
        bits = (16, 8, 8, 32, 32, 32, 32, 32)[which]
        nearby = max(0, fields[which] + rng.randrange(-3, 4))
        fields[which] = rng.choice((nearby, rng.getrandbits(bits))) & (2**bits - 1)
    elif kind == 4:
        if rng.random() < 0.5:
            del parts[row]
        else:
            parts.insert(row, (list(fields), payload))
    else:  # HEAD holds the counts: hit it more often
        head = next(i for i, (f, _) in enumerate(parts) if f[0] == 1)
        fields, payload = parts[head]
        raw = (
            payload if fields[2] == 0 else zlib.decompress(payload, -15) if fields[2] == 1 else b""
        )
        if len(raw) == 56:
            changed = mutate_head(raw, rng)
            fields[2], fields[7] = 0, len(changed)
            parts[head] = (fields, changed)
    return put_together(parts)


def mutate_head(raw: bytes, rng: random.Random) -> bytes:
    """Another value in one of its fields."""
    out = bytearray(raw)
    at, form = rng.choice(
        [(i, "B") for i in (0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27)]
        + [(4, "Q"), (12, "I"), (16, "I")] * 3
        + [(i, "f") for i in (28, 32, 36, 40)]
        + [(i, "i") for i in (44, 48, 52)]
    )
    if form == "f":
        value = rng.choice((0.0, -1.0, 1e38, -1e38, 1e-45, float("nan"), float("inf")))
    else:
        bits = 8 * struct.calcsize("<" + form) - (form == "i")
        (old,) = struct.unpack_from("<" + form, raw, at)
        value = rng.choice((old + 1, old - 1, old * 2, 0, 2**bits - 1, rng.getrandbits(bits)))
        value = min(max(value, 0), 2**bits - 1)
    struct.pack_into("<" + form, out, at, value)
    return bytes(out)
