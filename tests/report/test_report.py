# SPDX-License-Identifier: Apache-2.0
"""Reports: complete, valid, self-contained, safe against names from files."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from rich.console import Console

from flexgs.errors import UsageError
from flexgs.quality import compare_view, summarise
from flexgs.report import (
    Picture,
    RepairFacts,
    RepairRound,
    Report,
    SceneFacts,
    SearchStep,
    TargetFacts,
    ensure_report,
    views_to_picture,
    write_report,
)
from flexgs.report.pictures import choose_gain, picture_row
from flexgs.report.plots import plot_bytes, plot_rounds, plot_search
from flexgs.report.terminal import quality_table, report_table
from flexgs.report.to_html import report_to_html
from flexgs.report.to_json import dump_json, report_to_plain

NASTY = "<script>alert('x')</script> \"&\u202e\ud83d".encode("utf-8", "ignore").decode()
VOID = {"meta", "img", "br", "link", "path", "use"}


def quality(photographs: bool = True):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    views = []
    for name, noise in (("a.jpg", 0.02), ("b.jpg", 0.05), (NASTY, 0.01), ("same.jpg", 0.0)):
        before = rng.random((12, 16, 3)).astype(np.float32)
        after = (before + noise * rng.normal(size=before.shape)).astype(np.float32)
        photo = np.clip(before + 0.03, 0, 1) if photographs else None
        views.append(compare_view(name, before, after, photo, 27.2, True))
    return summarise(tuple(views), photographs, 27.2)


@pytest.fixture
def report() -> Report:
    ramp = np.linspace(0, 1, 16 * 24 * 3, dtype=np.float32).reshape(16, 24, 3)
    steps = [
        SearchStep(1, 0.75, 0.9, 900_000, 3.1, 1.5, "seed", False),
        SearchStep(2, 0.6, 0.75, 1_300_000, 0.7, 1.4, "seed", True),
        SearchStep(3, 0.645, 0.8, 1_200_000, 0.98, 1.4, "refine", True),
    ]
    return Report(
        source=SceneFacts(NASTY, 69_360_000, 279_678, 3, ("2 opacities were infinite",)),
        output=SceneFacts("scene.fgs", 1_200_000, 99_286, 3),
        profile="segment",
        pruning_rate=0.645,
        sh_rate=0.8,
        target=TargetFacts("psnr_drop", 1.0, True, limit_drop_db=1.0),
        plan={"bits": {"means": 16}, "segments": 100},
        report_quality=quality(),
        search_quality=quality(photographs=False),
        search=tuple(steps),
        search_stopped="20 evaluations",
        bytes_by_attribute={"means": 600_000, "sh": 400_000, "container": 300},
        seconds_by_stage={"read": 0.5, "score": 30.25},
        peak_memory_bytes=2_000_000_000,
        renderer="cpu",
        cameras="cameras.json beside the scene",
        versions={"flexgs": "0.1.0", "numpy": "2"},
        warnings=("something to know: " + NASTY,),
        pictures=(Picture("worst view", NASTY, 0.9, ramp, np.sqrt(ramp)),),
    )


@pytest.fixture
def rd_report(report: Report) -> Report:
    rounds = (RepairRound(150_000, 0.0), RepairRound(90_000, 0.7), RepairRound(60_000, 0.62))
    steps = (
        SearchStep(1, 0.785, 0.4, 500_000, 1.2, 9.0, "land", False, 0.02, 1.17),
        SearchStep(2, 0.785, 0.35, 600_000, 0.98, 9.5, "land", True, 0.0125, 0.94),
    )
    return replace(
        report,
        output=SceneFacts("scene.fgs", 600_000, 60_000, 3),
        profile="rd",
        plan={"effort": 5, "strength": 0.0125},
        repair=RepairFacts(2.31, 0.61, rounds),
        search=steps,
        bytes_by_attribute={"means": 150_000, "sh": 449_700, "container": 300},
    )


class Checker(HTMLParser):
    """Collects tags, attributes and text; complains about tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    return checker


