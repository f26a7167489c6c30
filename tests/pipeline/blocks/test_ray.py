# SPDX-License-Identifier: Apache-2.0
"""Blocks on a real Ray cluster of two machines' worth of workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cluster import kill_a_worker, two_nodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (flexgs[cluster])"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_nodes() as found:
        yield found


def words(model: Path, output: Path, *more: str) -> list[str]:
    fixed = [
        "compress",
        str(model),
        "-o",
        str(output),
        "--quiet",
        "--best-effort",
        "--threads",
        "1",
    ]
    fixed += ["--blocks", "2", "--effort", "3", "--repair", "1", "--max-evaluations", "1"]
    return [sys.executable, "-m", "flexgs", *fixed, *more]


@pytest.fixture(scope="module")
def local(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What one process makes."""
    output = tmp_path_factory.mktemp("local") / "here.fgs"
    done = subprocess.run(words(model, output), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 4), done.stderr
    return output.read_bytes()


@pytest.mark.timeout(1800)
def test_the_bytes_are_those_of_a_local_run(
    model: Path, tmp_path: Path, address: str, local: bytes
) -> None:
    run = words(model, tmp_path / "there.fgs", "--ray", address)
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 4), done.stderr
    assert (tmp_path / "there.fgs").read_bytes() == local
    assert [p.name for p in tmp_path.iterdir()] == ["there.fgs"]


@pytest.mark.timeout(1800)
def test_a_killed_worker_costs_nothing_but_time(
    model: Path, tmp_path: Path, address: str, local: bytes
) -> None:
    run = words(model, tmp_path / "there.fgs", "--ray", address)
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        kill_a_worker("_run_safely", process)
        _, stderr = process.communicate(timeout=1500)
    assert process.returncode in (0, 4), stderr
    assert (tmp_path / "there.fgs").read_bytes() == local
    assert [p.name for p in tmp_path.iterdir()] == ["there.fgs"]
