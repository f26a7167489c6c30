# SPDX-License-Identifier: Apache-2.0
"""What a user can ask of a compression, as plain checked values. The command line maps onto it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from flexgs.errors import UsageError

Device = Literal["auto", "cpu", "cuda"]
Source = Path | Literal["none"] | None  # a file or folder, none at all, or look beside the scene
TargetKind = Literal["psnr_drop", "size", "ratio", "psnr"]

DEFAULT_DROP_DB = 1.0
DEFAULT_REFERENCE_PSNR = (
    27.2  # mean of 3DGS on Mip-NeRF 360 (docs/design.md, "What the target means")
)
MAX_BITS = 16
BIT_GROUPS = ("means", "log_scales", "quats", "opacity_logits", "dc", "sh")

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


@dataclass(frozen=True)
class CompressOptions:
    """Options of `flexgs.compress`. At most one target; none means a drop of 1.0 dB.

    `cameras` and `images` name files or folders; None looks beside the scene, "none" uses none
    (cameras are then invented). `pruning_rate` and `sh_rate` fix an axis of the search; with both
    there is no search and no target.

    Raises:
        UsageError: a value is out of range, or two options contradict each other.

    >>> CompressOptions(target_ratio=20).target
    ('ratio', 20)
    >>> CompressOptions().target
    ('psnr_drop', 1.0)
    """

    target_psnr_drop: float | None = None  # dB
    target_size: int | None = None  # bytes
    target_ratio: float | None = None  # bytes of the original / bytes of the result
    target_psnr: float | None = None  # dB

    pruning_rate: float | None = None  # share of the Gaussians to remove
    sh_rate: float | None = None  # share of the survivors that lose their SH rest

    format: str | None = None  # spz, sog, ..., auto; None: as the output's name says, else fgs
    profile: str = "auto"  # fgs: rd wherever it can say what is asked, else segment
    effort: int = 5  # rd: 1 (seconds) to 9 (everything)
    refine_s: float | None = None  # rd: seconds of further removal and repair
    repair: int | None = None  # rd: passes after the last removal; 0: no repair; None: by effort
    score: str = "removal"
    segments: int = 100
    bits: Mapping[str, int] = field(default_factory=dict)  # overrides of a group's bits
    codec: str = "auto"
    level: int | None = None  # None: the codec's own default

    cameras: Source = None
    images: Source = None
    max_side: int | None = None  # pixels of a given view; larger photographs are scaled down
    reference_psnr: float | None = None  # dB, where there are no photographs; None: the default
    report_views: int | None = None  # at most so many views are reported on; None: all, 0: none

    max_evaluations: int = 20
    time_budget_s: float | None = None
    best_effort: bool = False

    max_memory: int | None = None  # bytes; the scene is then compressed in blocks
    blocks: int | None = None  # at least so many; None: as `max_memory` wants it
    jobs: int = 1  # processes that work on blocks at a time, as `max_memory` lets them
    ray: str | None = None  # a cluster that works on blocks: "auto" or host:port

    device: Device = "auto"
    threads: int | None = None  # None: all cores
    drop_invalid: bool = False
    force: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        _check_targets(self)
        _check_numbers(self)
        object.__setattr__(self, "bits", MappingProxyType(dict(self.bits)))
        for group, bits in self.bits.items():
            if group not in BIT_GROUPS or not 1 <= bits <= MAX_BITS:
                raise UsageError(
                    "bits cannot be set so",
                    expected=f"one of {' | '.join(BIT_GROUPS)} = 1 to {MAX_BITS}",
                    found=f"{group}={bits}",
                )
        if self.device not in get_args(Device):
            raise UsageError("unknown device", expected="auto | cpu | cuda", found=self.device)

    @property
    def in_blocks(self) -> bool:
        """The scene is compressed block by block."""
        return self.max_memory is not None or self.blocks is not None

    @property
    def fixed(self) -> bool:
        """Both rates are given: nothing is searched."""
        return self.pruning_rate is not None and self.sh_rate is not None

    def changed(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the options that differ from their defaults.

        >>> CompressOptions(level=3).changed(("level", "codec"))
        ('level',)
        """
        defaults = CompressOptions()
        return tuple(name for name in names if getattr(self, name) != getattr(defaults, name))

    @property
    def target(self) -> tuple[TargetKind, float]:
        """The kind of target and its value (dB, bytes or a ratio)."""
        if self.target_size is not None:
            return "size", self.target_size
        if self.target_ratio is not None:
            return "ratio", self.target_ratio
        if self.target_psnr is not None:
            return "psnr", self.target_psnr
        drop = DEFAULT_DROP_DB if self.target_psnr_drop is None else self.target_psnr_drop
        return "psnr_drop", drop


