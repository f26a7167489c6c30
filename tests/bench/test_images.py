# SPDX-License-Identifier: Apache-2.0
"""The benchmark of images: other codecs' curves, one row a rate, the choices, the report."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from flexgs.bench.images import (
    CHOICES,
    CODECS,
    ChoiceRow,
    QuantiserRow,
    RateRow,
    images_folder,
    measure_rate,
    report_files,
    run_images,
)
from flexgs.bench.images.choices import measure_choices
from flexgs.bench.images.codecs import at_bytes, available, curve
from flexgs.bench.images.quantisers import WAYS, measure_quantisers
from flexgs.bench.images.rates import other_curves
from flexgs.errors import UsageError
from flexgs.image.encode import EncodeOptions
from flexgs.image.fit import FitOptions, FitResult, fit
from flexgs.image.pixels import Picture


def photo(channels: int = 3) -> Picture:
    rng = np.random.default_rng(2)
    smooth = gaussian_filter(rng.random((48, 64, channels)), (4, 4, 0))
    return Picture(np.clip(5 * (smooth - 0.5) + 0.5, 0, 1).astype(np.float32))


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_curve_rises_with_its_bytes(name: str, channels: int) -> None:
    if not available(name):
        pytest.skip(f"this Pillow has no {name}")
    pixels = np.rint(photo(channels).values * 255).astype(np.uint8)
    points = curve(pixels, name)
    assert len(points) == len(CODECS[name][2])
    assert points[-1][0] > points[0][0]
    assert points[-1][1] > points[0][1] + 3
    assert at_bytes(points, points[0][0] - 1) is None
    assert at_bytes(points, points[-1][0] + 1) is None


def test_a_row_is_measured_on_the_decoded_file() -> None:
    options = EncodeOptions(target_bpp=1.0, steps=15, preset="fast", best_effort=True, threads=1)
    picture = photo()
    row = measure_rate("photo", picture, 1.0, options, {"JPEG": [(10, 20.0), (10_000, 40.0)]})
    assert row.bpp == pytest.approx(row.size_bytes * 8 / (64 * 48))
    assert row.bpp <= 1.0
    assert row.psnr > 20
    assert 20 < (row.others["JPEG"] or 0) < 40
    with pytest.raises(UsageError, match="transparent"):
        other_curves(photo(4))


def test_every_choice_changes_something() -> None:
    default = FitOptions(100)
    for _, name, change in CHOICES[1:]:
        assert change(default) != default, name


def test_what_is_measured_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in images:
        Image.fromarray(np.rint(photo().values * 255).astype(np.uint8)).save(path)
    wishes = {1.0: EncodeOptions(target_bpp=1.0, steps=5, preset="fast", best_effort=True)}
    folder = tmp_path / "out"
    with images_folder(folder):
        first = run_images(images[:1], wishes, folder)
    calls: list[str] = []

    def measure(name: str, *given: Any) -> RateRow:
        calls.append(name)
        return replace(first.rates[0], image=name)

    monkeypatch.setattr("flexgs.bench.images.runner.measure_rate", measure)
    with images_folder(folder):
        both = run_images(images, wishes, folder)
    assert calls == ["b"]
    assert both.rates[0] == first.rates[0]
    more = {1.0: replace(wishes[1.0], steps=6)}
    run_images(images[:1], more, folder)
    assert calls == ["b", "a"]
    with pytest.raises(UsageError, match="one name"):
        run_images([images[0], tmp_path / "other" / "a.png"], wishes, folder)


@pytest.mark.slow
def test_all_choices_are_measured() -> None:
    rows, quantisers = measure_choices("photo", photo(), 40, 10, threads=1)
    assert rows[0].gain == 0
    assert {row.group for row in rows} >= {"start", "shapes", "growth", "loss", "file"}
    assert all(np.isfinite(row.psnr) for row in rows)
    assert [row.way for row in quantisers] == list(WAYS)


def test_quantisers_lose_less_at_more_bits() -> None:
    picture = photo()
    found = fit(picture.values, FitOptions(60, steps=40, threads=1))
    rows = measure_quantisers("photo", picture.values, found.splats, found.psnr)
    assert [row.way for row in rows] == list(WAYS)
    for row in rows:
        assert list(row.bits) == sorted(row.bits)
        assert row.psnr[-1] > row.psnr[0] + 0.5, row.way
        assert row.psnr[-1] < found.psnr + 0.2
    assert measure_quantisers("photo", photo(1).values, fit_grey().splats, 20) == []


def fit_grey() -> FitResult:
    return fit(photo(1).values, FitOptions(5, steps=1, threads=1))


def test_the_report_has_tables_curves_and_all_numbers() -> None:
    def row(image: str, rate: float, psnr: float, jpeg: float | None) -> RateRow:
        size = round(rate * 1000)
        return RateRow(image, rate, size, rate, 50, psnr, 1.0, 0.02, {"JPEG": jpeg, "AVIF": 33.0})

    rates = [
        row("a", 0.1, 25.0, None), row("b", 0.1, 27.0, 24.0),
        row("a", 0.5, 30.0, 29.0), row("b", 0.5, 32.0, 31.0),
    ]  # fmt: skip
    choices = [
        ChoiceRow("a", "all", "default", 30.0, 0.0, 2.0),
        ChoiceRow("a", "start", "random", 29.0, -1.0, 2.0),
    ]
    quantisers = [
        QuantiserRow("a", "one", (20.0, 40.0), (25.0, 29.0), 2.0),
        QuantiserRow("b", "one", (22.0, 42.0), (27.0, 31.0), None),
    ]
    files = report_files(rates, choices, quantisers, {"preset": "fast"})
    text = files["images.md"].decode()
    assert "| 0.1000 | 100 | 50 | 16.0 | 26.00 | 24.00 (1: 27.00) |" in text  # JPEG misses an image
    assert "| 0.5000 | 500 | 50 | 80.0 | 31.00 | 30.00 |" in text
    assert "| start | random | 29.00 | -1.00 |" in text
    assert "| one | 21.0: 26.00, 41.0: 30.00 | - |" in text
    read = list(csv.DictReader(io.StringIO(files["rates.csv"].decode())))
    assert [line["JPEG"] for line in read] == ["", "24.0", "29.0", "31.0"]
    assert len(json.loads(files["images.json"])["rates"]) == 4
    assert files["rates.svg"].startswith(b"<?xml")
    assert "choices.csv" not in report_files(rates, [], [], {})
