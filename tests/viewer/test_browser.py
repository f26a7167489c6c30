# SPDX-License-Identifier: Apache-2.0
"""What the page shows, pixel by pixel against our own renderer, and how it is steered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.io import write_ply
from flexgs.io.formats.table import scene_formats
from flexgs.render import get_renderer
from flexgs.scenes import convert, read_scene
from flexgs.viewer import load_bundle, make_page, page_files, write_html
from flexgs.viewer.server import PageServer
from tests.viewer.browser import Visit, missing_tools, served, similarity, visit
from tests.viewer.conftest import ball, ring

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing_tools() is not None, reason=str(missing_tools())),
]

EQUAL_DB = (
    40.0  # what the same Gaussians in the same camera must reach: 8-bit blending, half floats
)
DIFFERENT_DB = 25.0  # what others, or another camera, must not
SUFFIXES = [scene_formats.get(name).suffixes[0] for name in scene_formats if name != "gltf"]
START = [{"wait": "settled"}, {"key": "h"}, {"wait": "settled"}]


def picture(splats: Splats, camera: Camera) -> np.ndarray:
    return get_renderer("cpu", 1).render(splats, camera)


@pytest.fixture(scope="module")
def formats(folder: Path) -> dict[str, Path]:
    """The scene in every format that is written."""
    paths = {".ply": folder / "scene.ply"}
    for suffix in SUFFIXES:
        paths[suffix] = folder / f"scene{suffix}"
        if not paths[suffix].exists():
            convert(folder / "scene.ply", paths[suffix])
    return paths


@pytest.fixture(scope="module")
def other(folder: Path) -> Path:
    """A scene that looks different everywhere."""
    splats = ball(seed=5)
    path = folder / "other.ply"
    write_ply(path, replace(splats, sh=-splats.sh))
    return path


@pytest.fixture(scope="module")
def pair(folder: Path, other: Path) -> Iterator[PageServer]:
    page = make_page([folder / "scene.ply", other])
    with served(page_files(page, load_bundle())) as server:
        yield server


@pytest.fixture(scope="module")
def shots(formats: dict[str, Path]) -> tuple[dict[str, Path], Visit]:
    """A screenshot of every format, made in one browser."""
    with ExitStack() as stack:
        steps: list[dict[str, Any]] = []
        for path in formats.values():
            files = page_files(make_page([path]), load_bundle())
            url = stack.enter_context(served(files)).url
            steps += [{"goto": url}, *START, {"shot": f"{path}.png"}]
        seen = visit("about:blank", steps)
    return {suffix: Path(f"{path}.png") for suffix, path in formats.items()}, seen


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_shown_as_it_is(
    formats: dict[str, Path], shots: tuple[dict[str, Path], Visit], suffix: str
) -> None:
    shot, splats, cameras = shots[0][suffix], read_scene(formats[suffix]), ring()
    assert similarity(shot, picture(splats, cameras[0])) > EQUAL_DB
    assert similarity(shot, picture(splats, cameras[1])) < DIFFERENT_DB


def test_pages_ask_this_machine_only_and_complain_of_nothing(
    shots: tuple[dict[str, Path], Visit],
) -> None:
    _, seen = shots
    assert len(seen.requests) > 50
    assert all(
        url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:")) for url in seen.requests
    )
    assert [text for text in seen.messages if "error" in text.lower()] == []


def test_an_antialiased_scene_is_drawn_as_one(folder: Path, tmp_path: Path) -> None:
    small = ball()
    thin = replace(small, log_scales=small.log_scales - 2, model="mip")
    path, shot = folder / "mip.ply", tmp_path / "shot.png"
    write_ply(path, thin)
    with served(page_files(make_page([path]), load_bundle())) as server:
        visit(server.url, [*START, {"shot": str(shot)}])
    camera = ring()[0]
    assert similarity(shot, picture(thin, camera)) > EQUAL_DB
    assert similarity(shot, picture(replace(thin, model="3dgs"), camera)) < EQUAL_DB - 5


def test_two_scenes_meet_at_the_line(
    pair: PageServer, folder: Path, other: Path, tmp_path: Path
) -> None:
    shots = [tmp_path / f"{i}.png" for i in range(4)]
    ask = {"attribute": ["#divider", "aria-valuenow"]}
    by_key = [{"focus": "#divider"}] + [{"key": "ArrowLeft"}] * 5 + [{"key": "Shift+ArrowLeft"}] * 2
    steps = [
        *START, ask, {"shot": str(shots[0])},
        *by_key, {"wait": "settled"}, ask, {"blur": True}, {"shot": str(shots[1])},
        {"focus": "#divider"}, {"key": "Home"}, {"wait": "settled"}, ask, {"blur": True},
        {"shot": str(shots[2])},
        {"key": "1"}, {"wait": "settled"}, ask, {"shot": str(shots[3])},
    ]  # fmt: skip
    seen = visit(pair.url, steps)
    values = [result for step, result in zip(steps, seen.results, strict=True) if step is ask]
    assert values == ["50", "25", "0", "100"]
    first, second = (picture(read_scene(path), ring()[0]) for path in (folder / "scene.ply", other))
    for shot, edge in zip(shots, (160, 80, 0, 320), strict=True):
        left, right = slice(0, max(edge - 3, 0)), slice(min(edge + 3, 320), 320)
        if left.stop > 0:
            assert similarity(shot, first, left) > EQUAL_DB
            assert similarity(shot, second, left) < DIFFERENT_DB
        if right.start < 320:
            assert similarity(shot, second, right) > EQUAL_DB
            assert similarity(shot, first, right) < DIFFERENT_DB


def test_the_line_is_dragged(pair: PageServer) -> None:
    steps = [
        {"wait": "settled"}, {"key": "h"}, {"drag": [160, 120, 240, 120]}, {"wait": "settled"},
        {"attribute": ["#divider", "aria-valuenow"]},
        {"attribute": ["#divider", "aria-valuetext"]},
    ]  # fmt: skip
    assert visit(pair.url, steps).results[-2:] == ["75", "75 % scene.ply, 25 % other.ply"]


def test_views_are_stepped_through_by_key(pair: PageServer, folder: Path, tmp_path: Path) -> None:
    shots = [tmp_path / f"{i}.png" for i in range(5)]
    steps = [*START, {"key": "1"}]
    for key, shot in zip(("n", "n", "p", "ArrowLeft", "r"), shots, strict=True):
        steps += [{"key": key}, {"wait": "settled"}, {"shot": str(shot)}]
    visit(pair.url, steps)
    splats = read_scene(folder / "scene.ply")
    for shot, i in zip(shots, (1, 2, 1, None, 1), strict=True):
        if i is not None:
            assert similarity(shot, picture(splats, ring()[i])) > EQUAL_DB
    assert similarity(shots[3], picture(splats, ring()[1])) < EQUAL_DB - 2  # turned a little


def test_dragging_turns_the_scene_and_keeps_it_in_the_middle(
    pair: PageServer, folder: Path, tmp_path: Path
) -> None:
    shot = tmp_path / "shot.png"
    steps = [*START, {"key": "1"}, {"drag": [60, 60, 160, 60]}, {"wait": "settled"}]
    visit(pair.url, [*steps, {"shot": str(shot)}])
    before = picture(read_scene(folder / "scene.ply"), ring()[0])
    assert similarity(shot, before) < DIFFERENT_DB
    edges = np.r_[0:20, 300:320]
    assert similarity(shot, np.zeros_like(before), edges) > 30  # type: ignore[arg-type]


def test_buttons_keys_and_theme(pair: PageServer) -> None:
    mode = {"attribute": ["#button-mode", "aria-pressed"]}
    steps = [
        {"wait": "settled"}, mode, {"key": "f"}, mode, {"click": "#button-mode"}, mode,
        {"attribute": ["html", "data-theme"]}, {"key": "t"}, {"attribute": ["html", "data-theme"]},
        {"click": "#button-theme"}, {"attribute": ["html", "data-theme"]},
        {"key": "?"}, {"attribute": ["#help", "open"]}, {"text": "#keys"},
        {"key": "Escape"}, {"attribute": ["#help", "open"]},
        {"text": "#title"}, {"text": "#tables"}, {"text": "#views"},
        {"key": "h"}, {"attribute": ["body", "class"]},
    ]  # fmt: skip
    seen = visit(pair.url, steps, size=(1000, 600)).results
    assert [seen[i] for i in (1, 3, 5)] == ["false", "true", "false"]
    assert [seen[i] for i in (6, 8, 10)] == [None, "light", "dark"]
    assert [seen[i] for i in (12, 15)] == ["", None]
    assert "fly or orbit" in seen[13]
    assert seen[16] == "scene.ply | other.ply"
    assert "Second to first" in seen[17]
    assert "1,500" in seen[17]
    assert seen[18] == "v0v1v2v3v4"
    assert seen[20] == "bare"


def test_everything_is_reached_by_tab(pair: PageServer) -> None:
    steps: list[dict[str, object]] = [{"wait": "settled"}]
    for _ in range(11):
        steps += [{"key": "Tab"}, {"focused": True}]
    reached = visit(pair.url, steps, size=(1000, 600)).results[2::2]
    buttons = [f"button-{name}" for name in ("mode", "reset", "theme", "hide", "help")]
    assert reached[:10] == [
        "canvas", "divider", *buttons, "button-previous", "views", "button-next"
    ]  # fmt: skip


def test_the_light_page_is_light_and_the_dark_one_dark(pair: PageServer, tmp_path: Path) -> None:
    from flexgs.io import read_image

    means = {}
    for scheme in ("light", "dark"):
        shot = tmp_path / f"{scheme}.png"
        steps = [{"wait": "settled"}, {"shot": str(shot)}]
        visit(pair.url, steps, size=(1000, 600), colorScheme=scheme)
        means[scheme] = float(read_image(shot)[:, 700:].mean())  # the panel
    assert means["light"] > 0.8
    assert means["dark"] < 0.3


def test_one_file_is_shown_without_any_server(folder: Path, other: Path, tmp_path: Path) -> None:
    page = make_page([folder / "scene.ply", other])
    out, shot = tmp_path / "a page.html", tmp_path / "shot.png"
    write_html(page, load_bundle(), out)
    seen = visit(out.as_uri(), [*START, {"key": "1"}, {"wait": "settled"}, {"shot": str(shot)}])
    assert [text for text in seen.messages if "error" in text] == []
    assert {url.partition(":")[0] for url in seen.requests} <= {"file", "blob"}
    expected = picture(page.scenes[0].splats, ring()[0])
    assert similarity(shot, expected) > 30  # SPZ rounds


def test_a_page_that_cannot_show_anything_says_why(folder: Path) -> None:
    files = page_files(make_page([folder / "scene.ply"]), load_bundle())
    del files["scene-0-1.bin"]
    with served(files) as server:
        steps = [{"wait": "failed"}, {"text": "#curtain"}, {"attribute": ["#curtain", "role"]}]
        seen = visit(server.url, steps).results
    assert "This cannot be shown" in seen[1]
    assert "Start `flexgs view` again" in seen[1]
    assert seen[2] == "alert"


def test_a_real_scene_looks_as_we_render_it(bonsai: Path, tmp_path: Path) -> None:
    page = make_page([bonsai / "point_cloud.ply"])
    camera = page.stops.cameras[0]
    shot = tmp_path / "shot.png"
    with served(page_files(page, load_bundle())) as server:
        visit(server.url, [*START, {"shot": str(shot)}], size=(camera.width, camera.height))
    expected = get_renderer("cpu", os.cpu_count()).render(page.scenes[0].splats, camera)
    assert similarity(shot, expected) > 35
