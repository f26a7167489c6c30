# SPDX-License-Identifier: Apache-2.0
"""The parts of the `segment` profile that the ablation switches off, one alone at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.bench.ablation.parts.replaced import Replacement
from flexgs.codec import writing
from flexgs.codec.segment import encode, quantise, streams
from flexgs.core import Splats
from flexgs.core.morton import morton_codes
from flexgs.entropy import Effort, compress
from flexgs.entropy.select import CANDIDATES, ZSTD_BEST_BYTES
from flexgs.importance import ColourCosts
from flexgs.pipeline.segment import candidates
from flexgs.quant import SegmentPlan
from flexgs.quant.grid import Method
from flexgs.quant.layout import Layout, layout_choices
from flexgs.quant.packing import split_planes
from flexgs.search import find, stages
from flexgs.search.evaluator import Evaluator
from flexgs.search.result import Evaluation
from flexgs.search.setting import Space

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SegmentPart:
    """What to put in its place.

    `again`: the search runs again with it; else the setting that was found is coded again.
    `lossless`: only the bytes change, and nobody could decode them. `ranking`: a score and whether
    it is taken again in rounds.
    """

    title: str
    replaced: Callable[[], tuple[Replacement, ...]] = tuple
    plan: Callable[[SegmentPlan], SegmentPlan] = lambda plan: plan
    again: bool = False
    lossless: bool = False
    ranking: tuple[str, bool] | None = None
    space: Space | None = None


def keep_dc(splats: Splats, costs: ColourCosts, rows: npt.NDArray[Any]) -> Splats:
    """`drop_sh` that leaves the base colour as it was."""
    sh = splats.sh.copy()
    sh[rows, 1:] = 0.0
    return replace(splats, sh=sh)


def leave_order(cells: I64) -> I64:
    """`morton_order` that leaves the rows where they are."""
    return np.arange(len(cells))


def whole_planes(cells: I64, method: Method) -> list[U8]:
    """`cells_to_planes` without differences."""
    codes = morton_codes(cells)
    return split_planes(codes, max(1, (int(codes.max(initial=0)).bit_length() + 7) // 8))


def same_rows(bits: int, channels: int) -> list[Layout]:
    """`layout_choices` without differences between rows."""
    return [layout for layout in layout_choices(bits, channels) if not layout.rows]


def full_levels(sh: npt.NDArray[np.float32]) -> U8:  # (n, k, 3) -> (n,)
    """`sh_levels` that knows no Gaussian without SH."""
    return np.full(len(sh), int(np.sqrt(sh.shape[1])) - 1, np.uint8)


def compress_without(codec: str) -> Callable[[bytes, str, int | None, Effort], tuple[str, bytes]]:
    """`compress` by the other codecs."""

    def chosen(data: bytes, choice: str, level: int | None, effort: Effort) -> tuple[str, bytes]:
        best = ("raw", data)
        for name in CANDIDATES["best"]:
            slow = name == "zstd" and effort == "best" and len(data) > ZSTD_BEST_BYTES
            if name != codec and not slow:
                packed = compress(data, name, None, effort)
                best = packed if len(packed[1]) < len(best[1]) else best
        return best

    return chosen


def from_gentlest(evaluator: Evaluator, space: Space) -> Evaluation | None:
    """`run_seeds` without presets."""
    evaluation = evaluator(space.nearest(stages.WEAKEST), "seed")
    return evaluation if evaluation.accepted else None


def nothing(*_: object, **__: object) -> str:
    """A stage that does nothing."""
    return "switched off"


def without_delta() -> tuple[Replacement, ...]:
    return (
        (encode, "cells_to_planes", whole_planes),
        (streams, "cells_to_planes", whole_planes),
        (encode, "layout_choices", same_rows),
        (encode, "_verify", nothing),
    )


def _without_codec(name: str) -> SegmentPart:
    return SegmentPart(
        f"codec {name} -> the other three",
        lambda: ((writing, "compress", compress_without(name)),),
    )


SEGMENT_PARTS: Mapping[str, SegmentPart] = {
    "score-blend-weight": SegmentPart(
        "removal error -> sum of blending weights", ranking=("blend-weight", False)
    ),
    "score-seed-fisher": SegmentPart(
        "removal error -> gradient of the summed render", ranking=("seed-fisher", False)
    ),
    "rounds": SegmentPart("scored again in rounds -> once", ranking=("removal", False)),
    "sh-dropping": SegmentPart(
        "SH of the cheapest Gaussians dropped -> all kept",
        again=True,
        space=Space.fixing(None, 0.0),
    ),
    "sh-compensation": SegmentPart(
        "base colour solved again where SH goes -> left",
        lambda: ((candidates, "drop_sh", keep_dc),),
        again=True,
    ),
    "segments": SegmentPart(
        "segments with ranges of their own -> one", plan=lambda plan: replace(plan, segments=1)
    ),
    "morton": SegmentPart(
        "Morton order -> the order of the scene",
        lambda: ((quantise, "morton_order", leave_order),),
    ),
    "delta": SegmentPart("differences between rows -> values", without_delta, lossless=True),
    "zero-separation": SegmentPart(
        "Gaussians without SH apart -> among the others",
        lambda: ((quantise, "sh_levels", full_levels),),
    ),
    **{f"codec-{name}": _without_codec(name) for name in CANDIDATES["best"]},
    "search-seeds": SegmentPart(
        "search: presets -> from the gentlest setting",
        lambda: ((find, "run_seeds", from_gentlest),),
        again=True,
    ),
    "search-neighbours": SegmentPart(
        "search: neighbour stage", lambda: ((find, "run_neighbours", nothing),), again=True
    ),
    "search-refinement": SegmentPart(
        "search: refinement", lambda: ((find, "run_refinement", nothing),), again=True
    ),
}
