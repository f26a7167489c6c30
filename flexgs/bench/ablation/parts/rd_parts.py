# SPDX-License-Identifier: Apache-2.0
"""The parts of the `rd` profile that the ablation switches off, one alone at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from flexgs.bench.ablation.parts import stand_ins as kernels
from flexgs.bench.ablation.parts.plain_bytes import Sizes, without_contexts, without_tree
from flexgs.bench.ablation.parts.replaced import Replacement, replaced
from flexgs.codec.rd import colours, columns
from flexgs.codec.rd.sh_choice import choose, search
from flexgs.codec.rd_file import decode
from flexgs.pipeline.rd import candidate
from flexgs.pipeline.rd.candidate import Candidate
from flexgs.pipeline.rd.effort import Effort
from flexgs.quant.adaptive import blocks, geometry_fit

Replaced = tuple[Replacement, ...]
ALWAYS_FAR = 1e12  # radians: no turn is worth less than a bit
NEAREST_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.86)  # no step is made finer for choice by price


@dataclass(frozen=True)
class Part:
    """What to put in its place. `sizes`: the integers stay, only their bytes change."""

    name: str
    replaced: Callable[[], Replaced] = lambda: ()
    effort: Callable[[Effort], Effort] = lambda effort: effort
    sizes: Callable[[Candidate, Sizes], Sizes] | None = None
    repolish: bool = True  # polishing has the rounding in its loop

    def off(self) -> AbstractContextManager[None]:
        """While this lasts, the part is switched off."""
        return replaced(*self.replaced())


def one_step() -> Replaced:
    return (
        (geometry_fit, "fit_steps", kernels.fit_one_step),
        (colours, "fit_steps", kernels.fit_one_step),
        (colours, "_fit_shifts", kernels.no_shifts),
    )


def nearest_geometry() -> Replaced:
    code_rows = kernels.rebuild(columns.code_rows, _choose=kernels.nearest_index)
    return (
        (columns, "code_rows", code_rows),
        (geometry_fit, "_WEIGHTS", NEAREST_WEIGHTS),
    )


def dead_zone() -> Replaced:
    return (
        (choose, "first_costs", kernels.flat_costs),
        (choose, "learn_costs", kernels.flat_costs),
        (colours, "SH_FINER", 1.0),
    )


def all_nearest() -> Replaced:
    return (*nearest_geometry(), *dead_zone())


def no_geometry_feedback() -> Replaced:
    return (
        (blocks, "factor_blocks", kernels.unmixed),
        (geometry_fit, "factor_blocks", kernels.unmixed),
    )


def no_sh_feedback() -> Replaced:
    alone = kernels.rebuild(
        search.choose_symbols, _round=kernels.round_alone, _polish=kernels.leave_symbols
    )
    chunk = kernels.rebuild(choose._choose_chunk, choose_symbols=alone)
    return ((choose, "_choose_chunk", chunk),)


def no_feedback() -> Replaced:
    return (*no_geometry_feedback(), *no_sh_feedback())


def dc_by_row_before() -> Replaced:
    def tables(side: colours._Side) -> tuple[object, ...]:
        near = kernels.row_before(len(side.steps))
        return side.steps, side.dc_levels, near.rows, near.weights

    return ((colours, "_dc_tables", tables),)


def colours_by_row_before() -> Replaced:
    def find(cells: np.ndarray, features: np.ndarray) -> object:
        return kernels.row_before(len(cells))

    return ((colours, "find_neighbours", find),)


def rgb() -> Replaced:
    return (
        (colours, "to_luma_chroma", kernels.green_first),
        (decode, "dequantise_colours", kernels.dequantise_green_first),
        (candidate, "dequantise_colours", kernels.dequantise_green_first),
    )


def whole_sh() -> Replaced:
    return ((colours, "choose_sh", kernels.whole_or_nothing),)


def all_rotations() -> Replaced:
    return ((blocks, "_FURTHEST_TURN", ALWAYS_FAR),)


PARTS = {
    "coder": Part("context coder -> byte codecs, smallest layout", sizes=without_contexts),
    "steps": Part("steps fitted to F -> one an attribute", one_step),
    "rounding": Part("rounding by rate -> nearest; SH: dead zone of 8 bits", all_nearest),
    "rounding-geometry": Part("... of geometry alone", nearest_geometry),
    "rounding-sh": Part("... of SH alone", dead_zone),
    "feedback": Part("error feedback, geometry and SH", no_feedback),
    "feedback-geometry": Part("... of geometry alone", no_geometry_feedback),
    "feedback-sh": Part("... of SH alone", no_sh_feedback),
    "resolve": Part(
        "colours solved again on decoded geometry",
        effort=lambda effort: replace(effort, colour_passes=0.0),
        repolish=False,
    ),
    "polish": Part("polish", effort=lambda effort: replace(effort, polish=0)),
    "neighbours-dc": Part("DC from neighbours -> from the row before", dc_by_row_before),
    "neighbours": Part("... and SH, and the choice of SH", colours_by_row_before),
    "luma": Part("luma-chroma -> RGB", rgb),
    "sparsity": Part("sparse SH -> all or nothing a Gaussian", whole_sh),
    "octree": Part("octree -> Morton differences by byte codecs", sizes=without_tree),
    "isotropic": Part("rotations of nearly round Gaussians stored too", all_rotations),
}
