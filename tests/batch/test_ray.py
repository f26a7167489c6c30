# SPDX-License-Identifier: Apache-2.0
"""A batch on a real Ray cluster of two machines' worth of workers, one of them killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.batch.test_processes import command, outputs, run
from tests.cluster import kill_a_worker, two_nodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (flexgs[cluster])"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]
SETTINGS = ("--target-psnr-drop", "1", "--target-psnr-drop", "0.3")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_nodes() as found:
        yield found


@pytest.mark.timeout(900)
def test_the_bytes_are_those_of_a_local_run(models: Path, tmp_path: Path, address: str) -> None:
    done = run(models, tmp_path / "ray", *SETTINGS, "--ray", address, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["jobs"]
    assert [row["attempts"] for row in rows] == [1] * 4
    assert run(models, tmp_path / "local", *SETTINGS).returncode == 0
    assert len(outputs(tmp_path / "ray")) == 4
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")
    again = run(models, tmp_path / "ray", *SETTINGS)  # the same journal
    assert "4 done before, 0 to do" in again.stderr


@pytest.mark.timeout(900)
def test_a_killed_worker_costs_one_retry(models: Path, tmp_path: Path, address: str) -> None:
    words = command(models, tmp_path / "ray", *SETTINGS, "--ray", address, "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        kill_a_worker("_remote_task", process)
        stdout, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    rows = json.loads(stdout)["jobs"]
    assert sorted(row["attempts"] for row in rows) == [1, 1, 1, 2]
    assert run(models, tmp_path / "local", *SETTINGS).returncode == 0
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")


def test_a_failing_scene_is_a_row_there_too(tmp_path: Path, models: Path, address: str) -> None:
    manifest = tmp_path / "m.toml"
    scene = models / "ash/point_cloud/iteration_30000/point_cloud.ply"
    (tmp_path / "bad.ply").write_bytes(scene.read_bytes()[:-9])
    manifest.write_text("[options]\neffort = 1\n[[scenes]]\npath = 'bad.ply'\n")
    words = [sys.executable, "-m", "flexgs", "batch", str(manifest), "-o", str(tmp_path / "out")]
    words += ["--threads", "1", "--ray", address, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["jobs"][0]["error"]["exit_code"] == 3


def test_too_many_threads_and_no_cluster_are_usage_errors(
    models: Path, tmp_path: Path, address: str
) -> None:
    done = run(models, tmp_path / "out", "--ray", address, "--threads", "64")
    assert done.returncode == 2
    assert "no machine of the cluster has 64 CPUs" in done.stderr
    done = run(models, tmp_path / "out", "--ray", "127.0.0.1:1")
    assert done.returncode == 2
    assert "no Ray cluster answers" in done.stderr
