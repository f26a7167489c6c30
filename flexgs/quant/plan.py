# SPDX-License-Identifier: Apache-2.0
"""`SegmentPlan`: every choice of the `segment` profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from flexgs.errors import UsageError

MAX_BITS = 16
MAX_SEGMENTS = 65_535
CODEC_CHOICES = ("auto", "raw", "zlib", "zstd", "lzma", "brotli")
_FIELD_OF_GROUP = {"log_scales": "scales", "opacity_logits": "opacity"}  # names of Splats' fields


@dataclass(frozen=True)
class SegmentPlan:
    """Bits of every attribute group, number of segments, byte codec.

    2, 4, 8 and 16 bits are the usual widths; any width from 1 to 16 works. `auto` takes the
    smallest codec per stream; `level` None lets the codec choose.

    Raises:
        UsageError: a value is out of range.

    >>> SegmentPlan(sh=2).to_dict()["sh"]
    2
    >>> SegmentPlan.from_dict({"means": 14}).means
    14
    """

    segments: int = 100  # at most; scenes under 128 Gaussians a segment get fewer
    means: int = 16  # bits, the same for all channels of a group
    dc: int = 8
    opacity: int = 8
    scales: int = 8
    quats: int = 8
    sh: int = 4
    codec: str = "auto"
    level: int | None = None

    def __post_init__(self) -> None:
        for name in ("means", "dc", "opacity", "scales", "quats", "sh"):
            _check_integer(name, getattr(self, name), 1, MAX_BITS)
        _check_integer("segments", self.segments, 1, MAX_SEGMENTS)
        if self.codec not in CODEC_CHOICES:
            raise UsageError(
                "unknown codec",
                section="plan",
                expected=" | ".join(CODEC_CHOICES),
                found=self.codec,
            )
        if self.level is not None:
            _check_integer("level", self.level, 0, 22)

    def with_bits(self, bits: Mapping[str, int]) -> SegmentPlan:
        """The same plan with other bits; groups by their names here or in `Splats`.

        >>> SegmentPlan().with_bits({"log_scales": 6}).scales
        6
        """
        named = {_FIELD_OF_GROUP.get(group, group): width for group, width in bits.items()}
        return SegmentPlan.from_dict({**self.to_dict(), **named})

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> SegmentPlan:
        """The inverse of `to_dict`; missing keys keep their defaults, unknown ones are refused."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(
                "unknown key in a plan", section="plan", expected=sorted(known), found=unknown
            )
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks every value


def _check_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(
            f"plan: {name} is out of range", section="plan", expected=f"{low}..{high}", found=value
        )
