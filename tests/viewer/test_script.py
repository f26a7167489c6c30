# SPDX-License-Identifier: Apache-2.0
"""The page's own tests of what needs no browser: poses and lenses."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.viewer.browser import VIEWER


def test_poses_and_lenses() -> None:
    node = shutil.which("node")
    if node is None or not (VIEWER / "node_modules" / "three").is_dir():
        pytest.skip("Node.js or the viewer's packages are not here (scripts/build_viewer)")
    tests = sorted(str(path) for path in (VIEWER / "tests").glob("*.test.mjs"))
    assert len(tests) == 2
    done = subprocess.run(
        [node, "--test", *tests], cwd=VIEWER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout
