# SPDX-License-Identifier: Apache-2.0
"""An independent decoder: written from docs/format.md alone, shares no line with flexgs.

Slow and plain on purpose: one loop a segment and channel, Python integers where they are clearer.
"""

from __future__ import annotations

import lzma
import struct
import zlib

import brotli
import numpy as np
import zstandard

F32 = np.float32


class Bad(Exception):
    """The file breaks a rule of the format."""


def need(condition: bool, rule: str) -> None:
    if not condition:
        raise Bad(rule)


def expand(codec: int, payload: bytes, raw: int) -> bytes:
    if codec == 0:
        data = payload
    elif codec == 1:
        data = zlib.decompress(payload, -15)
    elif codec == 2:
        data = zstandard.ZstdDecompressor().decompress(payload)
    elif codec == 3:
        size = 1 << 12
        while size < min(raw, 1 << 23):
            size *= 2
        chain = [{"id": lzma.FILTER_LZMA2, "dict_size": size}]
        data = lzma.decompress(payload, lzma.FORMAT_RAW, filters=chain)
    else:
        need(codec == 4, "known codec")
        data = brotli.decompress(payload)
    need(len(data) == raw, "raw length")
    return data


def read_sections(data: bytes) -> dict[tuple[int, int], tuple[int, bytes]]:
    """(part, kind) -> (tag, raw bytes)."""
    magic, major, _minor, count, length, table_at, table_crc, crc = struct.unpack_from(
        "<8sHHIQQII", data
    )
    need(magic == bytes.fromhex("894647530D0A1A0A") and major == 1, "magic and version")
    need(crc == zlib.crc32(data[:36]), "header CRC")
    need(length == len(data) == table_at + 24 * count, "lengths")
    need(table_crc == zlib.crc32(data[table_at:]), "table CRC")
    sections, at, last = {}, 40, (-1, -1)
    for i in range(count):
        kind, flags, codec, part, tag, crc, stored, raw = struct.unpack_from(
            "<HBBIIIII", data, table_at + 24 * i
        )
        payload = data[at : at + stored]
        at += stored
        need(flags <= 1 and (part, kind) > last, "flags and order")
        need(zlib.crc32(payload) == crc, "payload CRC")
        sections[part, kind] = (tag, expand(codec, payload, raw))
        last = (part, kind)
    need(at == table_at, "no gaps")
    return sections


def from_planes(planes: list[bytes]) -> list[int]:
    return [int.from_bytes(bytes(column), "little") for column in zip(*planes, strict=True)]


def unzigzag(v: int) -> int:
    return v // 2 if v % 2 == 0 else -(v + 1) // 2


