# SPDX-License-Identifier: Apache-2.0
"""A tiny model in INRIA's layout, and methods whose commands take a blink."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from flexgs.batch import BatchScene, find_scenes
from flexgs.bench.model import Command, Kind, Place, Point, Setup
from flexgs.io import write_ply, write_png
from flexgs.io.cameras.inria import write_inria
from flexgs.render import get_renderer
from tests.batch.conftest import make_splats, make_views

PYTHON = (sys.executable, "-S", "-c")
COPY = "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read()); print('1,2,3')"


def make_model(folder: Path) -> Path:
    """INRIA's layout with photographs; returns the scene file."""
    scene = folder / "point_cloud" / "iteration_30000" / "point_cloud.ply"
    scene.parent.mkdir(parents=True)
    (folder / "images").mkdir()
    splats, views = make_splats(0), make_views()
    write_ply(scene, splats)
    write_inria(folder / "cameras.json", views)
    rng, renderer = np.random.default_rng(0), get_renderer("cpu", 1)
    for view in views:
        image = renderer.render(splats, view)
        write_png(folder / "images" / f"{view.name}.png", image + rng.normal(0, 0.03, image.shape))
    return scene


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model `ash`; nothing may change it."""
    folder = tmp_path_factory.mktemp("models")
    make_model(folder / "ash")
    return folder


@pytest.fixture
def scenes(models: Path) -> tuple[BatchScene, ...]:
    return find_scenes([str(models)])


@dataclass(frozen=True)
class Fake:
    """Its file is one of the .ply files that lie ready."""

    files: dict[str, Path] = field(hash=False)  # by point
    name: str = "flexgs"
    title: str = "a fake"
    kind: Kind = "flexgs"
    suffix: str = ".bin"
    exit_codes: tuple[int, ...] = (0,)
    encoder: Callable[[Path, Path], Sequence[Command]] | None = field(default=None, hash=False)

    def unavailable(self, setup: Setup) -> str | None:
        return "it is not there" if self.name == "absent" else None

    def version(self, setup: Setup) -> str:
        return "7"

    def points(self, setup: Setup) -> Sequence[Point]:
        return [Point(name, f"about {name}", 0.5, (name,)) for name in self.files]

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        if self.encoder is not None:
            return self.encoder(self.files[point.name], place.encoded)
        return ((*PYTHON, COPY, str(self.files[point.name]), str(place.encoded)),)

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        return ((*PYTHON, COPY, str(place.encoded), str(place.decoded)),)

    def evaluations(self, stdout: str) -> int | None:
        return stdout.count(",") + 1


@pytest.fixture(scope="session")
def thinned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The scene with fewer and fewer Gaussians."""
    folder, splats = tmp_path_factory.mktemp("thinned"), make_splats(0)
    found = {}
    for name, left in (("most", 190), ("half", 100)):
        found[name] = folder / f"{name}.ply"
        write_ply(found[name], splats.select(np.arange(left)))
    return found


@pytest.fixture
def fake(thinned: dict[str, Path]) -> Fake:
    return Fake(thinned)


@pytest.fixture
def setup() -> Setup:
    return Setup(drops=(0.5, 1.0), threads=1, device="cpu", limit_s=20.0)