def parse_size(text: str) -> int:
    """Bytes of "20MB", "1.5 GB", "300KiB" or "1000"; MB is 10^6, MiB 2^20.

    Raises:
        UsageError: the text is not a size.

    >>> parse_size("20MB"), parse_size("1.5 kib"), parse_size("1000")
    (20000000, 1536, 1000)
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].upper() not in _UNITS:
        raise UsageError("not a size", expected="a number and B, KB, MB, GB, KiB, ...", found=text)
    return round(float(match[1]) * _UNITS[match[2].upper()])


def parse_bits(items: list[str]) -> dict[str, int]:
    """`["means=16,sh=4", "dc=8"]` as `{"means": 16, "sh": 4, "dc": 8}`.

    Raises:
        UsageError: an item is not `group=bits`, or a group comes twice.
    """
    bits: dict[str, int] = {}
    for item in (part for text in items for part in text.split(",")):
        group, _, number = item.strip().partition("=")
        if not number.isascii() or not number.isdigit() or group in bits:
            raise UsageError(
                "bits are not understood",
                expected="each group once, as in means=16,sh=4",
                found=item,
            )
        bits[group] = int(number)
    return bits


def parse_source(text: str | None) -> Source:
    """Where to look for cameras or images: a path, or "none" to use none.

    >>> parse_source("none"), parse_source(None)
    ('none', None)
    """
    if text is None or text == "none":
        return None if text is None else "none"
    return Path(text)


def parse_numbers(option: str, text: str, names: str) -> tuple[float, ...]:
    """Numbers with commas between them, as many as there are names.

    Raises:
        UsageError: something else.

    >>> parse_numbers("--translate", "1,-2.5,0", "x,y,z")
    (1.0, -2.5, 0.0)
    """
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != len(names.split(",")) or not all(map(math.isfinite, numbers)):
        raise UsageError(f"{option} is not understood", expected=names, found=text)
    return numbers


def parse_views(text: str) -> int | None:
    """How many views: a number, "none" for 0, "all" for None.

    Raises:
        UsageError: something else.

    >>> parse_views("all"), parse_views("none"), parse_views("3")
    (None, 0, 3)
    """
    if text in ("all", "none"):
        return None if text == "all" else 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError("not a number of views", expected="all, none or a number", found=text)
    return int(text)


def parse_shares(text: str) -> tuple[float, ...]:
    """Numbers between commas; none: no coarser level.

    Raises:
        UsageError: something else.

    >>> parse_shares("0.5,0.1"), parse_shares("")
    ((0.5, 0.1), ())
    """
    try:
        return tuple(float(part) for part in text.split(",") if text.strip())
    except ValueError:
        raise UsageError("not shares", expected="numbers as in 0.5,0.1", found=text) from None


def _check_targets(options: CompressOptions) -> None:
    given = [
        f"--target-{kind.replace('_', '-')}"
        for kind in get_args(TargetKind)
        if getattr(options, f"target_{kind}") is not None
    ]
    if len(given) > 1:
        raise UsageError("only one target can be given", expected="one", found=" and ".join(given))
    if given and options.fixed:
        raise UsageError(
            f"{given[0]} contradicts a fixed setting",
            hint="Give a target, or --pruning-rate and --sh-rate together, not both.",
        )


def _check_numbers(options: CompressOptions) -> None:
    bounds = (
        ("target_psnr_drop", 0.0, 50.0),
        ("target_size", 1, 2**62),
        ("target_ratio", 1.0, 1e6),
        ("target_psnr", 1.0, 150.0),
        ("pruning_rate", 0.0, 0.99),
        ("sh_rate", 0.0, 1.0),
        ("effort", 1, 9),
        ("repair", 0, 1000),
        ("refine_s", 0.0, 1e9),
        ("segments", 1, 65_535),
        ("level", 0, 22),
        ("max_side", 16, 65_536),
        ("reference_psnr", 1.0, 100.0),
        ("report_views", 0, 1_000_000),
        ("max_evaluations", 1, 10_000),
        ("time_budget_s", 0.0, 1e9),
        ("threads", 1, 4096),
        ("max_memory", 1, 2**62),
        ("blocks", 1, 100_000),
        ("jobs", 1, 1024),
    )
    for name, low, high in bounds:
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise UsageError(
                f"--{name.removesuffix('_s').replace('_', '-')} is out of range",
                expected=f"{low:g} to {high:g}",
                found=value,
            )
    if not options.in_blocks and (options.jobs > 1 or options.ray is not None):
        raise UsageError(
            "--jobs and --ray work on blocks", expected="--max-memory or --blocks with them"
        )
    if options.target_psnr_drop == 0:
        raise UsageError("a drop of 0 dB cannot be reached", expected="more than 0", found="0 dB")
