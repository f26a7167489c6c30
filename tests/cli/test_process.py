# SPDX-License-Identifier: Apache-2.0
"""What only a real process shows: speed of --help, closed pipes, what is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexgs import __version__


def flexgs(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "flexgs", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_help_is_quick() -> None:
    seconds = []
    for _ in range(3):
        before = os.times()
        assert flexgs("--help").returncode == 0
        after = os.times()
        used = after.children_user + after.children_system
        seconds.append(used - before.children_user - before.children_system)
    assert min(seconds) < 0.5  # of the processor: other tests run meanwhile


@pytest.mark.parametrize("arguments", ["['--help']", "['compress', '--help']", "['--version']"])
def test_help_imports_nothing_heavy(arguments: str) -> None:
    script = (
        f"import sys\nsys.argv[1:] = {arguments}\nfrom flexgs.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    heavy = {'numpy', 'scipy', 'numba', 'torch', 'matplotlib', 'PIL', 'jinja2'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_the_version() -> None:
    assert flexgs("--version").stdout == f"flexgs {__version__}\n"


def test_exit_codes_reach_the_shell(tmp_path: Path) -> None:
    (tmp_path / "bad.ply").write_bytes(b"nonsense")
    done = flexgs("info", tmp_path / "bad.ply")
    assert done.returncode == 3
    assert done.stderr.startswith("flexgs: ")
    assert flexgs("info", tmp_path / "none.ply").returncode == 2
    assert flexgs("info").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_said(ply: Path) -> None:
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "flexgs", "info", str(ply)]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "flexgs: the system refused: [Errno 28] No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently there")
def test_a_reader_that_goes_away_is_no_error(ply: Path) -> None:
    words = [sys.executable, "-m", "flexgs", "info", "--json", str(ply)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait() == 0
    assert errors == b""
