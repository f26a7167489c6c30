# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from flexgs.errors import Corrupt, FlexgsError, TooLarge, Unsupported, UsageError
from flexgs.io import read_image, write_png
from flexgs.io.images import image_size


def picture(h: int = 5, w: int = 7, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (h, w, channels), dtype=np.uint8)


def test_png_round_trip_is_exact(tmp_path: Path) -> None:
    values = picture().astype(np.float32) / 255
    write_png(tmp_path / "a.png", values)
    read = read_image(tmp_path / "a.png")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values)
    assert image_size(tmp_path / "a.png") == (7, 5)


def test_values_out_of_range_are_clamped(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[[-1, 0.5, 7], [np.nan, np.inf, 1]]]))
    expected = [[[0, 128 / 255, 1], [0, 1, 1]]]
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), expected, atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_three_formats_are_read(tmp_path: Path, suffix: str) -> None:
    PIL.Image.new("RGB", (8, 6), (255, 0, 0)).save(tmp_path / f"a{suffix}", quality=95)
    read = read_image(tmp_path / f"a{suffix}")
    assert read.shape == (6, 8, 3)
    np.testing.assert_allclose(read.mean(axis=(0, 1)), [1, 0, 0], atol=0.02)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(picture()).save(tmp_path / "a.bmp")
    with pytest.raises(Corrupt):
        read_image(tmp_path / "a.bmp")


def test_grey_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = PIL.Image.fromarray(picture()[..., 0])
    for mode in ("L", "P", "1"):
        grey.convert(mode).save(tmp_path / "a.png")
        assert read_image(tmp_path / "a.png").shape == (5, 7, 3)


def test_transparency_is_blended_over_black(tmp_path: Path) -> None:
    PIL.Image.new("RGBA", (2, 2), (255, 255, 0, 51)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png")[0, 0], [0.2, 0.2, 0], atol=1e-6)


def test_a_larger_image_of_the_shape_is_scaled_down_in_8_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (90, 133, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    wanted = PIL.Image.fromarray(pixels).resize((66, 45), PIL.Image.Resampling.BICUBIC)
    found = read_image(tmp_path / "a.png", (66, 45))
    np.testing.assert_array_equal(np.rint(found * 255), np.asarray(wanted))
    for size in ((133, 90), (266, 180), (66, 60), (30, 45)):  # no larger one, or of another shape
        assert read_image(tmp_path / "a.png", size).shape == (90, 133, 3)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(Unsupported, match="8 bits"):
        read_image(tmp_path / "a.png")


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = zlib.compress(b"\0" * 1000)
    idat = struct.pack(">I", len(data)) + b"IDAT" + data
    return b"\x89PNG\r\n\x1a\n" + chunk + idat + struct.pack(">I", zlib.crc32(b"IDAT" + data))


@pytest.mark.parametrize("size", [(8001, 8000), (10_000, 10_000), (60_000, 60_000)])
def test_bombs_are_refused_by_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_header(*size))
    with pytest.raises(TooLarge):
        read_image(tmp_path / "a.png")
    with pytest.raises(TooLarge):
        image_size(tmp_path / "a.png")


def test_missing_and_empty_files_are_typed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(Corrupt):
        read_image(tmp_path / "a.png")
    with pytest.raises(UsageError):
        read_image(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_mutants_end_in_an_image_or_a_typed_error(
    tmp_path: Path, mutate: Callable[[bytes, np.random.Generator], bytes], suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    PIL.Image.fromarray(picture(20, 30)).save(path)
    data = path.read_bytes()
    rng = np.random.default_rng(1)
    errors = 0
    for _ in range(300):
        path.write_bytes(mutate(data, rng))
        try:
            assert read_image(path).shape[2] == 3
        except FlexgsError:
            errors += 1
    assert errors > 10
