# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexgs.errors import Corrupt, FlexgsError, TooLarge, UsageError
from flexgs.io.files import (
    atomic_write,
    ensure_output,
    read_limited,
    safe_join,
    sweep_partials,
    write_folder,
)


def partials(folder: Path) -> list[Path]:
    return list(folder.glob(".flexgs-*.partial"))


def test_atomic_write_replaces_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with atomic_write(target) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert partials(tmp_path) == []


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def stop_half_way() -> None:
        with atomic_write(target) as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_half_way()
    assert target.read_bytes() == b"old"
    assert partials(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_a_refused_write_is_typed_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    def write() -> None:
        with atomic_write(target) as file:
            if call == "write":
                refuse()
            file.write(b"new")

    if call != "write":
        monkeypatch.setattr(os, call, refuse)
    with pytest.raises(FlexgsError, match="could not write") as caught:
        write()
    assert caught.value.path == str(target)
    assert target.read_bytes() == b"old"
    assert partials(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_disk_full_while_flushing_is_typed(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def write(full: int) -> None:
        with atomic_write(target) as file:
            os.dup2(full, file.fileno())  # every byte from here on meets a full disk
            file.write(b"new" * 100)

    with open("/dev/full", "wb") as full, pytest.raises(FlexgsError, match="No space left"):
        write(full.fileno())
    assert target.read_bytes() == b"old"


def test_a_folder_that_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.EINVAL, "folders cannot be synced here")

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"new")
    assert len(calls) == 2
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_missing_folder_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(FlexgsError), atomic_write(tmp_path / "no" / "a.bin"):
        pytest.fail("the block must not run")


def test_partials_of_dead_processes_are_swept_and_others_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    orphan = tmp_path / f".flexgs-{dead.pid}-00ff.partial"
    mine = tmp_path / f".flexgs-{os.getpid()}-00ff.partial"
    other = tmp_path / ".flexgs-notes.partial"
    for path in (orphan, mine, other):
        path.write_bytes(b"x")
    assert sweep_partials(tmp_path) == 1
    assert not orphan.exists()
    assert mine.exists()
    assert other.exists()


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from flexgs.io.files import atomic_write

target, moments = Path(sys.argv[1]), random.Random(16)
for attempt in range(20):
    child = os.fork()
    if child == 0:
        for i in range(10**9):
            with atomic_write(target) as file:
                [file.write(bytes([i % 256]) * 30_000) for _ in range(10)]
    time.sleep(moments.uniform(0.005, 0.04))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    data = target.read_bytes() if target.exists() else bytes(300_000)
    orphans = len(list(target.parent.glob(".flexgs-*.partial")))
    print(len(data) == 300_000 and len(set(data)) == 1, orphans)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_twenty_kills_at_any_time_leave_whole_files(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    command = [sys.executable, "-c", KILLER, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [whole for whole, _ in lines] == ["True"] * 20
    orphans = [int(count) for _, count in lines]
    assert max(orphans) == 1  # some died while writing, and the next removed what they left
    with atomic_write(target) as file:
        file.write(b"last")
    assert partials(tmp_path) == []
    assert target.read_bytes() == b"last"


def test_ensure_output_accepts_a_new_file(tmp_path: Path) -> None:
    ensure_output(tmp_path / "new.fgs", force=False, inputs=[tmp_path / "scene.ply"])
    assert list(tmp_path.iterdir()) == []


def test_ensure_output_wants_force_for_an_existing_file(tmp_path: Path) -> None:
    target = tmp_path / "a.fgs"
    target.write_bytes(b"old")
    with pytest.raises(UsageError, match="exists"):
        ensure_output(target, force=False)
    ensure_output(target, force=True)
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink"])
def test_ensure_output_never_takes_an_input(tmp_path: Path, link: str) -> None:
    source = tmp_path / "scene.ply"
    source.write_bytes(b"x")
    output = source if link == "same" else tmp_path / "out.ply"
    if link == "symlink":
        output.symlink_to(source)
    if link == "hardlink":
        os.link(source, output)
    with pytest.raises(UsageError, match="is the input"):
        ensure_output(output, force=True, inputs=[source])


@pytest.mark.parametrize("name", ["no/a.fgs", "", ".", "a\0b", "x" * 5000])
def test_ensure_output_refuses_what_cannot_be_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        ensure_output(f"{tmp_path}/{name}", force=True)


def test_ensure_output_refuses_devices() -> None:
    with pytest.raises(UsageError, match="no regular file"):
        ensure_output(os.devnull, force=True)


def test_ensure_output_refuses_an_unwritable_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(UsageError, match="not writable"):
        ensure_output(tmp_path / "a.fgs", force=False)


def test_read_limited_stops_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_limited(path, 5) == b"12345"
    with pytest.raises(TooLarge):
        read_limited(path, 4)


def test_reading_pipes_and_devices_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path, tmp_path / "missing", Path("a\0b")):
        with pytest.raises(UsageError):
            read_limited(path, 10)


@pytest.mark.parametrize("name", ["a.jpg", "left/a.jpg", "./a.jpg", "a b/ü.png", "..a", "a..b"])
def test_safe_join_takes_plain_names(tmp_path: Path, name: str) -> None:
    assert safe_join(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../a", "a/../../b", "a/..", "/etc/passwd", "//host/share", "\\a"),
        *("..\\a", "a\\..\\b", "C:\\a", "c:a", "C:/a", "\\\\host\\share\\a", "a\0b", "\ud800"),
        *("con", "NUL", "aux.jpg", "a/COM1", "lpt9.txt", "nul .png", "/", "\\", "../", "./.."),
    ],
)
def test_safe_join_refuses_ways_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(Corrupt):
        safe_join(tmp_path, name)


def test_safe_join_refuses_a_link_out_of_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / "in").symlink_to(root)
    with pytest.raises(Corrupt):
        safe_join(root, "out/a.jpg")
    assert safe_join(root, "in/a.jpg") == root / "in" / "a.jpg"


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    files = {"a.txt": b"1", "deep/b.txt": b"2"}
    write_folder(tmp_path / "out", files)
    assert (tmp_path / "out" / "deep" / "b.txt").read_bytes() == b"2"
    write_folder(tmp_path / "out", {"c.txt": b"3"})
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["c.txt"]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "out", {"a.txt": b"1"})
    rename, calls = os.rename, []

    def fail_second(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_second)
    with pytest.raises(FlexgsError, match="could not write"):
        write_folder(tmp_path / "out", {"b.txt": b"2"})
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"1"
    with pytest.raises(Corrupt):
        write_folder(tmp_path / "new", {"../b.txt": b"2"})
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    left = tmp_path / ".flexgs-999999999-abc123.partial"
    (left / "deep").mkdir(parents=True)
    assert sweep_partials(tmp_path) == 1
    assert not left.exists()
