# SPDX-License-Identifier: Apache-2.0
"""flexgs bench from the command line, by methods whose commands take a blink."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexgs.bench import planning
from flexgs.bench.model import Method
from flexgs.registry import Registry
from tests.bench.conftest import Fake, make_model
from tests.bench.conftest import thinned as thinned
from tests.cli.conftest import Run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "ash"
    make_model(folder)
    return folder


@pytest.fixture(autouse=True)
def _methods(monkeypatch: pytest.MonkeyPatch, thinned: dict[str, Path]) -> None:
    methods: Registry[Method] = Registry("method")
    methods.add("flexgs", Fake(thinned))
    methods.add("absent", Fake(thinned, name="absent", title="an absent one"))
    monkeypatch.setattr(planning, "METHODS", methods)
    monkeypatch.setattr(planning, "ORDER", ("flexgs", "absent"))


def test_a_whole_benchmark(run: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("bench", model, "-o", out, "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [row["setting"] for row in told["files"]] == ["flexgs.most", "flexgs.half"]
    assert told["unavailable"] == {"an absent one": "it is not there"}
    assert {"scenes", "views", "drop_db", "method", "found"} <= set(told["sizes_at_drops"][0])
    assert (out / "report.html").is_file()
    again = run("bench", model, "-o", out, "--threads", 1)
    assert again.exit_code == 0
    assert "2 files: 2 done before, 0 to do" in again.stderr
    assert "at an equal drop on the test views" in again.stdout


def test_a_report_of_what_is_there(run: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("bench", model, "-o", out, "--threads", 1, "--no-pictures").exit_code == 0
    (out / "ash" / "flexgs.half.bin").unlink()
    (out / "tables.md").unlink()
    done = run("bench", model, "-o", out, "--threads", 1, "--only-report", "--no-pictures")
    assert done.exit_code == 0
    assert "1 files: 1 done before, 0 to do" in done.stderr
    tables = (out / "tables.md").read_text()
    assert "about most" in tables
    assert "about half" not in tables


def test_a_dry_run_writes_nothing(run: Run, model: Path, tmp_path: Path) -> None:
    done = run("bench", model, "-o", tmp_path / "out", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [job["state"] for job in told["jobs"]] == ["new", "new"]
    assert "16 views of 24x24" in done.stderr
    assert not (tmp_path / "out").exists()


def test_bad_use_is_said(run: Run, model: Path, tmp_path: Path) -> None:
    def failure(*options: object) -> str:
        done = run("bench", model, "-o", tmp_path / "out", *options)
        assert done.exit_code == 2
        assert not (tmp_path / "out").exists()
        return str(done.stderr)

    assert "absent cannot be run: it is not there" in failure("--method", "absent")
    assert "unknown method" in failure("--method", "none")
    assert "a drop of 0 dB" in failure("--target-psnr-drop", "0")
    assert "no such folder of other tools" in failure("--peers", tmp_path / "none")
    assert "--part goes with --ablate" in failure("--part", "rd.coder")
    assert "no part is called" in failure("--ablate", "--part", "rd.magic")
    two = ("--target-psnr-drop", "1", "--target-psnr-drop", "2")
    assert "at one target" in failure("--ablate", *two)
    assert "nothing has such a name" in str(
        run("bench", tmp_path / "none", "-o", tmp_path / "out").stderr
    )


def test_a_manifest_names_scenes(run: Run, model: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "study.toml"
    manifest.write_text(f'[[scenes]]\npath = "{model}"\nname = "elm"\n')
    done = run("bench", manifest, "-o", tmp_path / "out", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["jobs"][0]["scene"] == "elm"
    assert "settings are left aside" in done.stderr
