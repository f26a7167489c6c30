# SPDX-License-Identifier: Apache-2.0
"""What choosing how a format is written brings: bytes at one drop, from one reduction of bonsai.

    python benchmarks/ways.py --cache out/reduced.npz spz compressed-ply ksplat
    python benchmarks/ways.py --cache out/reduced.npz --search-stride 3 --scoring-stride 2 spz

The scene is reduced once, as for a .fgs (`--reduce-to`), and kept in the cache. For each format:
every look, then where the finest way and the chosen one land. Drops are of photographs on the
search views, of the file as read back; the report set is never looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from bonsai import arguments

from flexgs.core import Splats
from flexgs.io.formats.table import scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline.formats.prospects import Choice, Prospect, Scout
from flexgs.pipeline.formats.round_trip import Way
from flexgs.pipeline.formats.search import _land
from flexgs.pipeline.formats.worth import weigh
from flexgs.pipeline.job import Job, StageClock
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import choose_effort
from flexgs.pipeline.rd.reduced import (
    Reduced,
    reduce_within,
    render_reader,
    repair_rates,
    spare_error,
    split_monitor,
    step_reach,
)
from flexgs.pipeline.views import find_views, photograph_reader
from flexgs.progress import SILENT
from flexgs.render import get_renderer
from flexgs.report import SceneFacts
from flexgs.scenes import open_scene
from flexgs.search import MaxDrop

FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")


class Spoken(Scout):
    """Prints every look."""

    target: MaxDrop
    spare: float

    def look(self, way: Way) -> Prospect:
        found = super().look(way)
        print(
            f"  {way.recipe or way.entry.name}, degree {way.degree}: own error "
            f"{found.own_error / self.spare:.3f} of the room, {found.worth.gaussian_bytes:.2f} and "
            f"{found.worth.sh_bytes:.2f} bytes, forecast "
            f"{found.forecast(self.target, self.spare):,.0f}",
            flush=True,
        )
        return found


def parse() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("formats", nargs="+", help="ids of formats")
    parser.add_argument("--cache", type=Path, required=True, help="the reduced scene, .npz")
    parser.add_argument("--drop", type=float, default=0.5, help="dB")
    parser.add_argument("--reduce-to", type=float, default=0.3, help="dB, for the reduction")
    parser.add_argument("--search-stride", type=int, default=1, help="every so many search views")
    parser.add_argument("--scoring-stride", type=int, default=1)
    return parser.parse_args()


def open_job(args: argparse.Namespace) -> tuple[Job, DropMeter]:
    path = args.data / "bonsai" / "point_cloud.ply"
    options = CompressOptions(target_psnr_drop=args.drop, threads=args.threads)
    splats, renderer = open_scene(path).splats, get_renderer("cpu", args.threads)
    views = find_views(path, splats, renderer, None, None, SILENT)
    photograph, reference = photograph_reader(), views.reference_psnr(None)
    facts = SceneFacts(path.name, path.stat().st_size, splats.n, splats.degree)
    clock = StageClock()
    job = Job(facts, splats, options, "spz", renderer, views, photograph, SILENT, clock)
    search = views.split.search[:: args.search_stride]
    return job, DropMeter(splats, search, renderer, photograph, reference)


def reduced_scene(job: Job, meter: DropMeter, args: argparse.Namespace) -> Reduced:
    views, watching = split_monitor(job.views.split.scoring)
    effort = choose_effort(job.options.effort, None, len(views))
    if not args.cache.exists():
        reduced, _ = reduce_within(job, MaxDrop(args.reduce_to), effort, meter)
        arrays = {name: getattr(reduced.splats, name) for name in FIELDS}
        args.cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(args.cache, rows=reduced.rows, **arrays)
    stored = np.load(args.cache)
    splats = Splats(**{name: stored[name] for name in FIELDS})
    rates = repair_rates(job, MaxDrop(args.drop), step_reach(len(views), effort.schedule.settling))
    reference = job.views.reference_psnr(None)
    monitor = DropMeter(job.splats, watching, job.renderer, job.photograph, reference)
    some = views[:: args.scoring_stride]
    return Reduced(splats, stored["rows"], some, render_reader(job), rates, monitor, ())


def main() -> None:
    args = parse()
    job, meter = open_job(args)
    reduced, target = reduced_scene(job, meter, args), MaxDrop(args.drop)
    weighed = weigh(reduced.splats, reduced.views, job.renderer, SILENT)
    floor = meter(reduced.splats)
    spare = spare_error(reduced, target, floor, meter.original_psnr)
    print(f"{reduced.splats.n:,} Gaussians, {floor:.3f} dB", flush=True)
    scout = Spoken(reduced, weighed, job.renderer, spare, repair=True)
    scout.target, scout.spare = target, spare
    for name in args.formats:
        choice = scout.choose(scene_formats.get(name), target, spare)
        finest = Choice((choice.finest,), choice.finest, 0.0)
        for what, each in (("finest", finest), ("chosen", choice)):
            landing = _land(job, target, meter, each, reduced, scout)
            best = landing.result.best
            print(
                f"{name}, {what}: {landing.way.recipe}, degree {landing.way.degree}: "
                f"{best.size_bytes:,} bytes, {best.drop_db:.3f} dB",
                flush=True,
            )


if __name__ == "__main__":
    main()
