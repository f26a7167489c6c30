# SPDX-License-Identifier: Apache-2.0
"""What a benchmark writes: every number, the survey's layout, a page that stands alone."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexgs.batch import BatchScene, Row, SceneFacts
from flexgs.bench.model import Setup
from flexgs.bench.planning import Job, Plan, plan_bench
from flexgs.bench.report import Outcome, write_reports
from flexgs.bench.report.csv_files import SURVEY
from flexgs.bench.report.outcome import dataset_of
from flexgs.bench.report.reported import read_reported
from flexgs.bench.report.strips import choose_files
from flexgs.bench.report.tables import equal_drop_tables, points_tables
from flexgs.bench.runner import run_bench
from tests.bench.conftest import Fake

DROPS = (0.1, 0.5, 1.0)


def result(job: Job, drop: float, size: int) -> dict[str, Any]:
    """What a row would hold."""
    quality = {
        "drop_db": drop,
        "psnr_renders": 35.0,
        "ssim_renders": 0.97,
        "psnr_original_photo": 29.0,
        "psnr_compressed_photo": 29.0 - drop,
        "ssim_original_photo": 0.9,
        "ssim_compressed_photo": 0.88,
        "views": 2,
        "estimate": False,
    }
    cost = {"seconds": 1.5, "cpu_seconds": 1.0, "peak_bytes": 10**8}
    return {
        "target_db": job.point.target_db,
        "missed": False,
        "source_bytes": 10**7,
        "bytes": size,
        "source_gaussians": 1000,
        "gaussians": 500,
        "evaluations": 3,
        "encode": cost,
        "decode": cost,
        "others": 0.0,
        "busy": job.point.name == "half",
        "version": "7",
        "commands": {"encode": ["do <it> $SCENE"], "decode": ["undo"], "measure": ["look"]},
        "report": quality | {"lpips": None, "by_view": {"v00": drop, "v08": drop / 2}},
        "search": quality | {"drop_db": drop / 2},
    }


@pytest.fixture(scope="module")
def outcome(thinned: dict[str, Path]) -> Outcome:
    """Two scenes; flexgs ten times as small as a tool, and a tool that never ends."""
    fake = Fake(thinned)
    scenes = tuple(BatchScene(name, Path(f"{name}.ply")) for name in ("bonsai", "room"))
    tool = replace(fake, name="spz", title="a tool", kind="tool")
    slow = replace(fake, name="sog", title="slow | tool", kind="tool")
    methods, jobs, rows = (fake, tool, slow), [], []
    for scene in scenes:
        for method in methods:
            for i, point in enumerate(method.points(Setup())):
                job = Job(scene, method, point, "k", "done")
                size = (10**5 if method is fake else 10**6) // (i + 1)
                error = {"kind": "TimedOut", "message": "not done in 600 seconds"}
                good = None if method is slow else result(job, 0.2 + 0.6 * i, size)
                jobs.append(job)
                rows.append(Row(*job.id, "k", 1.0, result=good, error=None if good else error))
    facts = {s.name: SceneFacts("d", 10**7, "c", 16, 2, 16, (24, 24), 10**9) for s in scenes}
    plan = Plan(
        scenes, methods, {"gone": "no CUDA"}, Setup(drops=DROPS), tuple(jobs), facts, {}, {}
    )
    return Outcome(plan, tuple(rows), {"processor": "2 cores"}, "LPIPS is not measured")


@pytest.fixture(scope="module")
def written(outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    write_reports(outcome, folder, pictures=False)
    return folder


def test_tables_at_an_equal_drop(outcome: Outcome) -> None:
    tables = {table.title: table for table in equal_drop_tables(outcome, "report")}
    assert list(tables)[2].startswith("mean of MipNeRF360 (2 scenes)")
    rows = {row[0]: row[1:] for row in tables["bonsai: at an equal drop on the test views"].rows}
    assert rows["a fake"] == (
        "– (0.20 dB at least)",
        "~ 70.7 kB",
        "≤ 50.0 kB at 0.80 dB",
    )
    assert rows["a tool"][1] == "~ 707.1 kB, 10.0x"
    assert rows["slow | tool"] == ("–", "–", "–")
    search = equal_drop_tables(outcome, "search")[0]
    assert search.rows[0][1] == "100.0 kB"  # a file has just this drop


def test_every_file_has_a_line(outcome: Outcome) -> None:
    table, *_, means = points_tables(outcome)
    rows = {row[:2]: row for row in table.rows}
    assert rows["original", ""][2:6] == ("10.000", "1.0", "0", "0")
    assert rows["a fake", "about most"][2:6] == ("0.100", "100.0", "0.200", "0.100")
    assert "busy machine" in rows["a tool", "about half"][-1]
    assert "not done in 600 seconds" in rows["slow | tool", "about half"][-1]
    assert means.title == "mean of MipNeRF360 (2 scenes): all files"
    assert [row[:4] for row in means.rows][1] == ("a fake", "about half", "0.050", "200.0")
    assert {row[0] for row in means.rows} == {"a fake", "a tool"}


def test_files(outcome: Outcome, written: Path) -> None:
    lines = list(csv.DictReader(io.StringIO((written / "points.csv").read_text())))
    assert len(lines) == len(outcome.rows) == 12
    assert lines[0]["test_drop_db"] == "0.2"
    assert lines[0]["encode_command"] == "do <it> $SCENE"
    assert {line["state"] for line in lines} == {"done", "failed"}
    survey = list(
        csv.reader((written / "survey/flexgs/MipNeRF360/room.csv").read_text().splitlines())
    )
    assert tuple(survey[0]) == SURVEY
    assert survey[1] == ["", "28.800000", "0.880000", "", "100000", "500"]
    markdown = (written / "tables.md").read_text()
    assert "slow \\| tool" in markdown
    assert "FlexGaussian" in markdown
    assert "no CUDA" in markdown
    plots = sorted(path.name for path in (written / "plots").iterdir())
    assert plots[:2] == ["bonsai.png", "bonsai.svg"]
    assert len(plots) == 6
    assert (written / "plots/bonsai.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_stands_alone(written: Path) -> None:
    page = (written / "report.html").read_text()
    outside = re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page)
    assert outside == []
    assert "<script" not in page
    assert "do &lt;it&gt; $SCENE" in page
    assert "prefers-color-scheme: dark" in page
    assert "var(--m0)" in page
    assert "10.0×" in page
    for words in ("2 cores", "not run: no CUDA", "not done in 600 seconds", "FlexGaussian"):
        assert words in page


def test_the_same_numbers_give_the_same_bytes(
    outcome: Outcome, written: Path, tmp_path: Path
) -> None:
    write_reports(outcome, tmp_path, pictures=False)
    names = [path.relative_to(written) for path in written.rglob("*") if path.is_file()]
    assert len(names) > 9
    assert [n for n in names if (written / n).read_bytes() != (tmp_path / n).read_bytes()] == []


def test_pictures_are_of_the_worst_view(
    scenes: tuple[BatchScene, ...], fake: Fake, setup: Setup, tmp_path: Path
) -> None:
    plan = plan_bench(scenes, [fake], setup, tmp_path)
    outcome = Outcome(plan, run_bench(plan, tmp_path), {}, "")
    ((job, _),) = choose_files(outcome, scenes[0])
    assert job.point.name in ("most", "half")
    write_reports(outcome, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') == 3  # photograph, original, fake
    assert "dB lost in this view" in page


def test_reported_numbers_are_numbers() -> None:
    rows = read_reported()
    assert len(rows) > 30
    for row in rows:
        assert float(row.mb) > 0
        assert float(row.psnr) > 15
        assert row.source
        assert row.kind in ("training-free", "fine-tuned", "trained so")
        assert all(not text or float(text) is not None for text in (row.drop_db, row.ssim))
    assert dataset_of("kitchen") == "MipNeRF360"
