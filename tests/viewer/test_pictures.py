# SPDX-License-Identifier: Apache-2.0
"""Tiles of an image, the server that makes them, and the page in a browser."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flexgs.errors import UsageError
from flexgs.image.model import ImageSplats
from flexgs.image.pixels import Picture
from flexgs.image.pyramid import Pyramid
from flexgs.image.render import render
from flexgs.io import read_image
from flexgs.viewer.pictures import Shown, open_picture_server
from flexgs.viewer.pictures.page import FILES, STATIC, made, page_files
from flexgs.viewer.pictures.tiles import MAX_EXPONENT, SIDE, to_rgba
from flexgs.viewer.server import PageServer
from tests.viewer.browser import CHROMIUM, VIEWER, visit

WIDTH, HEIGHT = 300, 200


def level(n: int, widest: float, seed: int, channels: int = 3) -> ImageSplats:
    rng = np.random.default_rng(seed)
    scales = rng.uniform(widest / 3, widest, (n, 2))
    cholesky = np.stack([scales[:, 0], rng.normal(0, 1, n), scales[:, 1]], axis=1)
    means = rng.random((n, 2)) * [WIDTH, HEIGHT]
    return ImageSplats(means, cholesky, rng.random((n, channels)) * 0.6, None, WIDTH, HEIGHT)


def shown(levels: int = 2, total: int = 2) -> Shown:
    parts = tuple(level(120, 24 / (k + 1), k) for k in range(levels))
    return Shown(
        "photo.fgi", 1000, tuple(300 * (k + 1) for k in range(levels)), Pyramid(parts, total)
    )


def tile_of(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 4)


def test_tiles_are_parts_of_the_picture() -> None:
    page = shown()
    whole = to_rgba(render(page.pyramid.splats()))
    left, right = (tile_of(page.tile(2, 0, x, 0)) for x in (0, 1))
    np.testing.assert_allclose(left[:HEIGHT].astype(int), whole[:, :SIDE].astype(int), atol=1)
    np.testing.assert_allclose(
        right[:HEIGHT, : WIDTH - SIDE].astype(int), whole[:, SIDE:].astype(int), atol=1
    )
    assert not left[HEIGHT:].any()
    assert not right[:, WIDTH - SIDE :].any()


@pytest.mark.parametrize("exponent", [-2, 2])
def test_tiles_at_other_sizes_are_those_of_the_zoomed_picture(exponent: int) -> None:
    page, zoom = shown(), 2.0**exponent
    found = tile_of(page.tile(1, exponent, 0, 0))
    width, height = round(WIDTH * zoom), round(HEIGHT * zoom)
    crop = (0, 0, min(width, SIDE), min(height, SIDE))
    wanted = to_rgba(render(page.pyramid.levels[0], crop, zoom))
    part = found[: crop[3], : crop[2]]
    np.testing.assert_allclose(part.astype(int), wanted.astype(int), atol=1)


def test_a_tile_far_beyond_one_to_one_is_drawn_from_gaussians() -> None:
    page, zoom = shown(), 2.0**MAX_EXPONENT
    middle = int(WIDTH * zoom / 2) // SIDE
    found = tile_of(page.tile(2, MAX_EXPONENT, middle, 0))
    assert found[..., 3].min() == 255
    near = to_rgba(render(page.pyramid.splats(), zoom=4.0))
    at = int(middle * SIDE / zoom * 4) + 1
    assert np.abs(found[:2, :2].astype(int) - near[0, at].astype(int)).max() <= 24


def test_what_is_no_tile_is_nothing() -> None:
    page = shown()
    for name in (
        "tile-3-0-0-0.bin", "tile-0-0-0-0.bin", "tile-1-0-2-0.bin", "tile-1-9-0-0.bin",
        "tile-1--11-0-0.bin", "tile-1-0-0-1.bin", "tile-1-0-0-0.bin/..", "tile-1-0-0.bin",
        "tile-\u0661-0-0-0.bin", "../photo.fgi", "", "tile-1-0-9999999-0.bin",
    ):  # fmt: skip
        assert made(page, name) is None, name
    assert made(page, "tile-1--2-0-0.bin") is not None


def test_grey_and_transparent_pixels() -> None:
    grey = to_rgba(np.full((1, 1, 1), 0.5, np.float32))
    assert grey.tolist() == [[[128, 128, 128, 255]]]
    clear = to_rgba(np.array([[[0.25, 0, 0, 0.5]]], np.float32))
    assert clear.tolist() == [[[128, 0, 0, 128]]]


def test_the_page_says_what_it_shows() -> None:
    page = shown(levels=1, total=3)
    original = Picture(np.clip(render(page.pyramid.splats()), 0, 1) * 0.99)
    files = page_files(page, original)
    facts = json.loads(bytes(files["page.json"]))
    assert facts["total"] == 3
    assert len(facts["levels"]) == 1
    assert 30 < facts["levels"][0]["psnr"] < 60
    assert len(files["original.bin"]) == 4 * WIDTH * HEIGHT
    assert set(FILES) <= set(files)
    with pytest.raises(UsageError, match="another image"):
        page_files(page, Picture(original.values[:-1]))


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for name in FILES:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert "http:" not in text
        assert "https:" not in text
        assert " style=" not in text  # the policy forbids them
        assert "onclick" not in text


@pytest.fixture
def server() -> Iterator[PageServer]:
    page = shown()
    original = Picture(np.clip(render(page.pyramid.splats()), 0, 1))
    with open_picture_server(page, original) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield opened
        finally:
            opened.shutdown()
            thread.join()


def ask(server: PageServer, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_tiles_are_served_behind_the_token_only(server: PageServer) -> None:
    status, body = ask(server, f"/{server.token}/tile-2-0-0-0.bin")
    assert status == 200
    assert len(body) == 4 * SIDE * SIDE
    assert ask(server, "/tile-2-0-0-0.bin")[0] == 404
    assert ask(server, "/wrong/tile-2-0-0-0.bin")[0] == 404
    assert ask(server, f"/{server.token}/tile-7-0-0-0.bin")[0] == 404
    assert ask(server, f"/{server.token}/tile-2-0-0-0.bin", host="evil.example")[0] == 403


def test_tiles_asked_for_at_once_are_all_right(server: PageServer) -> None:
    names = [f"tile-{k}-{e}-0-0.bin" for k in (1, 2) for e in (0, 1, 2)]
    found: dict[str, int] = {}

    def fetch(name: str) -> None:
        found[name] = ask(server, f"/{server.token}/{name}")[0]

    threads = [threading.Thread(target=fetch, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(names, 200)


def _missing() -> str | None:
    if shutil.which("node") is None or not (VIEWER / "node_modules/playwright-core").is_dir():
        return "Node.js or Playwright is not installed"
    return None if CHROMIUM else "Chromium is not installed"


@pytest.mark.slow
@pytest.mark.skipif(_missing() is not None, reason=str(_missing()))
def test_the_page_in_a_browser(server: PageServer, tmp_path: Path) -> None:
    shots = [tmp_path / f"{name}.png" for name in ("fit", "actual", "far", "light")]
    steps = [
        {"wait": "settled"},
        {"shot": str(shots[0])},
        {"focus": "#canvas"},
        {"key": "a"},
        {"key": "1"},
        {"wait": "settled"},
        {"text": "#hint"},
        {"blur": True},
        {"shot": str(shots[1])},
        {"key": "0"},
        *[{"key": "+"}] * 16,
        {"key": "ArrowLeft"},
        {"key": "]"},
        {"wait": "settled"},
        {"text": "#hint"},
        {"attribute": ["#split", "value"]},
        {"shot": str(shots[2])},
        {"drag": [100, 100, 140, 120]},
        {"wait": "settled"},
        {"key": "f"},
        {"key": "t"},
        {"wait": "settled"},
        {"shot": str(shots[3])},
        {"text": "#numbers"},
        {"key": "?"},
        {"focused": True},
    ]
    seen = visit(server.url, steps, size=(900, 420))
    assert [m for m in seen.messages if m.startswith(("error", "pageerror", "driver"))] == []
    texts = [result for result in seen.results if isinstance(result, str)]
    assert texts[0] == "100 %, 1 of 2 levels"
    assert texts[1] == f"{round(100 * 1.25**16)} %, 2 of 2 levels"
    assert "PSNR" in texts[-2]
    assert all(url.startswith(server.url) for url in seen.requests)
    # at 1:1 the picture stands in the middle; right of the line it is drawn from level 1
    actual = read_image(shots[1])
    stage = actual.shape[1] - 336
    first = np.clip(render(shown().pyramid.levels[0]), 0, 1)
    left, top = stage // 2 - WIDTH // 2, actual.shape[0] // 2 - HEIGHT // 2
    part = actual[top : top + HEIGHT, left : left + WIDTH]
    right = slice(WIDTH // 2 + 6, WIDTH)
    assert np.abs(part[:, right] - first[:, right]).mean() < 0.01
    assert read_image(shots[0]).mean() < read_image(shots[3]).mean()  # dark, then light
