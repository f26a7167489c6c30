# SPDX-License-Identifier: Apache-2.0
"""The work on one block or piece, as a task that any process can do: files in, files out.

A block is a part of the original: it is pruned and repaired (`ReduceTask`). A piece is a part of
what is left of all blocks, whole chunks of the file: its parameters are weighed and polished
(`WeighTask`), then rounded and encoded at one strength (`RoundTask`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.geometry_values import dequantise_geometry
from flexgs.codec.rd_file.chunks import ChunkSymbols, write_chunk
from flexgs.codec.rd_file.head import RdHead
from flexgs.container import Section
from flexgs.core import Camera, Splats, ViewSplit
from flexgs.options import CompressOptions, Device
from flexgs.pipeline.blocks.sights import Surroundings, take_context
from flexgs.pipeline.blocks.stored.looking import TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables, save_table
from flexgs.pipeline.blocks.work.context import ContextRenderer
from flexgs.pipeline.job import Job, StageClock
from flexgs.pipeline.rd.candidate import Blocks, Candidate, Plans, find_blocks, make_candidate
from flexgs.pipeline.rd.effort import Effort, choose_effort
from flexgs.pipeline.rd.polish import polish
from flexgs.pipeline.rd.reduced import make_meter, reduce_within
from flexgs.pipeline.views import Views, photograph_reader
from flexgs.progress import SILENT
from flexgs.quant.adaptive.colour_values import dequantise_colours
from flexgs.render import Renderer, get_renderer
from flexgs.repair import Rates
from flexgs.report import SceneFacts
from flexgs.search import MaxDrop

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Facts = dict[str, Any]  # JSON values


class RenderFolder:
    """Renders of views, made when asked for and kept as half floats in files.

    Several processes may use one folder.
    """

    def __init__(self, folder: Path, render: Callable[[Camera], F32]) -> None:
        self._folder = folder
        self._render = render

    def __call__(self, camera: Camera) -> F32:  # (h, w, 3)
        """The render of a view."""
        place = self._folder / f"{hashlib.sha256(camera.name.encode()).hexdigest()}.npy"
        if not place.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            own = place.with_suffix(f".{os.getpid()}.npy")
            np.save(own, self._render(camera).astype(np.float16))
            os.replace(own, place)
        return np.asarray(np.load(place), dtype=np.float32)


@contextmanager
def render_folder(folder: Path, render: Callable[[Camera], F32]) -> Iterator[RenderFolder]:
    """A `RenderFolder` that is gone in the end."""
    try:
        yield RenderFolder(folder, render)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Setting:
    """What all tasks of a compression share."""

    effort: int
    repair: int | None
    device: Device
    threads: int | None
    target_db: float
    reference_psnr: float
    photographs: bool
    invented: bool
    photo_bytes: int  # to keep in memory
    view_rows: int  # most Gaussians in sight of a view of everything

    def renderer(self) -> Renderer:
        """Of the device asked for."""
        return get_renderer(self.device, self.threads)

    def work(self, views: int) -> Effort:
        """What the level of effort may spend where so many views judge."""
        return choose_effort(self.effort, self.repair, views)


@dataclass(frozen=True)
class ReduceTask:
    """Prunes and repairs one block among its context."""

    setting: Setting
    index: int
    source: Tables
    around: Surroundings
    share: float  # of the squared error that the target allows in the block's views
    factor: float  # of the limit of removal
    output: Tables  # of one table a block; its counts are not known yet

    def run(self) -> Facts:
        """Saves what is left and, beside it, its numbers in the whole scene."""
        splats, start = self.source.read(self.index), int(self.source.starts[self.index])
        around = self.around
        if not around.scoring:  # what no view sees goes, as it would from a whole scene
            save_table(self.output, self.index, splats.select(slice(0, 0)))
            np.save(numbers_path(self.output, self.index), np.zeros(0, np.int64))
            return {"gaussians": 0, "floor_db": 0.0, "rounds": []}
        renderer = among(self.setting, take_context(self.source, around.numbers, around.growth))
        folder = self.output.folder / f"renders_{self.index}"
        with render_folder(folder, lambda view: renderer.render(splats, view)) as renders:
            job = self._job(splats, renderer, renders)
            effort = self.setting.work(len(around.scoring))
            meter = make_meter(job, job.views.split.search)
            target = MaxDrop(self.setting.target_db)
            reduced, floor = reduce_within(job, target, effort, meter, factor=self.factor)
        save_table(self.output, self.index, reduced.splats)
        np.save(numbers_path(self.output, self.index), start + reduced.rows.astype(np.int64))
        return {
            "gaussians": reduced.splats.n,
            "floor_db": floor,
            "rounds": [[each.gaussians, each.drop_db] for each in reduced.log],
        }

    def _job(self, splats: Splats, renderer: Renderer, renders: RenderFolder) -> Job:
        setting, around = self.setting, self.around
        by_photos = setting.photographs and around.complete
        search = around.search or around.scoring[::8]
        split = ViewSplit((), search, around.scoring)
        options = CompressOptions(effort=setting.effort, reference_psnr=setting.reference_psnr)
        return Job(
            source=SceneFacts("block", 1, splats.n, splats.degree),
            splats=splats,
            options=options,
            profile="rd",
            renderer=renderer,
            views=Views(split, by_photos, setting.invented, "given"),
            photograph=photograph_reader(setting.photo_bytes) if by_photos else None,
            progress=SILENT,
            clock=StageClock(),
            share=self.share,
            renders=renders,
        )


def original_renders(setting: Setting, original: Tables) -> RenderFolder:
    """What the original looks like, all of it; kept beside its tables."""
    everything = TableRenderer(setting.renderer(), setting.view_rows)
    folder = original.folder / "renders"
    return RenderFolder(folder, lambda view: everything.render(original, view))


def numbers_path(tables: Tables, index: int) -> Path:
    """Where a table of what is left has the numbers that its Gaussians had in the scene."""
    return tables.folder / f"numbers_{index:05d}.npy"


def among(setting: Setting, context: Splats) -> Renderer:
    """The renderer that shows the context, too."""
    renderer = setting.renderer()
    return ContextRenderer(renderer, context) if context.n else renderer


@dataclass(frozen=True, eq=False)
class Piece:
    """What is left of a part of the scene, with the views that judge it; see `Reduced`."""

    splats: Splats
    views: tuple[Camera, ...]
    target_of: Callable[[Camera], F32]
    rates: Rates


@dataclass(frozen=True)
class PieceTask:
    """What weighing and rounding share: a piece among the others."""

    setting: Setting
    index: int
    pieces: Tables
    around: Surroundings
    original: Tables
    rates: Rates
    folder: Path  # of the blocks of all pieces

    @contextmanager
    def opened(self, values: Tables) -> Iterator[tuple[Piece, Renderer]]:
        """The piece with `values`, and the renderer that shows what is around it.

        Repair aims at the original where all that matters of it is there, else at the piece as it
        is among the context.
        """
        around, setting = self.around, self.setting
        renderer = among(setting, take_context(self.pieces, around.numbers, around.growth))
        own = self.folder / f"renders_{self.index}"

        def as_it_is(view: Camera) -> F32:
            return renderer.render(self.pieces.read(self.index), view)

        with render_folder(own, as_it_is) as renders:
            target_of: Callable[[Camera], F32] = renders
            if setting.photographs and around.complete:
                target_of = photograph_reader(setting.photo_bytes)
            elif around.complete:
                target_of = original_renders(setting, self.original)
            yield Piece(values.read(self.index), around.scoring, target_of, self.rates), renderer

    def blocks_path(self, name: str) -> Path:
        """Where the information about the parameters lies."""
        return self.folder / f"{name}_{self.index:05d}.npy"


@dataclass(frozen=True)
class WeighTask(PieceTask):
    """Weighs every parameter of a piece, and polishes it."""

    strength: float  # a first guess
    output: Tables

    def run(self) -> Facts:
        """Saves the information and the polished piece."""
        effort, views = self.setting.work(len(self.around.scoring)), self.around.scoring
        with self.opened(self.pieces) as (piece, renderer):
            blocks = find_blocks(piece.splats, views, renderer, effort.fisher_share)
            whole = np.float32(self.around.seeing / max(len(views), 1))  # views were thinned
            blocks = Blocks(blocks.geometry * whole, blocks.colours * whole)
            np.save(self.blocks_path("geometry"), blocks.geometry)
            np.save(self.blocks_path("colours"), blocks.colours)
            splats = piece.splats
            if effort.polish and splats.n:
                splats = polish(piece, blocks, renderer, self.strength, effort.polish, _ignore)
        save_table(self.output, self.index, splats)
        return {}


@dataclass(frozen=True)
class RoundTask(PieceTask):
    """A piece at one strength: its chunks of the file, and what they decode to."""

    polished: Tables
    strength: float
    head: RdHead
    blur: int
    first_chunk: int
    bounds: tuple[int, ...]  # first rows of the piece's chunks, and its number of rows
    output: Tables

    def run(self) -> Facts:
        """Saves chunks and decoded Gaussians."""
        effort, head = self.setting.work(len(self.around.scoring)), self.head
        plans = Plans(head.geometry, self.blur, head.colours, np.array(self.bounds))
        blocks = Blocks(*(np.load(self.blocks_path(name)) for name in ("geometry", "colours")))
        with self.opened(self.polished) as (piece, renderer):
            candidate = make_candidate(piece, blocks, renderer, effort, self.strength, plans)
        del blocks
        sections = self._encode(candidate)
        save_sections(sections_path(self.output, self.index), sections)
        save_table(self.output, self.index, decoded_values(candidate))
        return {
            "bytes": sum(len(section.payload) for section in sections),
            "sections": len(sections),
            "without_sh": candidate.without_sh,
        }

    def _encode(self, candidate: Candidate) -> list[Section]:
        whole = ChunkSymbols(candidate.geometry, candidate.colours)
        sections = []
        for chunk, (start, stop) in enumerate(pairwise(self.bounds)):
            rows = whole.select(slice(start, stop))
            sections += write_chunk(self.head, self.first_chunk + chunk, rows)
        return sections


def decoded_values(candidate: Candidate) -> Splats:
    """What the integers stand for, in the file's order."""
    geometry = dequantise_geometry(candidate.geometry_plan, candidate.geometry)
    sh = dequantise_colours(candidate.colour_plan, candidate.colours, geometry.features)
    return Splats(
        geometry.means,
        geometry.log_scales,
        geometry.quats,
        geometry.opacity_logits,
        sh,
        candidate.model,
    )


def sections_path(tables: Tables, index: int) -> Path:
    """Where the encoded chunks of a piece lie."""
    return tables.folder / f"sections_{index:05d}.npz"


def save_sections(path: Path, sections: list[Section]) -> None:
    """Sections as one file."""
    table = [[s.kind, s.index, s.raw_length, s.codec, s.tag, len(s.payload)] for s in sections]
    payload = np.frombuffer(b"".join(section.payload for section in sections), np.uint8)
    np.savez(path, table=np.array(table, np.int64).reshape(-1, 6), payload=payload)


def load_sections(path: Path) -> list[Section]:
    """The inverse of `save_sections`."""
    with np.load(path) as stored:
        table, payload = stored["table"].tolist(), stored["payload"].tobytes()
    sections, start = [], 0
    for kind, index, raw, codec, tag, length in table:
        sections.append(Section(kind, index, payload[start : start + length], raw, codec, tag))
        start += length
    return sections


def _ignore(_: int) -> None:
    """Progress that nobody looks at."""