def test_json_holds_everything_but_pictures(report: Report) -> None:
    plain = json.loads(dump_json(report_to_plain(report)))
    assert plain["flexgs_report"] == 1
    assert plain["ratio"] == pytest.approx(57.8)
    assert plain["source"]["gaussians"] == 279_678
    assert plain["report_quality"]["drop_source"] == "measured on photographs"
    assert [step["number"] for step in plain["search"]] == [1, 2, 3]
    assert "pictures" not in plain


def test_json_of_the_rd_profile(rd_report: Report) -> None:
    plain = json.loads(dump_json(report_to_plain(rd_report)))
    assert plain["bits_by_attribute"] == {"means": 20.0, "sh": 59.96, "container": 0.04}
    assert plain["repair"]["repaired_drop_db"] == 0.61
    assert [r["gaussians"] for r in plain["repair"]["rounds"]] == [150_000, 90_000, 60_000]
    assert plain["search"][1]["strength"] == plain["plan"]["strength"]
    assert plain["search"][1]["predicted_db"] == 0.94


def test_a_file_without_gaussians_has_no_bits_a_gaussian(report: Report) -> None:
    empty = replace(report, output=SceneFacts("scene.fgs", 300, 0, 0))
    assert report_to_plain(empty)["bits_by_attribute"] == {}
    parsed(report_to_html(empty))


def test_the_terminal_says_what_repair_bought_and_what_was_predicted(rd_report: Report) -> None:
    stream = io.StringIO()
    Console(file=stream, width=200).print(report_table(rd_report))
    for wanted in (
        "60,000 Gaussians after 3 rounds; 2.310 dB on the monitor views as they were, 0.610 dB",
        "2 evaluations; 20 evaluations; predicted 0.940 dB, measured 0.980 dB",
        "80.0: sh 60.0, means 20.0, container 0.0",
        "effort 5, strength 0.0125",
    ):
        assert wanted in stream.getvalue(), wanted


def test_the_page_shows_rounds_and_predictions(rd_report: Report) -> None:
    html = report_to_html(rd_report)
    page = parsed(html)
    text = " ".join(" ".join(page.text).split())
    for wanted in ("Pruning and repair", "All 3 rounds", "90,000", "0.9400", "strength", "80.00"):
        assert wanted in text, wanted
    plots = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert any("by round" in plot for plot in plots)
    single = replace(rd_report, repair=RepairFacts(0.2, 0.2, (RepairRound(5, 0.0),)))
    assert "by round" not in report_to_html(single)
    assert "after 1 round;" in report_to_html(single)


def test_json_is_canonical_and_finite(report: Report) -> None:
    text = dump_json(report_to_plain(report))
    assert text == dump_json(report_to_plain(report))
    plain = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert list(plain) == sorted(plain)
    same = next(v for v in plain["report_quality"]["views"] if v["name"] == "same.jpg")
    assert same["psnr_renders"] is None


def test_the_documented_keys_are_the_keys(report: Report, rd_report: Report) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
    assert set(report_to_plain(report)) <= documented
    assert set(report_to_plain(report)["report_quality"]) <= documented
    assert set(report_to_plain(report)["report_quality"]["views"][0]) <= documented
    assert set(report_to_plain(report)["search"][0]) <= documented
    assert set(report_to_plain(report)["target"]) <= documented
    assert set(report_to_plain(rd_report)["repair"]) <= documented


def test_the_page_is_well_formed_and_loads_nothing(report: Report) -> None:
    page = parsed(report_to_html(report))
    tags = {tag for tag, _, _ in page.attributes}
    assert tags.isdisjoint({"script", "link", "iframe", "object"})
    for _, name, value in page.attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("data:image/", "#")), value
        assert not name.startswith("on")
    assert "url(http" not in report_to_html(report)
    assert "@import" not in report_to_html(report)