def read_matrix(planes: list[bytes], layout: int, b: int, c: int, k: int) -> np.ndarray:
    """Symbols, (c, k)."""
    if b <= 8 and layout & 8 and b < 8:
        bits = np.unpackbits(np.frombuffer(planes[0], np.uint8), bitorder="little")
        need(len(planes[0]) == (c * k * b + 7) // 8, "packed length")
        flat = bits[: c * k * b].reshape(c * k, b).astype(np.int64) @ (1 << np.arange(b))
    else:
        flat = np.array(from_planes(planes), dtype=np.int64)
    need(len(flat) == c * k, "number of symbols")
    matrix = flat.reshape(k, c).T if layout & 4 else flat.reshape(c, k)
    if layout & 2:
        matrix = np.cumsum(matrix, axis=1)
    if layout & 1:
        rows = [matrix[0]]
        for j in range(1, c):
            rows.append(matrix[j] + rows[j - 1] if j % 3 else matrix[j])
        matrix = np.array(rows)
    return matrix % (1 << b)


class Decoder:
    def __init__(self, data: bytes) -> None:
        self.sections = read_sections(data)
        head = struct.unpack("<BBBBQII6BBB3ff3i", self.sections[0, 1][1])
        self.profile, self.d, self.degree, self.model, self.n, self.S, self.C = head[:7]
        need(self.profile == 1, "profile")
        self.w_means, self.w_dc, self.w_opacity, self.w_scales, self.w_quats, self.w_sh = head[7:13]
        self.R = head[13]
        self.center = np.array(head[15 : 15 + self.d], F32)
        self.radius = F32(head[18])
        self.origin = head[19 : 19 + self.d]

    def symbols(self, part: int, kind: int, b: int, c: int, k: int) -> np.ndarray:
        tag, low = self.sections[part, kind]
        planes = [low] + ([self.sections[part, kind + 1][1]] if b > 8 else [])
        return read_matrix(planes, tag, b, c, k)

    def positions(self, part: int, rows: int) -> np.ndarray:
        tag, first = self.sections[part, 0x10]
        planes = [first]
        while (part, 0x10 + len(planes)) in self.sections:
            planes.append(self.sections[part, 0x10 + len(planes)][1])
        numbers = from_planes(planes)
        cells = [[0] * self.d for _ in range(rows)]
        if tag == 0:
            code = 0
            for row, step in enumerate(numbers):
                code += step
                for axis in range(self.d):
                    for j in range(21):
                        cells[row][axis] |= (code >> (3 * j + axis) & 1) << j
        else:
            for axis in range(self.d):
                cell = 0
                for row in range(rows):
                    cell += unzigzag(numbers[axis * rows + row])
                    cells[row][axis] = cell
        M = max(self.w_means - 3, 0)
        radii = np.zeros((rows, self.d), F32)
        for row in range(rows):
            for axis in range(self.d):
                g = cells[row][axis] + self.origin[axis]
                m, r = abs(g), abs(g) / 2**M
                if m >= 2 * 2**M:
                    e = (m >> M) - 1
                    r = 2.0**e * (1 + (m - (e + 1) * 2**M) / 2**M)
                radii[row, axis] = -r if g < 0 else r
        return np.clip(radii * self.radius + self.center, F32(-1e7), F32(1e7))

    def group(
        self, part: int, kind: int, b: int, c: int, owner: np.ndarray, segments: int, limits: tuple
    ) -> np.ndarray:
        """Values, (k, c); `owner` is the segment of each of the k rows."""
        raw = np.frombuffer(self.sections[part, kind][1], np.uint8).reshape(6, -1)
        plane = [p.tobytes() for p in raw]
        scale_bits = np.array(from_planes(plane[:2]), np.uint32) << 16
        scales = scale_bits.astype(np.uint32).view(F32).reshape(c, segments)
        zeros = np.array([unzigzag(v) for v in from_planes(plane[2:])]).reshape(c, segments)
        q = self.symbols(part, kind + 1, b, c, len(owner))
        values = np.zeros((len(owner), c), F32)
        for channel in range(c):
            steps = (q[channel] - zeros[channel][owner]).astype(F32)
            values[:, channel] = steps * scales[channel][owner]
        return np.clip(values, F32(limits[0]), F32(limits[1]))

    def chunk(self, index: int) -> list[np.ndarray]:
        part = index + 1
        first, last = index * self.S // self.C, (index + 1) * self.S // self.C
        starts = [s * self.n // self.S for s in range(first, last + 1)]
        rows, segments = starts[-1] - starts[0], last - first
        owner = np.repeat(np.arange(segments), np.diff(starts))
        means = self.positions(part, rows)
        scales = self.group(part, 0x30, self.w_scales, self.d, owner, segments, (-40, 20))
        quats = self.group(part, 0x34, self.w_quats, self.R, owner, segments, (-2, 2))
        opacity = self.group(part, 0x38, self.w_opacity, 1, owner, segments, (-15, 15))
        sh = np.zeros((rows, (self.degree + 1) ** 2, 3), F32)
        sh[:, 0] = self.group(part, 0x3C, self.w_dc, 3, owner, segments, (-1000, 1000))
        if self.degree:
            width = {1: 1, 2: 2, 3: 2, 4: 3}[self.degree]
            levels = self.symbols(part, 0x20, width, 1, rows)[0]
            for band in range(1, self.degree + 1):
                mask = levels >= band
                if mask.any():
                    kind, c = 0x40 + 4 * (band - 1), 3 * (2 * band + 1)
                    values = self.group(
                        part, kind, self.w_sh, c, owner[mask], segments, (-1000, 1000)
                    )
                    sh[mask, band * band : (band + 1) ** 2] = values.reshape(len(values), -1, 3)
        return [means, scales, self.rotations(quats), opacity[:, 0], sh]

    def rotations(self, quats: np.ndarray) -> np.ndarray:
        if self.R == 3:
            x, y, z = quats.T
            w = np.sqrt(np.maximum(F32(0), F32(1) - ((x * x + y * y) + z * z)))
            quats = np.stack([w, x, y, z], axis=1)
        w, x, y, z = quats.T
        squares = ((w * w + x * x) + y * y) + z * z
        quats[~(squares > 1e-16)] = (1, 0, 0, 0)
        return quats


def decode(data: bytes) -> list[np.ndarray]:
    """means, log_scales, quats, opacity_logits, sh."""
    decoder = Decoder(data)
    chunks = [decoder.chunk(i) for i in range(decoder.C)]
    return [np.concatenate(arrays) for arrays in zip(*chunks, strict=True)]
