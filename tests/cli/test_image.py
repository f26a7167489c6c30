# SPDX-License-Identifier: Apache-2.0
"""flexgs image, as a user calls it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import PIL.Image
import png as png_module
import pytest
import typer.main

from flexgs.cli import app
from flexgs.image.deep_png import write_deep_png
from flexgs.image.pixels import read_picture, write_picture

DOCS = Path(__file__).parents[2] / "docs" / "image.md"
FAST = ("--preset", "fast", "--steps", "30", "--threads", "1", "-n", "40")


def gradient(width=40, height=28):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=2).clip(0, 255).astype(np.uint8)


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(gradient()).save(path)
    return path


@pytest.fixture
def fgi(run, png, tmp_path):
    path = tmp_path / "photo.fgi"
    assert run("image", "encode", png, "-o", path, *FAST).exit_code == 0
    return path


def test_there_and_back(run, png, fgi, tmp_path):
    out = tmp_path / "back.png"
    assert run("image", "decode", fgi, "-o", out).exit_code == 0
    shown = np.asarray(PIL.Image.open(out)).astype(float)
    assert shown.shape == (28, 40, 3)
    assert np.mean((shown - gradient()) ** 2) < 100


def test_the_psnr_it_says_is_that_of_the_file(run, png, tmp_path):
    path, out = tmp_path / "a.fgi", tmp_path / "a.png"
    result = run("image", "encode", png, "-o", path, *FAST, "--json")
    facts = json.loads(result.stdout)
    assert facts["size_bytes"] == path.stat().st_size
    run("image", "decode", path, "-o", out)
    error = np.mean((np.asarray(PIL.Image.open(out)).astype(float) - gradient()) ** 2)
    assert abs(10 * np.log10(255**2 / error) - facts["psnr"]) < 0.01


def test_crops_and_zooms(run, fgi, tmp_path):
    whole, part, large = (tmp_path / name for name in ("w.png", "p.png", "l.webp"))
    run("image", "decode", fgi, "-o", whole)
    run("image", "decode", fgi, "-o", part, "--crop", "8,4,24,20")
    run("image", "decode", fgi, "-o", large, "--zoom", "2.5")
    pixels = np.asarray(PIL.Image.open(whole))
    assert np.array_equal(np.asarray(PIL.Image.open(part)), pixels[4:20, 8:24])
    with PIL.Image.open(large) as image:
        assert image.size == (100, 70)


def test_info_and_metrics(run, png, tmp_path):
    path, table = tmp_path / "a.fgi", tmp_path / "a.csv"
    run("image", "encode", png, "-o", path, *FAST, "--metrics-csv", table)
    facts = json.loads(run("image", "info", path, "--json").stdout)
    assert (facts["width"], facts["height"], facts["channels"]) == (40, 28, 3)
    assert "gaussians" in run("image", "info", path).stdout
    lines = table.read_text().splitlines()
    assert lines[0].startswith("kind,seconds,step")
    assert {line.split(",")[0] for line in lines[1:]} == {"fit", "file"}


def test_levels_and_their_prefixes(run, png, tmp_path):
    path, out = tmp_path / "levels.fgi", tmp_path / "a.png"
    result = run("image", "encode", png, "-o", path, *FAST, "--levels", "2", "--json")
    facts = json.loads(result.stdout)
    first, second = facts["levels"]
    assert (first["width"], first["height"]) == (20, 14)
    assert second["ends_at"] == facts["size_bytes"] == path.stat().st_size
    small = json.loads(run("image", "decode", path, "-o", out, "--zoom", "0.5", "--json").stdout)
    assert (small["bytes_read"], small["levels"]) == (first["ends_at"], 1)
    preview = tmp_path / "preview.fgi"
    preview.write_bytes(path.read_bytes()[: first["ends_at"] + 3])
    result = run("image", "decode", preview, "-o", tmp_path / "b.png")
    assert "1 of 2 levels" in result.output
    with PIL.Image.open(tmp_path / "b.png") as image:
        assert image.size == (40, 28)
    assert json.loads(run("image", "info", preview, "--json").stdout)["levels_there"] == 1
    preview.write_bytes(path.read_bytes()[: first["ends_at"] - 1])
    assert run("image", "decode", preview, "-o", tmp_path / "c.png").exit_code == 3
    assert run("image", "encode", png, "-o", path, "--levels", "9", "--force").exit_code == 2


def test_view_serves_a_page_of_this_machine(run, png, fgi, servers):
    result = run("image", "view", fgi, png, "--no-browser", "--json")
    assert result.exit_code == 0, result.output
    (made,) = servers
    assert json.loads(result.stdout) == {"url": made.url}
    assert made.server_address[0] == "127.0.0.1"
    facts = json.loads(bytes(made.files["page.json"]))
    assert (facts["width"], facts["height"], facts["total"]) == (40, 28, 1)
    assert facts["levels"][0]["psnr"] > 25
    assert "warning" not in result.stderr
    assert "can see" in run("image", "view", fgi, "--host", "0.0.0.0", "--no-browser").stderr
    assert run("image", "view", png, "--no-browser").exit_code == 3
    assert run("image", "view", png.parent / "none.fgi", "--no-browser").exit_code == 2


@pytest.mark.slow
def test_a_benchmark_of_one_picture(run, png, tmp_path):
    out = tmp_path / "bench"
    call = ("image", "bench", png, "-o", out, "--rate", "2", "--preset", "fast", "--steps", "20")
    result = run(*call, "--threads", "1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["images"] == 1
    (row,) = json.loads((out / "images.json").read_text())["rates"]
    assert row["bpp"] <= 2
    assert "JPEG 2000" in (out / "images.md").read_text()
    kept = (out / "images.jsonl").read_bytes()
    assert run(*call).exit_code == 0
    assert (out / "images.jsonl").read_bytes() == kept  # nothing was measured again
    assert run(*call, "--preset", "wild").exit_code == 2
    assert run("image", "bench", png, "-o", png.parent).exit_code == 2  # full of other things


def test_modes_of_pictures(tmp_path):
    rgb = PIL.Image.fromarray(gradient())
    cases = {
        "grey.png": (rgb.convert("L"), 1),
        "bits.png": (rgb.convert("1"), 1),
        "palette.png": (rgb.convert("P"), 3),
        "opaque.png": (rgb.convert("RGBA"), 3),
        "clear.webp": (rgb.convert("RGBA"), 4),
        "cmyk.jpg": (rgb.convert("CMYK"), 3),
    }
    cases["clear.webp"][0].putalpha(128)
    for name, (image, channels) in cases.items():
        image.save(tmp_path / name)
        picture = read_picture(tmp_path / name)
        assert picture.values.shape == (28, 40, channels), name
        assert picture.values.max() <= 1


def test_sixteen_bits_of_grey(run, tmp_path):
    deep = (gradient()[..., 0].astype(np.uint16) * 257 + 3).clip(0, 65535)
    PIL.Image.fromarray(deep).save(tmp_path / "deep.png")
    picture = read_picture(tmp_path / "deep.png")
    assert picture.deep
    assert np.allclose(picture.values[..., 0] * 65535, deep, atol=0.01)
    run("image", "encode", tmp_path / "deep.png", "-o", tmp_path / "deep.fgi", *FAST)
    run("image", "decode", tmp_path / "deep.fgi", "-o", tmp_path / "out.png")
    with PIL.Image.open(tmp_path / "out.png") as image:
        assert image.mode == "I;16"


def deep_colours(channels):
    deep = np.random.default_rng(1).integers(0, 65536, (12, 20, channels), dtype=np.uint16)
    if channels == 4:
        deep[..., 3] = 65535
        deep[:6, :, 3] = 32896
    return deep


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("interlace", [False, True])
def test_sixteen_bits_of_colour(channels, interlace, tmp_path):
    deep = deep_colours(channels)
    writer = png_module.Writer(
        20, 12, bitdepth=16, greyscale=False, alpha=channels == 4, interlace=interlace
    )
    with open(tmp_path / "deep.png", "wb") as file:
        writer.write_array(file, deep.ravel().tolist())
    picture = read_picture(tmp_path / "deep.png")
    assert picture.deep
    wanted = deep / 65535
    if channels == 4:
        wanted[..., :3] *= wanted[..., 3:]
    assert np.allclose(picture.values, wanted, atol=1e-6)
    write_picture(tmp_path / "out.png", picture.values, deep=True)
    assert np.allclose(read_picture(tmp_path / "out.png").values, picture.values, atol=1e-5)
    with PIL.Image.open(tmp_path / "out.png") as image:
        assert (np.asarray(image)[..., :3] == deep[..., :3] >> 8).mean() > 0.99


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_like_eight(orientation, tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    eight = deep_colours(3).astype(np.uint8)
    PIL.Image.fromarray(eight).save(tmp_path / "eight.png", exif=exif)
    data = io.BytesIO()
    write_deep_png(data, eight.astype(np.uint16) * 257)
    chunk = (tmp_path / "eight.png").read_bytes()
    start = chunk.index(b"eXIf") - 4
    chunk = chunk[start : start + 12 + int.from_bytes(chunk[start : start + 4], "big")]
    deep = data.getvalue()
    end = deep.index(b"IDAT") - 4
    (tmp_path / "deep.png").write_bytes(deep[:end] + chunk + deep[end:])
    found, wanted = (read_picture(tmp_path / name) for name in ("deep.png", "eight.png"))
    assert found.deep
    assert not wanted.deep
    assert np.array_equal(found.values, wanted.values)


def test_exif_orientation(tmp_path):
    image = PIL.Image.fromarray(gradient())
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert read_picture(tmp_path / "turned.jpg").size == (28, 40)


def test_bad_calls(run, png, fgi, tmp_path):
    out = tmp_path / "x.fgi"
    for code, *call in (
        (2, "encode", tmp_path / "none.png", "-o", out),
        (2, "encode", png, "-o", tmp_path / "x.jpg"),
        (2, "encode", png, "-o", fgi, *FAST),
        (2, "encode", png, "-o", out, "--target-psnr", "30", "--target-bpp", "1"),
        (2, "encode", png, "-o", out, "--preset", "wild"),
        (3, "encode", fgi, "-o", out),
        (3, "decode", png, "-o", tmp_path / "x.png"),
        (2, "decode", fgi, "-o", tmp_path / "x.tiff"),
        (2, "decode", fgi, "-o", tmp_path / "x.png", "--crop", "0,0,99,99"),
        (2, "decode", fgi, "-o", tmp_path / "x.png", "--crop", "1,2,3"),
        (2, "decode", fgi, "-o", tmp_path / "x.png", "--zoom", "-1"),
        (3, "info", png),
    ):
        result = run("image", *call)
        assert result.exit_code == code, (call, result.output)
        assert "Traceback" not in result.output
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))


def test_the_page_names_options_that_exist():
    group = typer.main.get_group(app).commands["image"]
    known = {name for c in group.commands.values() for p in c.params for name in p.opts}
    text = DOCS.read_text(encoding="utf-8")
    calls = "\n".join(re.findall(r"flexgs image [^\n`]*|^\| `(?:--[^|]*)", text, re.MULTILINE))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", calls))
    assert len(named) > 6
    assert named <= known | {"--help"}
