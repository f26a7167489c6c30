# SPDX-License-Identifier: Apache-2.0
"""Exit codes and messages: 2 for wrong usage, 3 for bad files, 4 for missed targets, 1 else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flexgs.errors import SearchError
from tests.cli.conftest import Run

COMMANDS = ("compress", "decompress", "info", "verify", "evaluate", "render", "score")
BAD_FILES = {
    "wrong magic": b"this is no scene",
    "empty": b"",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "html": b"<!DOCTYPE html><html></html>",
    "truncated": b"ply\nformat binary_little_endian 1.0\nelement vertex 5\n",
    "fgs cut": b"\x89FGS\r\n\x1a\n\x01\x00",
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("command", ["info", "verify", "compress"])
def test_a_bad_file_is_exit_code_3_in_few_lines(
    run: Run, tmp_path: Path, command: str, kind: str
) -> None:
    path = tmp_path / "bad.ply"
    path.write_bytes(BAD_FILES[kind])
    result = run(command, path)
    assert result.exit_code == 3
    assert result.stderr.startswith("flexgs: ")
    assert "bad.ply" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 3
    assert result.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.ply"]


@pytest.mark.parametrize("command", ["info", "verify", "compress", "decompress", "score"])
def test_a_missing_file_is_exit_code_2(run: Run, tmp_path: Path, command: str) -> None:
    result = run(command, tmp_path / "no.ply")
    assert result.exit_code == 2
    assert "no such file" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target-psnr-drop", "1", "--target-size", "20MB"],
        ["--target-ratio", "20", "--target-psnr", "30"],
        ["--pruning-rate", "0.5", "--sh-rate", "0.5", "--target-ratio", "20"],
        ["--target-size", "many"],
        ["--target-psnr-drop", "-1"],
        ["--target-psnr-drop", "nan"],
        ["--pruning-rate", "2"],
        ["--bits", "means=99"],
        ["--bits", "colour=8"],
        ["--bits", "oops"],
        ["--codec", "pkzip"],
        ["--score", "gut-feeling"],
        ["--profile", "unheard-of"],
        ["--device", "tpu"],
        ["--threads", "0"],
        ["--max-evaluations", "0"],
        ["--report-views", "some"],
        ["--report", "report.pdf"],
        ["--report", "/no/such/folder/report.html"],
        ["--nonsense"],
        ["extra"],
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_meant_are_exit_code_2(
    run: Run, ply: Path, arguments: list[str]
) -> None:
    result = run("compress", ply, *arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    assert not ply.with_suffix(".fgs").exists()


def test_an_output_that_exists_is_kept(run: Run, ply: Path) -> None:
    output = ply.with_suffix(".fgs")
    output.write_bytes(b"mine")
    result = run("compress", ply)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert output.read_bytes() == b"mine"


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_the_input_is_never_overwritten(
    run: Run, ply: Path, command: str, force: list[str]
) -> None:
    before = ply.read_bytes()
    result = run(command, ply, "-o", ply, *force)
    assert result.exit_code == 2
    assert ply.read_bytes() == before


@pytest.mark.parametrize("output", ["missing/out.fgs", ".", "-", "out.png", "out"])
def test_an_output_that_cannot_be_written_is_refused(run: Run, ply: Path, output: str) -> None:
    result = run("compress", ply, "-o", ply.parent / output)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_permission_is_refused(run: Run, ply: Path) -> None:
    folder = ply.parent / "closed"
    folder.mkdir(mode=0o500)
    assert run("compress", ply, "-o", folder / "out.fgs").exit_code == 2


def test_a_report_never_replaces_the_scene_or_its_cameras(run: Run, ply: Path) -> None:
    for report in (ply.parent / "a.json", ply.parent / "views.json"):
        words = ("--report", report, "--cameras", ply.parent / "views.json", "--force")
        result = run("compress", ply, "-o", ply.parent / "a.json", *words)
        assert result.exit_code == 2
        assert "replace another file" in result.stderr


def test_a_folder_of_pictures_is_not_mixed_with_others(run: Run, ply: Path) -> None:
    (ply.parent / "pictures").mkdir()
    (ply.parent / "pictures" / "mine.png").write_bytes(b"mine")
    result = run("render", ply, "-o", ply.parent / "pictures")
    assert result.exit_code == 2
    assert "not empty" in result.stderr


def test_nothing_is_left_of_pictures_that_could_not_be_made(run: Run, ply: Path) -> None:
    before = sorted(ply.parent.iterdir())
    folder = ply.parent / "pictures"
    for words in (
        ("render", ply.parent / "none.ply", "-o", folder),
        ("render", ply, "-o", folder / "in" / "none"),
        *(("render", ply, "-o", folder, "--scale", scale) for scale in ("0", "-1", "nan", "inf")),
    ):
        result = run(*words)
        assert result.exit_code == 2, result.output
        assert len(result.stderr.strip().splitlines()) <= 3
    assert sorted(ply.parent.iterdir()) == before


def test_outputs_are_named_after_what_they_hold(run: Run, ply: Path) -> None:
    for command, suffix in (("decompress", ".ply"), ("score", ".npz")):
        result = run(command, ply, "-o", ply.parent / "out.txt")
        assert result.exit_code == 2
        assert f"ends in {suffix}" in result.stderr
    result = run("compress", ply, "-o", ply.parent / "out.txt")
    assert result.exit_code == 2
    assert "ends in" in result.stderr
    assert ".fgs" in result.stderr


def test_decompress_looks_at_the_output_before_the_file(run: Run, ply: Path) -> None:
    (ply.parent / "bad.fgs").write_bytes(b"\x89FGS\r\n\x1a\n")
    result = run("decompress", ply.parent / "bad.fgs", "-o", ply)
    assert result.exit_code == 2
    assert "--force" in result.stderr


def raising(error: BaseException):  # type: ignore[no-untyped-def]
    def stand_in(*_args: object, **_options: object) -> None:
        raise error

    return stand_in


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SearchError("no setting meets the target"), 4, "no setting meets"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
        (OSError(28, "No space left on device"), 1, "No space left"),
        (ZeroDivisionError("division by zero"), 1, "please report"),
    ],
)
def test_what_goes_wrong_inside_ends_in_a_message(
    run: Run,
    ply: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr("flexgs.pipeline.compress", raising(error))
    result = run("compress", ply)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_adds_the_trace_and_keeps_the_code(
    run: Run, ply: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("flexgs.pipeline.compress", raising(SearchError("missed")))
    words = ["--debug", "compress", ply] if place == "before" else ["compress", ply, "--debug"]
    result = run(*words)
    assert result.exit_code == 4
    assert "Traceback" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"flexgs {command}" in result.stdout or f"root {command}" in result.stdout


def test_no_arguments_show_the_help(run: Run) -> None:
    result = run()
    assert "compress" in result.output
    assert result.exit_code in (0, 2)
