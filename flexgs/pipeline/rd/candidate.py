# SPDX-License-Identifier: Apache-2.0
"""The second half of the work: one strength for every step size gives one file.

Geometry is rounded first; colours are then solved again on the geometry that was decoded, and
rounded last, so that they take up what geometry lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flexgs.codec import decode_splats, pack_rd, rd_chunk_bounds
from flexgs.codec.rd.colours import quantise_colours
from flexgs.codec.rd.geometry import GeometrySymbols
from flexgs.codec.rd.geometry_choice import quantise_geometry
from flexgs.codec.rd.geometry_values import dequantise_geometry
from flexgs.core import Camera, Splats
from flexgs.core.splats import Model
from flexgs.importance.colour_blocks import add_unseen_view, add_view, empty_blocks
from flexgs.pipeline.rd.effort import Effort
from flexgs.quant.adaptive.colour_values import dequantise_colours
from flexgs.quant.adaptive.colours import ColourPlan, ColourSymbols
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.render import Renderer
from flexgs.render.own_frame import OWN
from flexgs.repair import FreeSplats, Rates, repair_pass

F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

COLOUR_FACTOR = 0.3  # of the rates, where colours are solved again
FEWEST_VIEWS = 50  # for the blocks, where there are as many


@dataclass(frozen=True, eq=False)
class Candidate:
    """The integers of one file."""

    geometry_plan: GeometryPlan
    geometry: GeometrySymbols
    colour_plan: ColourPlan
    colours: ColourSymbols
    model: Model

    def pack(self, metadata: Mapping[str, object], threads: int | None = None) -> bytes:
        """The file, by at most so many threads."""
        return pack_rd(
            self.geometry_plan,
            self.geometry,
            self.colour_plan,
            self.colours,
            self.model,
            metadata,
            threads=threads,
        )

    def decoded(
        self, metadata: Mapping[str, object], threads: int | None = None
    ) -> tuple[bytes, Splats]:
        """The file, and what it decodes to."""
        data = self.pack(metadata, threads)
        return data, decode_splats(data, threads=threads)

    @property
    def without_sh(self) -> int:
        """Gaussians with nothing but DC."""
        return int((~self.colours.sh.any(axis=(1, 2))).sum())


class Repairable(Protocol):
    """Gaussians that were repaired, and by what: see `Reduced`."""

    @property
    def splats(self) -> Splats: ...
    @property
    def views(self) -> tuple[Camera, ...]: ...
    @property
    def target_of(self) -> Callable[[Camera], F32]: ...
    @property
    def rates(self) -> Rates: ...


@dataclass(frozen=True, eq=False)
class Plans:
    """What a part of a scene must share with the other parts to go into one file."""

    geometry: GeometryPlan
    blur: int  # see plan_geometry
    colours: ColourPlan
    bounds: Rows  # first rows of the part's chunks, and its number of rows


@dataclass(frozen=True, eq=False)
class Blocks:
    """J^T J of every Gaussian, summed over all views that repair may look at."""

    geometry: F32  # (n, 10, 10), see Renderer.blocks
    colours: F32  # (n, k (k + 1) / 2), see colour_blocks


def find_blocks(
    splats: Splats, views: Sequence[Camera], renderer: Renderer, share: float
) -> Blocks:
    """From every so many views, scaled up to all of them."""
    some = views[:: max(1, min(round(1 / share), len(views) // FEWEST_VIEWS))]
    geometry = np.zeros((splats.n, OWN, OWN), np.float32)
    colours = empty_blocks(splats)
    for view in some:
        add_view(colours, splats, view, renderer.blocks(splats, view, geometry))
    scale = np.float32(len(views) / max(len(some), 1))
    geometry *= scale
    colours *= scale
    add_unseen_view(colours, len(views))
    return Blocks(geometry, colours)


def round_scene(
    splats: Splats,
    blocks: Blocks,
    strength: float,
    solve: Callable[[Splats], Splats] | None = None,
    plans: Plans | None = None,
) -> tuple[Candidate, Splats, Rows]:
    """Everything rounded; `strength` is the squared error that is worth one bit.

    `solve` may give colours that make up for the rounded geometry before they are rounded. `plans`
    are given for parts of scenes, else fitted.

    Returns:
        the integers, what they stand for, and the row numbers of `splats` in the file's order.
    """
    given = None if plans is None else (plans.geometry, plans.blur)
    plan, symbols, order = quantise_geometry(splats, blocks.geometry, strength, given)
    geometry = dequantise_geometry(plan, symbols)
    rounded = replace(
        splats.select(order),
        means=geometry.means,
        log_scales=geometry.log_scales,
        quats=geometry.quats,
        opacity_logits=geometry.opacity_logits,
    )
    if solve is not None:
        rounded = solve(rounded)
    bounds = rd_chunk_bounds(rounded.n) if plans is None else plans.bounds
    colour_plan, colours = quantise_colours(
        rounded.sh,
        blocks.colours[order],
        geometry.features,
        symbols.cells,
        bounds,
        strength,
        None if plans is None else plans.colours,
    )
    sh = dequantise_colours(colour_plan, colours, geometry.features)
    candidate = Candidate(plan, symbols, colour_plan, colours, splats.model)
    return candidate, replace(rounded, sh=sh), order


def make_candidate(
    reduced: Repairable,
    blocks: Blocks,
    renderer: Renderer,
    effort: Effort,
    strength: float,
    plans: Plans | None = None,
) -> Candidate:
    """A file's integers, colours solved again on the decoded geometry as the effort allows."""

    def solve(rounded: Splats) -> Splats:
        return _solve_colours(rounded, reduced, renderer, effort.colour_passes)

    wanted = solve if effort.colour_passes else None
    return round_scene(reduced.splats, blocks, strength, wanted, plans)[0]


def _solve_colours(
    splats: Splats, reduced: Repairable, renderer: Renderer, passes: float
) -> Splats:
    """Colours that make up for rounded geometry."""
    free = FreeSplats(splats)
    views = reduced.views
    rates = reduced.rates.only("dc", "sh").scaled(COLOUR_FACTOR)
    half = [views[0::2], views[1::2]]
    for number in range(round(2 * passes)):
        some = half[number % 2]
        repair_pass(free, some, renderer, reduced.target_of, rates, number, _ignore)
    return free.snapshot()


def _ignore(_: int) -> None:
    """Progress that nobody looks at."""
