# SPDX-License-Identifier: Apache-2.0
"""The installed command on real scenes: results, resumption, kill -9 at any moment, no orphans."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from flexgs.batch.journal import read_journal
from flexgs.cli import app

OPTIONS = ("--effort", "1", "--threads", "1", "--max-side", "20")
GONE_S = 20  # a killed batch's children are gone by then, on any busy machine


def command(models: Path, out: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "flexgs", "batch", str(models), "-o", str(out)]
    return [*words, *OPTIONS, *more]


def run(models: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = command(models, out, *more)
    return subprocess.run(words, capture_output=True, text=True, check=False)


def outputs(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*.fgs"))}


def wait_for_child(parent: psutil.Process, timeout_s: float = 60) -> list[psutil.Process]:
    """The processes of the jobs that run now; multiprocessing's own tracker is none."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and parent.is_running():
        try:
            found = parent.children(recursive=True)
            jobs = [p for p in found if "spawn_main" in " ".join(p.cmdline())]
        except psutil.Error:
            return []
        if jobs:
            return jobs
        time.sleep(0.02)
    return []


def ensure_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=GONE_S)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


def hear_interrupts() -> None:
    """What a shell starts in the background is deaf to them, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def whole(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder and the JSON of a batch of `ash` and of a damaged scene that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(models / "ash", folder / "models" / "ash")
    shutil.copytree(models / "ash", folder / "models" / "bad")
    scene = folder / "models/bad/point_cloud/iteration_30000/point_cloud.ply"
    scene.write_bytes(scene.read_bytes()[:-100])
    done = run(folder / "models", folder / "out", "--jobs", "2", "--json")
    assert done.returncode == 1, done.stderr
    return folder / "out", json.loads(done.stdout)


def test_a_failing_scene_is_a_row_and_the_rest_is_done(whole: tuple[Path, Any]) -> None:
    out, plain = whole
    ash, bad = plain["jobs"]
    assert (ash["scene"], bad["scene"]) == ("ash", "bad")
    assert ash["result"]["drop_db"] < 1.5
    assert ash["result"]["bytes"] == (out / "ash/drop-1.fgs").stat().st_size
    assert "16 of 16 views are scaled down to 20 pixels" in " ".join(ash["result"]["warnings"])
    assert bad["error"]["kind"] == "Truncated"
    assert sorted(outputs(out)) == ["ash/drop-1.fgs"]
    assert "FAILED" in (out / "summary.md").read_text()


def test_a_killed_batch_leaves_no_orphans_and_resumes_to_the_same_bytes(
    models: Path, whole: tuple[Path, Any], tmp_path: Path
) -> None:
    scene, out = models / "ash", tmp_path / "out"
    with subprocess.Popen(command(scene, out, "--quiet")) as process:
        children = wait_for_child(psutil.Process(process.pid))
        assert children
        process.kill()
    ensure_gone(children)
    done = run(scene, out)
    assert done.returncode == 0, done.stderr
    assert outputs(out) == outputs(whole[0])
    assert not list(out.rglob("*.partial"))


def test_a_format_that_is_chosen_by_size_is_found_again(models: Path, tmp_path: Path) -> None:
    words = ["batch", str(models / "ash"), "-o", str(tmp_path), *OPTIONS, "--jobs", "0"]
    words += ["--format", "auto", "--json"]
    first, again = (CliRunner().invoke(app, words) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    (row,) = json.loads(first.stdout)["jobs"]
    report, scene = sorted(row["files"])
    assert report == "ash/drop-1.report.json"
    assert row["result"]["bytes"] == (tmp_path / scene).stat().st_size
    assert json.loads(again.stdout)["jobs"][0]["seconds"] == row["seconds"]  # not done twice


def test_jobs_in_this_process_give_the_same_and_are_not_done_twice(
    models: Path, whole: tuple[Path, Any], tmp_path: Path
) -> None:
    words = ["batch", str(models / "ash"), "-o", str(tmp_path), *OPTIONS, "--jobs", "0"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0
    assert outputs(tmp_path) == outputs(whole[0])
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.fgs*")}
    journal = tmp_path / "journal.jsonl"
    intact = journal.read_bytes()
    journal.write_bytes(intact + intact[:70])  # as a writer leaves it that is killed
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 0
    assert "the last line of journal.jsonl is torn" in again.stderr
    assert "1 done before, 0 to do" in again.stderr
    assert journal.read_bytes() == intact
    assert {p: p.stat().st_mtime_ns for p in times} == times


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_a_killed_job_is_tried_again(models: Path, tmp_path: Path) -> None:
    words = command(models / "ash", tmp_path / "out", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        (child,) = wait_for_child(psutil.Process(process.pid))
        child.send_signal(signal.SIGKILL)
        stdout, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert json.loads(stdout)["jobs"][0]["attempts"] == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_interrupting_ends_all_and_keeps_what_is_done(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        command(models, out), stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
    ) as process:
        children = wait_for_child(psutil.Process(process.pid))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in stderr
    ensure_gone(children)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_killed_at_twenty_random_moments(models: Path, tmp_path: Path) -> None:
    settings = ("--target-psnr-drop", "1", "--target-psnr-drop", "0.3", "--jobs", "2")
    whole, out = tmp_path / "whole", tmp_path / "out0"
    started = time.monotonic()
    assert run(models, whole, *settings).returncode == 0
    usual_s = time.monotonic() - started
    wanted = outputs(whole)
    assert len(wanted) == 4
    rng = np.random.default_rng(5)
    kills = folders = 0
    while kills < 20:
        before = read_journal(out / "journal.jsonl").rows
        with subprocess.Popen(
            command(models, out, *settings), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as process:
            parent = psutil.Process(process.pid)
            time.sleep(float(rng.uniform(0, 0.7 * usual_s)))
            children = parent.children(recursive=True) if process.poll() is None else []
            if process.poll() is None:
                process.kill()
                kills += 1
        ensure_gone(children)
        after = read_journal(out / "journal.jsonl").rows
        assert {key: after[key] for key in before} == dict(before)  # not run again, not lost
        for name, data in outputs(out).items():
            assert data == wanted[name]
        if len(after) == len(wanted):
            assert run(models, out, *settings).returncode == 0
            assert outputs(out) == wanted
            folders += 1
            out = tmp_path / f"out{folders}"
    assert run(models, out, *settings).returncode == 0
    assert outputs(out) == wanted
