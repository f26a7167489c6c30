# SPDX-License-Identifier: Apache-2.0
"""Our files read by other software, and its files by us: Markdown tables of differences in steps.

    python benchmarks/cross_reading.py --data DATA --peers PEERS -o out/cross

PEERS holds node_modules with @playcanvas/splat-transform, @sparkjsdev/spark, three and
@mkkellogg/gaussian-splats-3d, and mkksplat.mjs, which runs the encoder of the last. Five scenes go
through every format. Two readings of one file are compared number by number: ours, and the peer's,
which is what splat-transform writes to a .ply, or the arrays inside a page of headless Chromium.
A step is the format's at that number (peers/steps.py), or the viewer's own where its memory is
coarser. Tables show the largest difference over all scenes; a row that is not read, or more than
one step off, ends the script with status 1 unless peers/tables.py knows why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bonsai import DEFAULT_DATA
from peers.browser import Job, Result, find_chromium, run_jobs
from peers.files import (
    KSPLAT_LEVELS,
    OURS,
    SCENES,
    TRANSFORMED,
    Peers,
    our_reading,
    thin,
    write_ours,
    write_theirs,
)
from peers.readings import Numbers, Reading, differences, worst_in_steps
from peers.steps import (
    file_steps,
    held_by_spark,
    held_by_splats3d,
    spark_steps,
    splats3d_steps,
)
from peers.tables import SPARK, SPLATS3D, TRANSFORM, UNREAD, UNREAD_WITHOUT_SH, Tables

from flexgs import read_scene


@dataclass(frozen=True)
class Viewer:
    """One that reads files by itself."""

    does: str  # end of the names of its functions in page.html
    held: Callable[[Reading], Reading]  # what its memory can hold
    steps: Callable[[Reading], Numbers]  # of its memory


VIEWERS = {
    SPARK: Viewer("WithSpark", held_by_spark, spark_steps),
    SPLATS3D: Viewer("WithSplats3D", held_by_splats3d, splats3d_steps),
}


def compare(file: Path, theirs: Result, viewer: Viewer | None = None) -> dict[str, float] | str:
    """Largest differences in steps between our reading of a file and another."""
    if not isinstance(theirs, Reading):
        return str(theirs)
    ours = our_reading(file)
    try:
        found = differences(ours if viewer is None else viewer.held(ours), theirs)
    except ValueError as error:
        return str(error)
    steps = [file_steps(file, ours), *([] if viewer is None else [viewer.steps(ours)])]
    return worst_in_steps(found, *steps)


def view_of(reading: Reading) -> dict[str, tuple[float, ...]]:
    """A camera that has the middle of the scene in front of it, y down."""
    middle = np.median(reading.positions, axis=0)
    reach = float(np.quantile(np.linalg.norm(reading.positions - middle, axis=1), 0.7))
    position = middle + np.array([0.9, -0.7, -1.6]) * reach
    return {"position": tuple(position.tolist()), "target": tuple(middle.tolist())}


def jobs_of(folder: Path, pictures: bool) -> list[tuple[str, str, Job]]:
    """(viewer, row, job) for the files of one scene."""
    jobs = []
    view = view_of(our_reading(folder / "ours.ply"))
    for viewer, entry in VIEWERS.items():
        for name, (file, _) in OURS.items():
            rows, degree = _shape(folder / file)
            if degree or (viewer, name) not in UNREAD_WITHOUT_SH:
                jobs.append((viewer, name, Job(f"read{entry.does}", folder / file, rows)))
            if not pictures or (viewer, name) in UNREAD:
                continue
            for shown in (file, "ours.ply"):
                job = Job(f"show{entry.does}", folder / shown, degree=degree, **view)
                if not any(job == other for _, _, other in jobs):
                    jobs.append((viewer, name, job))
    for level in KSPLAT_LEVELS:
        path = folder / f"g3d-{level}.ksplat"
        name = f"`.ksplat` level {level} of GaussianSplats3D"
        jobs.append((SPLATS3D, name, Job("readWithSplats3D", path, _shape(path)[0])))
    return jobs


def _shape(file: Path) -> tuple[int, int]:
    splats = read_scene(file)
    return splats.n, splats.degree


def read_without_viewers(scene: str, options: argparse.Namespace, tables: Tables) -> Path:
    """Writes a scene in every format, and compares what needs no browser; the files' folder."""
    peers = Peers(options.peers.resolve(), options.slow)
    source, folder = options.data / SCENES[scene], options.output.resolve() / scene
    splats = thin(read_scene(source), options.most)
    write_ours(splats, folder)
    write_theirs(splats, folder, peers)
    for name, (file, _) in OURS.items():
        path = folder / file
        tables.ours[TRANSFORM].add(name, compare(path, peers.transform_read(path, folder)))
    for name, (file, _) in TRANSFORMED.items():
        path = folder / file
        itself = peers.transform_read(path, folder)
        if file == "st.glb":  # which it does not read
            itself = our_reading(folder / "ours.ply")
        tables.theirs.add(name, compare(path, itself))
    tables.theirs.add(f"`{source.name}`", compare(source, peers.transform_read(source, folder)))
    return folder


def ask_viewers(folders: list[Path], options: argparse.Namespace, tables: Tables) -> None:
    """Everything that happens in pages."""
    jobs = [job for folder in folders for job in jobs_of(folder, folder.name == options.picture)]
    modules = Peers(options.peers.resolve(), options.slow).modules
    each = run_jobs(
        [job for _, _, job in jobs], options.output.resolve(), modules, options.chromium
    )
    for (viewer, name, job), (_, result) in zip(jobs, each, strict=True):
        if job.does.startswith("show"):
            tables.pictures.add(viewer, name, job, result)
            continue
        table = tables.ours[viewer] if name in OURS else tables.theirs
        table.add(name, compare(job.file, result, VIEWERS[viewer]))
        print(viewer, job.file, table.rows[name], file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--scene", action="append", choices=list(SCENES))
    parser.add_argument("--most", type=int, default=10_000, help="Gaussians of a scene")
    parser.add_argument("--slow", type=int, default=2000, help="of those with SH for their SOG")
    parser.add_argument("--chromium", default=find_chromium(), help="its program")
    parser.add_argument("--picture", default="playbot", help="scene that is looked at, too")
    return parser.parse_args()


def main() -> None:
    options = parse()
    tables = Tables()
    folders = []
    for scene in options.scene or SCENES:
        print(f"{scene}...", file=sys.stderr)
        folders.append(read_without_viewers(scene, options, tables))
    if options.chromium is None:
        print("no Chromium: viewers were not asked", file=sys.stderr)
    else:
        ask_viewers(folders, options, tables)
    bad = tables.print()
    for line in bad:
        print(f"UNEXPECTED: {line}", file=sys.stderr)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