def test_names_from_files_stay_text(report: Report) -> None:
    html = report_to_html(report)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_page_shows_what_matters(report: Report) -> None:
    text = " ".join(" ".join(parsed(report_to_html(report)).text).split())
    for wanted in (
        "57.8× smaller",
        "measured on photographs",
        "ESTIMATED from renders",
        "PSNR drop of at most 1 dB",
        "something to know",
        "2 opacities were infinite",
        "20 evaluations",
        "600,000",
        "difference ×",
        "cameras.json beside the scene",
    ):
        assert wanted in text, wanted


def test_the_page_can_be_used_without_eyes_or_mouse(report: Report) -> None:
    page = parsed(report_to_html(report))
    images = [value for tag, name, value in page.attributes if tag == "img" and name == "alt"]
    assert len(images) == 3
    assert all(images)
    plots = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(plots) == 2
    assert ("html", "lang", "en") in page.attributes
    levels = [int(tag[1]) for tag in re.findall(r"<(h[1-6])", report_to_html(report))]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    scrolling = re.findall(r'<div class="scroll"([^>]*)>', report_to_html(report))
    assert scrolling
    assert all('tabindex="0"' in attributes for attributes in scrolling)


@pytest.mark.parametrize("drop", [math.inf, 1e6])
def test_an_endless_drop_does_not_squeeze_the_plot(report: Report, drop: float) -> None:
    wild = replace(report.search[0], drop_db=drop)
    for target in (report.target, None):
        steps = (wild, *report.search[1:])
        html = report_to_html(replace(report, search=steps, target=target))
        assert f"1 ({drop:.1f} dB)" in html
    parsed(report_to_html(replace(report, search=(replace(wild, accepted=False),), target=None)))


def test_plots_take_their_colours_from_the_page(report: Report) -> None:
    html = report_to_html(report)
    assert "currentColor" in html
    assert "var(--good)" in html
    assert "#0102" not in html
    assert "prefers-color-scheme: dark" in html
    assert "PSNR drop on the search views, dB" in html  # text, not outlines


def test_no_text_of_a_plot_has_a_colour_of_its_own(report: Report) -> None:
    rounds = (RepairRound(9000, 0.1), RepairRound(500, 0.7))
    plots = (
        plot_bytes(report.bytes_by_attribute),
        plot_search(report),
        plot_rounds(RepairFacts(1.0, 0.5, rounds)),
    )
    for svg in plots:
        texts = re.findall(r"<text[^>]*>", svg)
        assert texts
        assert all("fill: currentColor" in text for text in texts), texts
        assert "#ffffff" not in svg  # a legend's frame
        assert "#000000" not in svg


@pytest.mark.parametrize(("scale", "unit"), [(1, "MB"), (0.01, "kB")])
def test_plots_have_a_unit_that_suits_the_sizes(report: Report, scale: float, unit: str) -> None:
    steps = tuple(replace(s, size_bytes=round(s.size_bytes * scale)) for s in report.search)
    assert f"file, {unit}" in plot_search(replace(report, search=steps))


def test_estimates_are_called_so_wherever_they_stand(report: Report) -> None:
    guess = quality(photographs=False)
    found = replace(report, report_quality=guess, search_quality=guess)
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    console.print(report_table(found))
    console.print(quality_table(guess))
    shown = stream.getvalue()
    assert shown.count("ESTIMATE from renders") == 3
    assert shown.count("about ") == 2
    html = report_to_html(found)
    assert html.count("ESTIMATED from renders") == 2
    assert html.count('class="estimate"') == 2
    assert "photo</th>" not in html  # no columns without a value
    for text in (html, shown):
        assert "measured on photographs" not in text


