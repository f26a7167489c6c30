# SPDX-License-Identifier: Apache-2.0
"""The built page and that of pictures are inside the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flexgs.viewer.page import BUNDLE
from flexgs.viewer.pictures.page import FILES, STATIC

ROOT = Path(__file__).parents[2]
BUILD = "import sys, setuptools.build_meta as build; build.build_wheel(sys.argv[1])"


@pytest.mark.slow
def test_a_wheel_holds_the_page(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "flexgs", tree / "flexgs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    static = tree / "flexgs" / "viewer" / "static"
    shutil.rmtree(static, ignore_errors=True)
    static.mkdir()
    for name in BUNDLE:
        (static / name).write_text(name)
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in BUNDLE:
            assert archive.read(f"flexgs/viewer/static/{name}").decode() == name
        for name in FILES:
            found = archive.read(f"flexgs/viewer/pictures/static/{name}")
            assert found == (STATIC / name).read_bytes()
