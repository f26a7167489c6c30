# SPDX-License-Identifier: Apache-2.0
"""Where the measuring data lie, and which tests this machine can run."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Forgets kernels compiled before those inside them changed: numba sees their file only."""
    _forget(
        "flexgs/entropy/contexts",
        ("flexgs/entropy/contexts", "flexgs/codec", "tests", "benchmarks"),
    )
    _forget("flexgs/image/kernels", ("flexgs/image/kernels",))
    _forget("flexgs/render/cpu", ("flexgs/render/cpu", "flexgs/image/kernels"))


def _forget(called: str, callers: tuple[str, ...]) -> None:
    root = Path(__file__).resolve().parents[1]
    changed = max((path.stat().st_mtime for path in (root / called).glob("*.py")), default=0.0)
    for folder in callers:
        for index in (root / folder).rglob("*.nbi"):
            if index.stat().st_mtime < changed:
                index.unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests marked `gpu` without a CUDA device; asks torch only when there are any."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    try:
        import torch

        available = torch.cuda.is_available()
    except ImportError:
        available = False
    if not available:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


def pytest_collection_finish() -> None:
    """Keeps the collector away from thousands of tests: it would walk them in the midst of one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real scenes: $FLEXGS_DATA, else ../shared/data beside the project."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FLEXGS_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real scenes here (set FLEXGS_DATA to their folder)")
    return folder


@pytest.fixture(scope="session")
def bonsai(data_dir: Path) -> Path:
    """Folder of the bonsai scene: point_cloud.ply, cameras.json, sparse/0, images."""
    folder = data_dir / "bonsai"
    if not (folder / "point_cloud.ply").is_file():
        pytest.skip("no bonsai scene here (set FLEXGS_DATA to the folder that holds it)")
    return folder