def test_the_drops_on_both_sets_of_views_are_shown(report: Report) -> None:
    both = replace(report, search_quality=quality())
    stream = io.StringIO()
    Console(file=stream, width=200).print(report_table(both))
    text = " ".join(" ".join(parsed(report_to_html(both)).text).split())
    for name in ("PSNR drop, report views", "PSNR drop, search views"):
        assert name in stream.getvalue()
        assert name in text
    assert text.count("measured on photographs") >= 6


def test_the_same_report_gives_the_same_page(report: Report) -> None:
    assert report_to_html(report) == report_to_html(report)


def test_a_report_of_a_fixed_setting_without_views_has_a_page(report: Report) -> None:
    bare = Report(report.source, report.output, "segment", 0.5, 0.5)
    text = " ".join(parsed(report_to_html(bare)).text)
    assert "none (the setting was given)" in text
    assert json.loads(dump_json(report_to_plain(bare)))["target"] is None


def test_a_missed_target_is_said_everywhere(report: Report) -> None:
    missed = replace(report, target=TargetFacts("size", 1000, False, limit_bytes=1000))
    console = Console(file=io.StringIO(), width=120)
    console.print(report_table(missed))
    for text in (report_to_html(missed), console.file.getvalue()):  # type: ignore[attr-defined]
        assert "NOT reached" in text
        assert "at most 1.0 kB" in text


def test_terminal_tables_survive_markup_in_names(report: Report) -> None:
    named = replace(report, cameras="[red]x[/bold]", warnings=("[/oops]",))
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    console.print(report_table(named))
    console.print(quality_table(quality()))
    assert "[red]x[/bold]" in stream.getvalue()
    assert "warning: [/oops]" in stream.getvalue()
    assert "measured on photographs" in stream.getvalue()


def test_pictures_decode_to_the_view(report: Report) -> None:
    row = picture_row(report.pictures[0])
    for uri in (row.original, row.compressed, row.difference):
        data = base64.b64decode(uri.split(",", 1)[1])
        with PIL.Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("JPEG", (24, 16))
    shown = np.asarray(
        PIL.Image.open(io.BytesIO(base64.b64decode(row.difference.split(",", 1)[1])))
    )
    picture = report.pictures[0]
    expected = np.abs(picture.original - picture.compressed) * row.gain
    assert np.abs(shown / 255 - np.minimum(expected, 1)).max() <= 0.1


@pytest.mark.parametrize(("level", "gain"), [(0.0, 100), (0.3, 2), (0.8, 1), (0.004, 100)])
def test_the_gain_makes_differences_visible(level: float, gain: int) -> None:
    assert choose_gain(np.full((4, 4, 3), level, np.float32)) == gain


def test_the_worst_and_the_median_view_are_pictured() -> None:
    found = quality(photographs=False)
    labels = dict(views_to_picture(found))
    assert labels["worst view"] == "b.jpg"
    assert labels["median view"] == NASTY
    single = replace(found, views=found.views[:1])
    assert views_to_picture(single) == (("worst view", "a.jpg"),)


def test_reports_are_written_by_the_name_they_get(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "r.json")
    write_report(report, tmp_path / "r.HTML")
    assert json.loads((tmp_path / "r.json").read_text())["profile"] == "segment"
    assert (tmp_path / "r.HTML").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_reports_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("mine")
    for path, force in (
        (tmp_path / "r.pdf", True),
        (tmp_path / "r.json", False),
        (tmp_path / "missing" / "r.html", False),
        (tmp_path / "cameras.json", True),
    ):
        with pytest.raises(UsageError):
            ensure_report(path, force)
    with pytest.raises(UsageError, match="replace another file"):
        ensure_report(tmp_path / "new.json", True, inputs=[tmp_path / "new.json"])
    ensure_report(tmp_path / "r.json", True)
    assert (tmp_path / "r.json").read_text() == "mine"


def test_infinite_psnr_is_called_equal() -> None:
    stream = io.StringIO()
    Console(file=stream, width=200).print(quality_table(quality()))
    assert "equal" in stream.getvalue()
    assert math.isfinite(quality().psnr_renders)
