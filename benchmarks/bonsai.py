# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: the scene, its views, drops on photographs."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flexgs.core import Camera, Splats, ViewSplit, split_views
from flexgs.io import load_cameras, read_ply
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.views import photograph_reader
from flexgs.render import Renderer, get_renderer

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Bonsai:
    """The scene with its photographs."""

    path: Path
    splats: Splats
    split: ViewSplit
    renderer: Renderer


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser that knows where the data lie."""
    parser = argparse.ArgumentParser(description=description)
    data = Path(os.environ.get("FLEXGS_DATA", DEFAULT_DATA))
    parser.add_argument("--data", type=Path, default=data, help="folder that holds bonsai/")
    parser.add_argument("--threads", type=int, default=2)
    return parser


def load_bonsai(data: Path, threads: int) -> Bonsai:
    """Bonsai from the data folder."""
    path = data / "bonsai" / "point_cloud.ply"
    cameras = load_cameras(None, None, path).cameras
    return Bonsai(path, read_ply(path).splats, split_views(cameras), get_renderer("cpu", threads))


def drop_meter(scene: Bonsai, views: tuple[Camera, ...]) -> DropMeter:
    """Mean PSNR drop on the photographs of some views."""
    return DropMeter(scene.splats, views, scene.renderer, photograph_reader(), 27.2)


def without(splats: Splats, order: np.ndarray, rate: float) -> Splats:
    """The Gaussians that remain when the first `rate` of an order are removed."""
    return splats.select(np.sort(order[round(rate * splats.n) :]))
