# SPDX-License-Identifier: Apache-2.0
"""The table of the field from its two downloads: is everything there, and what will be run?

    python -m flexgs.bench.field MODELS DATA [--partial]

The plan goes to stderr; the scenes and options of `flexgs bench` go to stdout, one a line.
MODELS holds INRIA's pre-trained models, DATA the data sets: DATA/<scene>, or DATA/<set>/<scene>
as the archives unpack (360_v2, tandt, db).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.batch import BatchScene, find_scenes
from flexgs.batch.inputs.layouts import IMAGES_OF
from flexgs.batch.inputs.settings import FIELD_MAX_SIDE
from flexgs.bench.report.outcome import DATASETS
from flexgs.core import split_views
from flexgs.errors import FlexgsError, UsageError
from flexgs.io import load_cameras
from flexgs.pipeline.views import limit_side

REQUIRED = "MipNeRF360"  # the others are run where they are there
FOLDERS = {"MipNeRF360": "360_v2", "TanksAndTemples": "tandt", "DeepBlending": "db"}
ITERATION = Path("point_cloud", "iteration_30000", "point_cloud.ply")


@dataclass(frozen=True)
class Entry:
    """A scene of the table, as it was found."""

    name: str
    dataset: str
    scene: BatchScene | None  # None: it cannot be run
    words: str  # its views
    problems: tuple[str, ...] = ()


def check_downloads(models: Path, data: Path) -> tuple[Entry, ...]:
    """Every scene of the table, with what is missing or odd about it.

    Raises:
        UsageError: one of the two folders is missing.
    """
    for folder, what in ((models, "pre-trained models"), (data, "data sets")):
        if not folder.is_dir():
            raise UsageError(f"no such folder of {what}", path=folder)
    return tuple(
        _check(name, dataset, models, data) for dataset, names in DATASETS.items() for name in names
    )


def data_folders(data: Path) -> list[Path]:
    """Where scenes of a data set may lie."""
    return [data, *(data / name for name in FOLDERS.values() if (data / name).is_dir())]


def _check(name: str, dataset: str, models: Path, data: Path) -> Entry:
    model = models / name
    if not model.is_dir():
        return Entry(name, dataset, None, "", (f"no model: {model} is missing",))
    problems = []
    if not (model / ITERATION).is_file():
        problems.append(f"not of INRIA's layout: {ITERATION.as_posix()} is missing")
    if not any((folder / name).is_dir() for folder in data_folders(data)):
        problems.append(f"no data set: {data / name} is missing")
    try:
        (scene,) = find_scenes([str(model)], data_folders(data))
        words, odd = _views(scene)
    except (FlexgsError, ValueError) as error:
        return Entry(name, dataset, None, "", (*problems, str(error)))
    return Entry(name, dataset, scene, words, (*problems, *odd))


def _views(scene: BatchScene) -> tuple[str, list[str]]:
    """What a scene is judged on, and what is odd about that.

    Raises:
        FlexgsError: its cameras cannot be read.
    """
    found = load_cameras(scene.cameras, scene.images, scene.path)
    cameras, notes = limit_side(found.cameras, FIELD_MAX_SIDE)
    if not cameras:
        return "no views", ["no cameras: neither cameras.json nor sparse/0 is there"]
    problems, chosen = [], scene.notes
    if not found.photographs:
        problems.append("no photographs: drops would be estimates")
    elif found.photographs < len(cameras):
        problems.append(f"only {found.photographs} of {len(cameras)} views have a photograph")
    wanted = IMAGES_OF[scene.name.lower()]
    if scene.images is not None and scene.images != "none" and scene.images.name != wanted:
        problems.append(f"photographs of {scene.images.name}; the field takes {wanted}")
        chosen = ()
    size = f"{cameras[0].width}x{cameras[0].height}"
    tests = len(split_views(cameras).report)
    words = f"{len(cameras)} views of {size}, {tests} for tests"
    return ", ".join([words, *notes, *chosen]), problems


def describe(entries: Sequence[Entry]) -> str:
    """The plan, as lines."""
    lines = []
    for entry in entries:
        if entry.scene is not None or entry.dataset == REQUIRED:
            lines.append(f"{entry.dataset}/{entry.name}: {entry.words or 'NOT THERE'}")
            lines += [f"    {problem}" for problem in entry.problems]
    there = sum(entry.scene is not None for entry in entries)
    left_out = [e.name for e in entries if e.scene is None and e.dataset != REQUIRED]
    if left_out:
        lines.append(f"left out, not required: {', '.join(left_out)}")
    return "\n".join([*lines, f"{there} of {len(entries)} scenes of the table are there"])


def arguments_of(entries: Sequence[Entry], models: Path, data: Path, partial: bool) -> list[str]:
    """Scenes and options for `flexgs bench`.

    Raises:
        UsageError: a required scene is missing and `partial` is not given, or all are.
    """
    missing = [e.name for e in entries if e.scene is None and e.dataset == REQUIRED]
    there = [entry for entry in entries if entry.scene is not None]
    if missing and not partial:
        raise UsageError(
            f"{len(missing)} scenes of Mip-NeRF 360 cannot be run",
            expected="all 9",
            found=f"without {', '.join(missing)}",
            hint="--partial runs those that are there: no table of the field",
        )
    if not there:
        raise UsageError("no scene of the table is there", path=models)
    options = [text for folder in data_folders(data) for text in ("--data", str(folder))]
    return [*(str(models / entry.name) for entry in there), *options]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints plan and arguments; the exit code."""
    parser = argparse.ArgumentParser(prog="bench_mipnerf360", description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--partial", action="store_true")
    chosen = parser.parse_args(arguments)
    try:
        entries = check_downloads(chosen.models, chosen.data)
        print(describe(entries), file=sys.stderr)
        for text in arguments_of(entries, chosen.models, chosen.data, chosen.partial):
            print(text)
    except FlexgsError as error:
        print(f"bench_mipnerf360: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
