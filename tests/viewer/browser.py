# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium with software WebGL, driven by a plan (viewer/tests/drive.mjs)."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flexgs.io import read_image
from flexgs.viewer.page import BUNDLE, STATIC, Content
from flexgs.viewer.server import PageServer, open_server

VIEWER = Path(__file__).parents[2] / "viewer"
DRIVER = VIEWER / "tests" / "drive.mjs"
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)


def missing_tools() -> str | None:
    """Why no browser can be driven here, if so."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (VIEWER / "node_modules" / "playwright-core").is_dir() or not all(
        (STATIC / name).is_file() for name in BUNDLE
    ):
        return "the viewer is not built (scripts/build_viewer)"
    return None if CHROMIUM else "Chromium is not installed"


@dataclass(frozen=True)
class Visit:
    """What came of a plan."""

    results: list[Any]  # one a step
    messages: list[str]  # of the page's console
    requests: list[str]


def visit(
    url: str, steps: list[Mapping[str, Any]], size: tuple[int, int] = (320, 240), **plan: Any
) -> Visit:
    """Opens a page, does the steps, and fails when one of them does."""
    plan |= {"url": url, "width": size[0], "height": size[1], "steps": steps}
    done = subprocess.run(
        ["node", str(DRIVER), str(CHROMIUM)],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = Visit(**json.loads(done.stdout))
    assert len(found.results) == len(steps), found.messages
    return found


@contextmanager
def served(files: Mapping[str, Content]) -> Iterator[PageServer]:
    """A server in a thread of its own."""
    with open_server(files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def similarity(shot: Path, picture: np.ndarray, columns: slice = slice(None)) -> float:
    """PSNR in dB of a screenshot against a render, of some columns of both."""
    found = read_image(shot)
    assert found.shape == picture.shape
    difference = found[:, columns] - np.clip(picture, 0, 1)[:, columns]
    return float(-10 * np.log10(np.mean(np.square(difference, dtype=np.float64))))
