# SPDX-License-Identifier: Apache-2.0
"""Names of pictures, npz files, progress."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from flexgs.cli.common.files import ensure_folder, picture_name, write_npz, write_pictures
from flexgs.cli.common.output import RichProgress, progress
from flexgs.core import Camera
from flexgs.errors import UsageError
from flexgs.io import read_image
from flexgs.progress import SILENT


@pytest.mark.parametrize(
    ("camera", "name"),
    [
        ("DSCF5565.JPG", "DSCF5565.png"),
        ("train/0001.png", "0001.png"),
        ("a\\b.jpeg", "b.png"),
        ("../../etc/passwd", "passwd.png"),
        ("..", "view.png"),
        ("", "view.png"),
        ("\x00\n*?", "____.png"),
        ("x" * 500, "x" * 100 + ".png"),
    ],
)
def test_names_of_cameras_become_harmless_file_names(camera: str, name: str) -> None:
    assert picture_name(camera) == name


def test_views_of_one_name_get_pictures_of_their_own(tmp_path: Path) -> None:
    cameras = [Camera(n, 4, 3, 4.0, 4.0, 2.0, 1.5, np.eye(4)) for n in ("a/v.jpg", "b/V.jpg")]
    images = [np.full((3, 4, 3), level, np.float32) for level in (0.0, 1.0)]
    names = write_pictures(zip(cameras, images, strict=True), tmp_path)
    assert names == ["v.png", "V-2.png"]
    assert read_image(tmp_path / "V-2.png").min() == 1.0


def test_a_folder_is_made_with_the_first_picture_and_then_protected(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    ensure_folder(folder, False)
    assert not folder.exists()
    camera = Camera("v", 4, 3, 4.0, 4.0, 2.0, 1.5, np.eye(4))
    write_pictures([(camera, np.zeros((3, 4, 3), np.float32))], folder)
    assert [path.name for path in folder.iterdir()] == ["v.png"]
    (folder / "mine").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        ensure_folder(folder, False)
    ensure_folder(folder, True)
    with pytest.raises(UsageError, match="not a usable folder"):
        ensure_folder(folder / "mine", True)
    with pytest.raises(UsageError, match="cannot be made"):
        ensure_folder(tmp_path / "no" / "folder", True)


def test_npz_holds_the_arrays(tmp_path: Path) -> None:
    write_npz(tmp_path / "s.npz", {"seed-fisher": np.arange(3.0)})
    with np.load(tmp_path / "s.npz", allow_pickle=False) as stored:
        assert stored["seed-fisher"].tolist() == [0, 1, 2]


def test_progress_is_silent_where_stderr_is_no_terminal() -> None:
    with progress(quiet=False) as bars:
        assert bars is SILENT


def test_bars_count_and_end_full() -> None:
    stream = io.StringIO()
    with Bars(console=Console(file=stream, force_terminal=True)) as bars:
        shown = RichProgress(bars)
        with shown.stage("score", total=3) as advance:
            advance(2)
            assert bars.tasks[0].completed == 2
            advance(1)
        with shown.stage("read") as advance:
            advance(0)
        assert [task.finished for task in bars.tasks] == [True, True]
    assert "score" in stream.getvalue()
