# SPDX-License-Identifier: Apache-2.0
"""`-`: scenes from standard input and to standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flexgs.cli import app
from flexgs.io.formats.table import find_format
from flexgs.limits import Limits
from flexgs.scenes import read_scene, write_scene

NAMES = {
    "ply": "a.ply",
    "compressed-ply": "a.compressed.ply",
    "spz": "a.spz",
    "sog": "a.sog",
    "glb": "a.glb",
    "fgs": "a.fgs",
    "splat": "a.splat",
    "ksplat": "a.ksplat",
}


def pipe(data: bytes, *words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], input=data)


@pytest.fixture(autouse=True)
def spool(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; nothing may be left there."""
    folder = tmp_path_factory.mktemp("spool")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_format_goes_through_a_pipe(ply: Path, spool: Path, name: str) -> None:
    file, back = ply.parent / NAMES[name], ply.parent / "back.ply"
    out = pipe(ply.read_bytes(), "convert", "-", "-", "--format", name)
    assert out.exit_code == 0, out.stderr
    assert out.stderr.splitlines()[-1].startswith("standard output: 300 Gaussians")
    write_scene(read_scene(ply), file)
    assert out.stdout_bytes == file.read_bytes()
    hint = ("--from", name) if name in ("splat", "ksplat") else ()
    result = pipe(out.stdout_bytes, "convert", "-", back, *hint)
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes == b""
    assert read_scene(back).n == 300
    assert list(spool.iterdir()) == []


def test_edits_and_inspections_take_streams(ply: Path) -> None:
    data = ply.read_bytes()
    out = pipe(data, "crop", "-", "-", "--format", "ply", "--min-opacity", "0.5", "-q")
    assert out.stderr == ""
    some = out.stdout_bytes
    out = pipe(some, "transform", "-", "-", "--format", "spz", "--scale", "2")
    assert out.exit_code == 0, out.stderr
    assert find_format(saved(ply.parent / "a", out.stdout_bytes)).name == "spz"
    out = pipe(some, "merge", ply, "-", "-o", "-", "--format", "ply")
    assert out.exit_code == 0, out.stderr
    whole = saved(ply.parent / "whole.ply", out.stdout_bytes)
    kept = read_scene(whole).n - 300
    assert 0 < kept < 300
    for command in ("info", "inspect", "verify"):
        found = json.loads(pipe(some, command, "-", "--json").stdout)
        assert found["gaussians"] == kept
    assert pipe(some, "inspect", "-", "--losses", "none").exit_code == 0


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_compress_and_decompress_are_filters(ply: Path, cameras: Path) -> None:
    few = ("--pruning-rate", "0.25", "--sh-rate", "0.5", "--report-views", "none")
    out = pipe(ply.read_bytes(), "compress", "-", "--cameras", cameras, *few)
    assert out.exit_code == 0, out.stderr
    assert out.stdout_bytes.startswith(b"\x89FGS")
    assert "ratio" in out.stderr  # the table goes where the scene does not
    back = pipe(out.stdout_bytes, "decompress", "-")
    assert back.exit_code == 0, back.stderr
    assert read_scene(saved(ply.parent / "back.ply", back.stdout_bytes)).n == 225
    named = pipe(b"", "compress", ply, "-o", "-", "--cameras", cameras, *few, "-q")
    assert named.stdout_bytes == out.stdout_bytes
    assert named.stderr == ""
    dry = pipe(b"", "compress", ply, "-o", "-", "--cameras", cameras, *few, "--dry-run")
    assert dry.stdout_bytes == b""
    assert not (ply.parent / "-").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("convert", "-", "-"), "no name that says the format"),
        (("convert", "-", "-", "--format", "spz", "--json"), "cannot both go"),
        (("convert", "-", "-", "--format", "png"), "unknown scene format"),
        (("convert", "-", "-", "--format", "ply", "--from", "png"), "unknown scene format"),
        (("convert", "SCENE", "out.spz", "--from", "ply"), "--from is for"),
        (("convert", "SCENE", "out.spz", "--format", "sog"), "a .sog file"),
        (("merge", "-", "-", "-o", "out.ply"), "standard input is one scene"),
        (("transform", "-", "-", "--format", "ply", "--cameras", "c.json"), "beside the output"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_streams_that_cannot_be_meant_are_exit_code_2(
    ply: Path, words: tuple[str, ...], said: str, spool: Path
) -> None:
    places = {"SCENE": ply, "out.spz": ply.parent / "out.spz", "out.ply": ply.parent / "out.ply"}
    result = pipe(ply.read_bytes(), *(places.get(word, word) for word in words))
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr
    assert result.stdout_bytes == b""
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "words", "said"),
    [
        (b"", (), "the file is empty"),
        (b"no scene at all", (), "of no known scene format"),
        (b"ply\nformat ascii 1.0\n", (), "standard input"),
        (b"<!doctype html>", ("--from", "splat"), "a web page"),
        (None, ("--from", "splat"), "not of the format that --from says"),
    ],
    ids=["empty", "text", "cut", "html", "contradiction"],
)
def test_bad_streams_are_exit_code_3_and_write_nothing(
    ply: Path, spool: Path, data: bytes | None, words: tuple[str, ...], said: str
) -> None:
    content = ply.read_bytes() if data is None else data
    result = pipe(content, "convert", "-", "-", "--format", "spz", *words)
    assert result.exit_code == 3
    assert said in result.stderr
    assert str(spool) not in result.stderr
    assert result.stdout_bytes == b""
    assert list(spool.iterdir()) == []


def test_a_stream_without_an_end_is_cut_off(ply: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexgs.limits.DEFAULT_LIMITS", Limits(max_raw_bytes=1000))
    result = pipe(ply.read_bytes(), "inspect", "-")
    assert result.exit_code == 3
    assert "at most 1000 bytes" in result.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
@pytest.mark.parametrize("end", ["stdin", "stdout"])
def test_terminals_get_and_give_no_scenes(ply: Path, end: str) -> None:
    master, slave = os.openpty()
    try:
        source = "-" if end == "stdin" else ply
        done = subprocess.run(
            [sys.executable, "-m", "flexgs", "convert", source, "-", "--format", "ply"],
            stdin=slave if end == "stdin" else subprocess.DEVNULL,
            stdout=slave if end == "stdout" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 2
    name = "standard input" if end == "stdin" else "standard output"
    assert done.stderr.startswith(f"flexgs: {name} is a terminal")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_the_pipe_is_said(ply: Path) -> None:
    with open("/dev/full", "wb") as full:
        words = [sys.executable, "-m", "flexgs", "convert", ply, "-", "--format", "spz", "-q"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
