# SPDX-License-Identifier: Apache-2.0
"""Commands are measured from outside, end in time, and never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from flexgs.batch import BatchScene
from flexgs.bench.model import Place, Setup
from flexgs.bench.running import run_command
from flexgs.bench.running.showing import names_of, show_command

PYTHON = sys.executable
MB = 1_000_000
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def test_what_it_said_and_how_it_ended() -> None:
    said = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    ran = run_command([PYTHON, "-c", said])
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "out\n", "err\n")
    assert ran.why == "err"
    assert not ran.timed_out
    assert 0 < ran.seconds < 20


def test_a_program_that_is_missing() -> None:
    ran = run_command(["no-such-program"])
    assert ran.returncode == 127
    assert ran.why.startswith("no-such-program: No such file")


@linux
def test_memory_and_time_are_those_of_the_command_and_its_children() -> None:
    ballast = np.ones(150 * MB // 8)  # ours: not to be counted
    small = run_command([PYTHON, "-c", "pass"])
    grandchild = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    work = "x = bytearray(90_000_000); y = sum(range(5_000_000))"
    large = run_command([PYTHON, "-c", grandchild, work])
    assert small.peak_bytes is not None
    assert large.peak_bytes is not None
    assert large.cpu_seconds is not None
    assert small.peak_bytes < 60 * MB < 90 * MB < large.peak_bytes < 150 * MB
    assert 0.02 < large.cpu_seconds < large.seconds + 1
    assert large.others is not None
    assert len(ballast)


@linux
def test_time_is_up_for_the_whole_tree(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    tree = f"sleep 60 & echo $! > {pid}; sleep 60"
    started = time.monotonic()
    ran = run_command(["sh", "-c", tree], limit_s=1.0)
    assert ran.timed_out
    assert time.monotonic() - started < 10
    assert not _lives(int(pid.read_text()))


@linux
def test_it_dies_with_who_started_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = "from flexgs.bench.running import run_command; import sys; run_command(sys.argv[1:])"
    parent = subprocess.Popen([PYTHON, "-c", start, "sh", "-c", f"echo $$ > {pid}; sleep 60"])
    until = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.02)
    child = int(pid.read_text())
    assert _lives(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


def test_commands_show_names_and_no_places(tmp_path: Path) -> None:
    scene = BatchScene("attic", tmp_path / "attic.ply", cameras=tmp_path / "c.json")
    place = Place(scene, tmp_path / "w" / "a.fgs", tmp_path / "w" / "d.ply", tmp_path / "w")
    names = names_of(place, Setup(peers=tmp_path / "peers"))
    command = [PYTHON, "-m", "flexgs", "compress", str(scene.path), "-o", str(place.encoded)]
    command += ["--cameras", str(scene.cameras), str(tmp_path / "w" / "x.ply"), "/etc/other"]
    shown = show_command(command, names)
    assert shown == "flexgs compress $SCENE -o $FILE --cameras $CAMERAS $TEMP/x.ply other"
    assert show_command(["node", str(tmp_path / "peers" / "cli.mjs")], names) == (
        "node $PEERS/cli.mjs"
    )
    assert str(tmp_path) not in shown
