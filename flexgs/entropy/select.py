# SPDX-License-Identifier: Apache-2.0
"""The smallest codec for a stream."""

from __future__ import annotations

from flexgs.entropy.codecs import Effort, byte_codecs
from flexgs.errors import UsageError

# `fast` leaves out what is slow or never the smallest by more than a percent.
CANDIDATES: dict[Effort, tuple[str, ...]] = {
    "fast": ("zstd",),
    "best": ("zlib", "zstd", "lzma", "brotli"),
}
INCOMPRESSIBLE = 0.999  # of the raw size: a first look that saves no more ends the attempt
MIN_LOOK_BYTES = 4096  # shorter streams are tried in full
ZSTD_BEST_BYTES = 1 << 16  # zstd 19 is slow beyond it, and never wins there


def compress(data: bytes, choice: str, level: int | None, effort: Effort) -> tuple[str, bytes]:
    """Codec id and compressed bytes; raw whenever nothing is shorter.

    `choice` is a codec's id or "auto", the smallest; with "auto" a level beyond a codec's range
    means the nearest one it has.

    Raises:
        UsageError: the codec does not know `level`.

    >>> compress(bytes(1000), "zlib", None, "best")[0]
    'zlib'
    >>> compress(b"abc", "auto", None, "fast")
    ('raw', b'abc')
    """
    best = ("raw", data)
    if not data or choice == "raw":
        return best
    names = [choice]
    if choice == "auto":
        first = byte_codecs.get("lzma").encode(data, None, "fast")
        if len(first) < len(data):
            best = ("lzma", first)
        if len(first) >= INCOMPRESSIBLE * len(data) and len(data) > MIN_LOOK_BYTES:
            return best
        slow = effort == "best" and len(data) > ZSTD_BEST_BYTES
        names = [name for name in CANDIDATES[effort] if not (name == "zstd" and slow)]
    for name in names:
        packed = byte_codecs.get(name).encode(data, _usable(name, level, choice), effort)
        if len(packed) < len(best[1]):
            best = (name, packed)
    return best


def _usable(name: str, level: int | None, choice: str) -> int | None:
    levels = byte_codecs.get(name).levels
    if level is None or level in levels:
        return level
    if choice == "auto":
        return min(max(level, levels.start), levels.stop - 1)
    raise UsageError(
        f"codec {name} has no such level",
        expected=f"{levels.start}..{levels.stop - 1}",
        found=level,
    )
