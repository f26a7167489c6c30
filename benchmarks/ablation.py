# SPDX-License-Identifier: Apache-2.0
"""The `rd` profile on bonsai with each of its parts switched off alone: bytes at an equal drop.

    python benchmarks/ablation.py --cache out/ablation.npz > out/ablation.md
    python benchmarks/ablation.py --cache out/ablation.npz --only coder --only polish
    python benchmarks/ablation.py --cache out/ablation.npz --reductions --only repair --only rounds

Scoring views reduce the scene once, photographs of the search views measure every row; the report
set is never looked at. Functions are replaced from here: flexgs itself has no switches. Every row
goes through a real file, decodes it and renders it, with its own polish and its own search for the
strength. Bytes are then corrected to exactly the target along the line, in log bytes, through the
row's two evaluations nearest to it (with the slope of the first row where there is only one; no
slope is more than twice or less than half of that). "nearest" is the evaluation that is nearest, as
measured; bits are its. Drops of near strengths scatter a little, and the rows with them.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from ablation_bytes import Sizes
from ablation_parts import PARTS, Part
from ablation_reductions import REDUCTIONS
from bonsai import arguments

from flexgs.codec import describe
from flexgs.core import Camera, Splats
from flexgs.importance.sums import TargetOf
from flexgs.io import read_ply
from flexgs.options import CompressOptions
from flexgs.pipeline.job import Job, StageClock
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.candidate import Blocks, Candidate, find_blocks, make_candidate
from flexgs.pipeline.rd.effort import EFFORTS, Effort
from flexgs.pipeline.rd.polish import polish
from flexgs.pipeline.rd.reduced import Reduced, reduce_within, render_reader, split_monitor
from flexgs.pipeline.rd.search import LONGEST_DROP, _first_strength
from flexgs.pipeline.views import find_views, photograph_reader, thin_views
from flexgs.progress import SILENT
from flexgs.render import get_renderer
from flexgs.repair import Rates
from flexgs.repair.reduction import Schedule
from flexgs.report import SceneFacts
from flexgs.search import MaxDrop, Measured, Setting, find_strength

ATTRIBUTES = ("means", "opacity_logits", "log_scales", "quats", "dc", "sh")
EVERYTHING = "everything on"
NEAR_DB = 0.03  # evaluations nearer to each other than this give no slope
SLOPES = -3.0, -0.2  # of log bytes a dB: what the line of a scene may have
USUAL_SLOPE, SLOPES_WITHIN = -1.0, 2.0  # where it has not; rows differ from it by a factor at most
FURTHER = 1.4  # of the strength, for a second file with everything on
SMOKE_EFFORT = Effort(Schedule(rounds=2, settling=1, share=0.34), 0.5, 0.5, 1)
SMOKE_EVERY, SMOKE_SCORING, SMOKE_SEARCH, SMOKE_SIDE = 20, 8, 2, 4


@dataclass(frozen=True, eq=False)
class Case:
    """The scene and what measures it."""

    job: Job
    meter: DropMeter
    target: MaxDrop
    effort: Effort
    evaluations: int  # a row, at most


@dataclass(frozen=True, eq=False)
class Start:
    """A reduced scene: what rows begin with."""

    reduced: Reduced
    floor: float  # dB
    blocks: Blocks
    first: float  # the strength that polishing looks at


@dataclass(frozen=True, eq=False)
class Point:
    """One file."""

    strength: float
    drop: float  # dB, of the decoded file on the search views
    size: int
    sizes: Sizes
    candidate: Candidate


@dataclass(eq=False)
class Row:
    """All files of one row."""

    gaussians: int
    points: list[Point] = field(default_factory=list)

    def nearest(self, target: float) -> list[Point]:
        """The files, those first that come nearest to the target."""
        return sorted(self.points, key=lambda p: abs(p.drop - target))

    def slope(self, target: float) -> float | None:
        """d log bytes / d dB between the two nearest files."""
        best = self.nearest(target)
        for other in best[1:]:
            if abs(other.drop - best[0].drop) > NEAR_DB:
                return math.log(other.size / best[0].size) / (other.drop - best[0].drop)
        return None

    def size_at(self, target: float, usual: float) -> float:
        """Bytes at exactly the target."""
        best, slope = self.nearest(target)[0], self.slope(target)
        slope = usual if slope is None else slope
        slope = min(max(slope, SLOPES_WITHIN * usual), usual / SLOPES_WITHIN)
        return best.size * math.exp(slope * (target - best.drop))


def main() -> None:
    """Reduces or reads the reduction, then prints row after row."""
    args = parse()
    case = prepare(args)
    started = time.perf_counter()
    start = load(case, args.cache) if args.cache and args.cache.exists() else begin(case)
    if args.cache and not args.cache.exists():
        save(start, args.cache)
    note(f"{start.reduced.splats.n} Gaussians, floor {start.floor:.3f} dB", started)
    print_head(case.target.db)
    polished = run_polish(case, start, case.effort)
    base = land(case, start, polished, case.effort, start.first, EVERYTHING)
    if len(base.points) == 1:  # all rows are corrected along this one's line
        further = FURTHER * base.points[0].strength
        base.points.append(make_point(case, start, polished, case.effort, further))
    found = base.slope(case.target.db)
    usual = found if found and SLOPES[0] <= found <= SLOPES[1] else USUAL_SLOPE
    note(f"log bytes a dB: {found} measured, {usual:.3f} used", started)
    whole = base.size_at(case.target.db, usual)
    print_row(EVERYTHING, base, case.target.db, usual, whole)
    strength = base.nearest(case.target.db)[0].strength
    names = args.only or [*PARTS, *(REDUCTIONS if args.reductions else ())]
    for name in names:
        title = PARTS[name].name if name in PARTS else REDUCTIONS[name][0]
        try:
            if name in PARTS:
                row = run_part(case, start, polished, base, PARTS[name], strength)
            else:
                row = run_reduction(case, start, name, strength)
            print_row(title, row, case.target.db, usual, whole)
        except Exception as error:  # the other rows are still worth having
            traceback.print_exc()
            print(f"| {title} | failed: {type(error).__name__}: {error} |", flush=True)


def parse() -> argparse.Namespace:
    """Options."""
    parser = arguments(__doc__ or "")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cache", type=Path, help=".npz that keeps the reduction between runs")
    parser.add_argument("--target", type=float, default=1.0, help="drop in dB")
    parser.add_argument("--effort", type=int, default=CompressOptions.effort, choices=list(EFFORTS))
    parser.add_argument("--evaluations", type=int, default=3, help="files a row, at most")
    parser.add_argument("--reductions", action="store_true", help="also the rows that reduce anew")
    parser.add_argument("--only", action="append", choices=[*PARTS, *REDUCTIONS])
    parser.add_argument("--smoke", action="store_true", help="a few small views of few Gaussians")
    options: argparse.Namespace = parser.parse_args()
    return options


def prepare(args: argparse.Namespace) -> Case:
    """Scene, views and meter as `flexgs compress` has them."""
    path = args.data / "bonsai" / "point_cloud.ply"
    splats = read_ply(path).splats
    options = CompressOptions(
        target_psnr_drop=args.target, effort=args.effort, threads=args.threads, device="cpu"
    )
    renderer = get_renderer("cpu", args.threads)
    views = find_views(path, splats, renderer, None, None, SILENT)
    photograph: TargetOf | None = photograph_reader()
    effort = EFFORTS[args.effort]
    if args.smoke:  # too few Gaussians to look like photographs
        splats, effort = splats.select(np.arange(0, splats.n, SMOKE_EVERY)), SMOKE_EFFORT
        small = [
            tuple(shrink(v) for v in thin_views(views.split.scoring, SMOKE_SCORING)),
            tuple(shrink(v) for v in thin_views(views.split.search, SMOKE_SEARCH)),
        ]
        split = replace(views.split, scoring=small[0], search=small[1])
        views, photograph = replace(views, split=split, photographs=False), None
    facts = SceneFacts(path.name, path.stat().st_size, splats.n, splats.degree)
    job = Job(facts, splats, options, "rd", renderer, views, photograph, SILENT, StageClock())
    reference = views.reference_psnr(None)
    meter = DropMeter(splats, views.split.search, renderer, photograph, reference)
    return Case(job, meter, MaxDrop(args.target), effort, args.evaluations)


def shrink(view: Camera) -> Camera:
    """The same camera with fewer pixels."""
    by = 1 / SMOKE_SIDE
    width, height = view.width // SMOKE_SIDE, view.height // SMOKE_SIDE
    fx, fy, cx, cy = by * view.fx, by * view.fy, by * view.cx, by * view.cy
    return replace(view, width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)


def begin(case: Case) -> Start:
    """The reduction, with everything on."""
    reduced, floor = reduce_within(case.job, case.target, case.effort, case.meter)
    return weigh(case, reduced, floor)


def weigh(case: Case, reduced: Reduced, floor: float) -> Start:
    """A reduction with its blocks."""
    blocks = find_blocks(reduced.splats, reduced.views, case.job.renderer, case.effort.fisher_share)
    return Start(reduced, floor, blocks, _first_strength(reduced, case.target, floor))


def save(start: Start, path: Path) -> None:
    """Keeps a reduction."""
    splats = start.reduced.splats
    arrays = {name: getattr(splats, name) for name in ("means", "log_scales", "quats", "sh")}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        **arrays,
        opacity_logits=splats.opacity_logits,
        rows=start.reduced.rows,
        geometry=start.blocks.geometry,
        colours=start.blocks.colours,
        numbers=np.array([start.floor, start.first]),
    )
    os.replace(partial, path)


def load(case: Case, path: Path) -> Start:
    """A reduction from before, judged by the same views."""
    kept, job = np.load(path, allow_pickle=False), case.job
    splats = Splats(
        kept["means"],
        kept["log_scales"],
        kept["quats"],
        kept["opacity_logits"],
        kept["sh"],
        job.splats.model,
    )
    views, watching = split_monitor(job.views.split.scoring)
    reference = job.views.reference_psnr(None)
    monitor = DropMeter(job.splats, watching, job.renderer, job.photograph, reference)
    reduced = Reduced(splats, kept["rows"], views, render_reader(job), Rates(), monitor, ())
    floor, first = kept["numbers"].tolist()
    return Start(reduced, floor, Blocks(kept["geometry"], kept["colours"]), first)


def run_polish(case: Case, start: Start, effort: Effort) -> Reduced:
    """The reduction, polished as the effort says."""
    if not effort.polish:
        return start.reduced
    splats = polish(
        start.reduced,
        start.blocks,
        case.job.renderer,
        start.first,
        effort.polish,
        lambda _: None,
    )
    return replace(start.reduced, splats=splats)


def land(
    case: Case, start: Start, reduced: Reduced, effort: Effort, first: float, name: str
) -> Row:
    """Files on both sides of the target, or near it."""
    row = Row(reduced.splats.n)

    def measure(strength: float) -> Measured:
        started = time.perf_counter()
        point = make_point(case, start, reduced, effort, strength)
        row.points.append(point)
        note(f"  {name}: strength {strength:.4g}: {point.size} B, {point.drop:.4f} dB", started)
        return Measured(Setting(0, 0), point.size, point.drop, point.drop)

    find_strength(measure, case.target, first, start.floor, case.evaluations, best_effort=True)
    return row


def make_point(
    case: Case, start: Start, reduced: Reduced, effort: Effort, strength: float
) -> Point:
    """The file of one strength, decoded and measured."""
    candidate = make_candidate(reduced, start.blocks, case.job.renderer, effort, strength)
    data, decoded = candidate.decoded({**case.job.facts, "drop_db": LONGEST_DROP})
    sizes = describe(data).bytes_by_attribute
    return Point(strength, case.meter(decoded), len(data), sizes, candidate)


def run_part(
    case: Case, start: Start, polished: Reduced, base: Row, part: Part, strength: float
) -> Row:
    """A row on the shared reduction."""
    if part.sizes is not None:
        row = Row(base.gaussians)
        for point in base.nearest(case.target.db)[:2]:
            sizes = part.sizes(point.candidate, point.sizes)
            size = point.size + sum(sizes.values()) - sum(point.sizes.values())
            row.points.append(replace(point, size=size, sizes=sizes))
        return row
    effort = part.effort(case.effort)
    with part.off():
        same = not part.repolish and effort.polish == case.effort.polish
        reduced = polished if same else run_polish(case, start, effort)
        return land(case, start, reduced, effort, strength, part.name)


def run_reduction(case: Case, start: Start, name: str, strength: float) -> Row:
    """A row with a reduction of its own."""
    title, reduce = REDUCTIONS[name]
    started = time.perf_counter()
    kept = start.reduced.splats.n
    reduced, floor, effort = reduce(case.job, case.target, case.meter, case.effort, kept)
    note(f"  {title}: {reduced.splats.n} Gaussians, floor {floor:.3f} dB", started)
    if floor >= case.target.db:
        raise ValueError(f"{reduced.splats.n} Gaussians, and {floor:.3f} dB lost by removal alone")
    own = weigh(case, reduced, floor)
    return land(case, own, run_polish(case, own, effort), effort, own.first, title)


def print_head(target: float) -> None:
    """The table's first lines."""
    columns = [
        "switched off",
        f"bytes at {target:g} dB",
        "change",
        "nearest: bytes",
        "dB",
        "files",
        "Gaussians",
        *(f"{name} bit" for name in ATTRIBUTES),
        "all bit",
    ]
    print_line(columns)
    print("|" + "---|" * len(columns), flush=True)


def print_row(title: str, row: Row, target: float, usual: float, whole: float) -> None:
    """One line of the table."""
    best, size = row.nearest(target)[0], row.size_at(target, usual)
    bits = 8 / max(row.gaussians, 1)
    print_line(
        [
            title,
            f"{size:.0f}",
            f"{size / whole - 1:+.1%}",
            f"{best.size}",
            f"{best.drop:.3f}",
            f"{len(row.points)}",
            f"{row.gaussians}",
            *(f"{bits * best.sizes.get(name, 0):.2f}" for name in ATTRIBUTES),
            f"{bits * best.size:.2f}",
        ]
    )


def print_line(cells: Sequence[str]) -> None:
    """A line of Markdown."""
    print("| " + " | ".join(cells) + " |", flush=True)


def note(text: str, started: float) -> None:
    """Progress, beside the table."""
    print(f"{text} ({time.perf_counter() - started:.0f} s)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
