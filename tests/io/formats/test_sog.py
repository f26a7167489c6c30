# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import Corrupt, SceneError, UsageError
from flexgs.io.formats.sog import PRECISIONS, Precision, read_sog, write_sog
from flexgs.io.formats.sog.bounds import log_positions, robust_range
from flexgs.io.formats.sog.codebook import fit_codebook, nearest
from flexgs.io.formats.sog.palette import grow_tree, refine
from flexgs.io.formats.sog.pictures import Place, decode_picture, encode_picture
from tests.io.formats.pairs import alpha_error, angles, matched

Make = Callable[..., Splats]


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def meta_of(data: bytes) -> Any:
    return json.loads(files_of(data)["meta.json"])


def unpack(data: bytes, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(data).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 7, 60])
def test_few_values_come_back_within_a_step(random_splats: Make, degree: int, n: int) -> None:
    """Up to 256 kinds of a value the codebooks are exact, and positions and bytes are rounded."""
    splats = random_splats(n, degree)
    found = matched(read_sog(write_sog(splats).data).splats, splats)
    assert (found.n, found.degree, found.model) == (n, degree, "3dgs")
    logs = log_positions(splats.means)
    step = np.ptp(logs, axis=0) / 65535
    assert (np.abs(log_positions(found.means) - logs) <= 0.51 * step + 1e-6).all()
    assert angles(found, splats).max() < 0.02
    assert alpha_error(found, splats) <= 0.5 / 255 + 1e-6
    for name in ("log_scales", "sh") if n * 3 * (degree + 1) ** 2 <= 256 else ():
        assert getattr(found, name) == pytest.approx(getattr(splats, name), abs=1e-6)


def test_a_file_read_and_written_again_is_the_same_scene(random_splats: Make) -> None:
    once = read_sog(write_sog(random_splats(400)).data).splats
    again = matched(read_sog(write_sog(once).data).splats, once)
    for name in ("log_scales", "sh"):  # their codebooks hold every value
        assert getattr(again, name) == pytest.approx(getattr(once, name), abs=2e-6)
    assert np.abs(once.means - again.means).max() < 1e-6


def test_the_same_scene_gives_the_same_bytes(random_splats: Make) -> None:
    splats = random_splats(300)
    weights = np.random.default_rng(1).exponential(size=300)
    assert write_sog(splats, weights).data == write_sog(splats, weights).data


@pytest.mark.parametrize("model", ["3dgs", "mip", "2dgs"])
def test_the_model_is_kept(random_splats: Make, model: str) -> None:
    splats = random_splats(20, 0, model)
    found = matched(read_sog(write_sog(splats).data).splats, splats)
    assert found.model == model
    axes = 2 if model == "2dgs" else 3
    error = np.abs(found.log_scales - splats.log_scales)[:, :axes]
    assert error.max() < 1e-6
    if model == "2dgs":
        assert (found.log_scales[:, 2] < found.log_scales[:, :2].min(axis=1) - 10).all()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_stays_near(random_splats: Make, precision: Precision) -> None:
    splats = random_splats(50, 1)
    found = matched(read_sog(write_sog(splats, None, precision).data).splats, splats)
    step = np.ptp(log_positions(splats.means), axis=0) * 2.0**-precision.mean_bits
    away = np.abs(log_positions(found.means) - log_positions(splats.means))
    assert (away <= 0.51 * step + 1e-6).all()
    assert angles(found, splats).max() < 0.02 * 2.0 ** (8 - precision.quat_bits)
    assert alpha_error(found, splats) <= 0.51 / (2**precision.alpha_bits - 1) + 0.5 / 255


def test_coarser_is_smaller(random_splats: Make) -> None:
    splats = random_splats(2000)
    sizes = [len(write_sog(splats, None, precision).data) for precision in PRECISIONS]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.7 * sizes[0]


def test_rows_of_pictures_follow_the_specification(random_splats: Make) -> None:
    """Decoded here by hand, byte by byte."""
    splats = random_splats(3, 1)
    data = write_sog(splats).data
    meta, files = meta_of(data), files_of(data)
    assert meta["version"] == 2
    assert meta["count"] == 3

    def pixels(name: str) -> Any:
        return decode_picture(files[name], Place("", name), (1, 10**6))

    width, low = pixels("means_l.webp")
    high = pixels("means_u.webp")[1]
    assert width == 4
    found = matched(read_sog(data).splats, splats)
    order = [
        int(np.abs(found.means - row).sum(axis=1).argmin()) for row in read_sog(data).splats.means
    ]
    for pixel, row in enumerate(order):
        for axis in range(3):
            t = (int(high[pixel, axis]) << 8 | int(low[pixel, axis])) / 65535
            lo, hi = meta["means"]["mins"][axis], meta["means"]["maxs"][axis]
            v = lo + (hi - lo) * t
            assert np.sign(v) * np.expm1(abs(v)) == pytest.approx(splats.means[row, axis], abs=1e-4)
            index = pixels("scales.webp")[1][pixel, axis]
            assert meta["scales"]["codebook"][index] == pytest.approx(splats.log_scales[row, axis])
            index = pixels("sh0.webp")[1][pixel, axis]
            assert meta["sh0"]["codebook"][index] == pytest.approx(splats.sh[row, 0, axis])
        alpha = pixels("sh0.webp")[1][pixel, 3] / 255
        assert alpha == pytest.approx(sigmoid(splats.opacity_logits[row]), abs=0.5 / 255 + 1e-6)
        label = pixels("shN_labels.webp")[1][pixel]
        entry = int(label[0]) | int(label[1]) << 8
        width, centroids = pixels("shN_centroids.webp")
        assert width == 64 * 3
        for j in range(3):
            values = [meta["shN"]["codebook"][i] for i in centroids[entry * 3 + j, :3]]
            assert values == pytest.approx(splats.sh[row, 1 + j].tolist(), abs=1e-6)
        x, y, z, tag = (int(v) for v in pixels("quats.webp")[1][pixel])
        quat = [(v / 255 * 2 - 1) / np.sqrt(2) for v in (x, y, z)]
        quat.insert(tag - 252, np.sqrt(1 - sum(v * v for v in quat)))
        unit = splats.quats[row] / np.linalg.norm(splats.quats[row])
        assert abs(float(np.dot(quat, unit))) == pytest.approx(1, abs=1e-4)


def test_a_folder_and_its_meta_json_are_read_like_the_archive(
    random_splats: Make, tmp_path: Path
) -> None:
    data = write_sog(random_splats(30)).data
    (tmp_path / "x.sog").write_bytes(data)
    folder = unpack(data, tmp_path / "x")
    expected = read_sog(data).splats
    for source in (tmp_path / "x.sog", folder, folder / "meta.json", str(folder)):
        found = read_sog(source).splats
        assert np.array_equal(found.means, expected.means)
        assert np.array_equal(found.sh, expected.sh)


def test_an_archive_of_a_folder_is_read(random_splats: Make) -> None:
    data = write_sog(random_splats(5)).data
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files_of(data).items():
            archive.writestr(f"scene/{name}", content)
    assert np.array_equal(read_sog(out.getvalue()).splats.sh, read_sog(data).splats.sh)


def version_1(data: bytes) -> bytes:
    """A version 1 file with even steps out of one of version 2 (its values become others)."""
    files, meta = files_of(data), meta_of(data)
    old = {
        "means": {**meta["means"], "shape": [meta["count"], 3]},
        "scales": {"mins": [-6, -5, -4], "maxs": [-1, 0, 1], "files": ["scales.webp"]},
        "quats": meta["quats"],
        "sh0": {"mins": [-1, -1, -1, -4], "maxs": [1, 2, 3, 5], "files": ["sh0.webp"]},
        "shN": {"mins": -0.5, "maxs": 0.5, "files": meta["shN"]["files"]},
    }
    return archive_of({**files, "meta.json": json.dumps(old).encode()})


def archive_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_version_1_steps_evenly_between_its_ends(random_splats: Make, degree: int) -> None:
    data = write_sog(random_splats(40, degree)).data
    splats = read_sog(version_1(data)).splats
    assert (splats.n, splats.degree) == (40, degree)
    sh0, scales = (
        decode_picture(files_of(data)[name], Place("", ""), (1, 10**4))[1][:40].astype(float)
        for name in ("sh0.webp", "scales.webp")
    )
    assert splats.opacity_logits == pytest.approx(-4 + 9 * sh0[:, 3] / 255, abs=1e-5)
    assert splats.sh[:, 0, 2] == pytest.approx(-1 + 4 * sh0[:, 2] / 255, abs=1e-5)
    assert splats.log_scales[:, 1] == pytest.approx(-5 + 5 * scales[:, 1] / 255, abs=1e-5)
    assert np.abs(splats.sh[:, 1:]).max() <= 0.5


def streamed(parts: list[bytes], folder: Path, table: dict[str, Any]) -> Path:
    for number, data in enumerate(parts):
        unpack(data, folder / f"part_{number}")
    names = [f"part_{number}/meta.json" for number in range(len(parts))]
    (folder / "lod-meta.json").write_text(json.dumps({"filenames": names, **table}))
    return folder


def span(file: int, offset: int, count: int) -> dict[str, int]:
    return {"file": file, "offset": offset, "count": count}


def test_a_streamed_scene_is_read_at_a_level(random_splats: Make, tmp_path: Path) -> None:
    parts = [write_sog(random_splats(n, d, seed=n)).data for n, d in ((20, 2), (6, 1), (4, 0))]
    leaves = [
        {"lods": {"0": span(0, 0, 12), "1": span(1, 3, 3)}},
        {"children": [{"lods": {"0": span(0, 15, 5)}}]},  # has no level 1
    ]
    table = {"lodLevels": 2, "tree": {"children": leaves}, "environment": "part_2/meta.json"}
    folder = streamed(parts, tmp_path / "s", table)
    whole = [read_sog(part).splats for part in parts]
    fine = read_sog(folder).splats
    rows = [*range(12), *range(15, 20)]
    assert np.array_equal(fine.means, np.concatenate([whole[0].means[rows], whole[2].means]))
    assert fine.degree == 2
    assert not fine.sh[17:, 1:].any()
    coarse = read_sog(folder / "lod-meta.json", level=1).splats
    expected = [whole[0].means[15:20], whole[1].means[3:], whole[2].means]
    assert np.array_equal(coarse.means, np.concatenate(expected))
    with pytest.raises(UsageError, match="no such level"):
        read_sog(folder, level=2)


@pytest.mark.parametrize(
    "lods",
    [
        {"0": span(0, 0, 21)},
        {"0": span(0, -1, 2)},
        {"0": span(1, 0, 2)},
        {"0": {"file": 0}},
        {"0": []},
    ],
)
def test_ranges_outside_are_refused(random_splats: Make, tmp_path: Path, lods: Any) -> None:
    table = {"lodLevels": 1, "tree": {"lods": lods}}
    folder = streamed([write_sog(random_splats(20, 0)).data], tmp_path / "s", table)
    with pytest.raises(Corrupt):
        read_sog(folder)


def test_what_is_lost_is_counted(random_splats: Make) -> None:
    splats = random_splats(4000, 1)
    logits = splats.opacity_logits.copy()
    logits[:5] = -9
    means = splats.means.copy()
    means[7] = (9e6, 0, 0)
    weights = np.ones(4000)
    weights[7] = 0
    far = replace(splats, opacity_logits=logits, means=means)
    losses = {
        loss.what.split()[0]: loss for loss in write_sog(far, weights, Precision(palette=64)).losses
    }
    assert losses["opacities"].count == 5
    assert losses["positions"].count == 1
    assert losses["positions"].worst == pytest.approx(9e6, rel=1e-3)
    assert losses["view-dependent"].count == 4000
    found = read_sog(write_sog(far, weights).data).splats
    assert np.abs(found.means).max() < 10


def test_weights_decide_what_is_kept(random_splats: Make) -> None:
    splats = random_splats(3000, 1)
    weights = np.where(np.arange(3000) % 10 == 0, 1.0, 0.0)
    errors = []
    for given in (weights, None):
        data = write_sog(splats, given, Precision(palette=200)).data
        found = read_sog(data).splats
        near = ((splats.means[::10, None] - found.means[None]) ** 2).sum(axis=2).argmin(axis=1)
        errors.append(float(((found.sh[near] - splats.sh[::10]) ** 2).mean()))
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("weights", [np.ones(3), np.full(4, np.nan)])
def test_weights_that_do_not_fit_are_refused(random_splats: Make, weights: Any) -> None:
    with pytest.raises(SceneError, match="weights"):
        write_sog(random_splats(4), weights)


def test_nothing_is_written_of_no_gaussians(random_splats: Make) -> None:
    with pytest.raises(SceneError):
        write_sog(random_splats(4).select(np.zeros(4, bool)))


def test_a_scene_without_view_dependence_needs_no_palette(random_splats: Make) -> None:
    splats = random_splats(10)
    flat = replace(splats, sh=splats.sh * (np.arange(16) == 0)[:, None])
    data = write_sog(flat).data
    assert "shN" not in meta_of(data)
    assert read_sog(data).splats.degree == 0


def test_one_gaussian_many_times(random_splats: Make) -> None:
    splats = random_splats(1).select(np.zeros(500, int))
    found = read_sog(write_sog(splats).data).splats
    assert np.abs(found.sh - splats.sh).max() < 1e-6
    assert np.abs(found.means - splats.means).max() < 1e-6


def test_transparent_pixels_keep_their_colours() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 4), dtype=np.uint8)
    pixels[::2, :, 3] = 0
    found = decode_picture(encode_picture(pixels), Place("", ""), (96, 96))[1]
    assert np.array_equal(found.reshape(pixels.shape), pixels)


def test_codebooks_beat_even_steps() -> None:
    values = np.random.default_rng(0).laplace(size=20_000).astype(np.float32)
    book = fit_codebook(values, np.ones_like(values), 32)
    even = np.linspace(values.min(), values.max(), 32).astype(np.float32)
    errors = [
        ((b[nearest(b, values)] - values) ** 2).mean()
        for b in (book, np.pad(even, (0, 224), "edge"))
    ]
    assert errors[0] < 0.3 * errors[1]
    assert (np.diff(book) >= 0).all()


def test_nearest_is_nearest() -> None:
    book = np.sort(np.random.default_rng(0).normal(size=256)).astype(np.float32)
    values = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    found = np.abs(book[nearest(book, values)] - values)
    assert found == pytest.approx(np.abs(book - values[..., None]).min(axis=-1), abs=1e-6)


def test_errors_of_the_tree_are_those_of_its_palettes() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(500, 6)).astype(np.float32)
    weights = rng.exponential(size=500).astype(np.float32)
    tree = grow_tree(rows, weights, 100)
    for size in (1, 2, 17, 100):
        labels, entries = tree.labels(size)
        assert entries == size
        error = 0.0
        for entry in range(entries):
            own = labels == entry
            mean = np.average(rows[own], axis=0, weights=weights[own])
            error += float((weights[own, None] * (rows[own] - mean) ** 2).sum())
        assert tree.errors[size - 1] == pytest.approx(error, rel=1e-3)
    assert (np.diff(tree.errors) <= 1e-3).all()


def test_refining_lowers_the_error_and_is_near_plain_lloyd() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(40, 5))
    rows = (centres[rng.integers(0, 40, 4000)] + 0.3 * rng.normal(size=(4000, 5))).astype(
        np.float32
    )
    weights = np.ones(4000, np.float32)
    tree = grow_tree(rows, weights, 128)
    errors = []
    for steps in (0, 3):
        palette, labels = refine(rows, weights, tree, 128, steps)
        errors.append(float(((rows - palette[labels]) ** 2).sum()))
    start = palette
    for _ in range(3):  # all rows against all entries, from where the tree ends
        away = ((rows[:, None] - start[None]) ** 2).sum(axis=2)
        own = away.argmin(axis=1)
        start = np.stack(
            [rows[own == e].mean(axis=0) for e in range(len(start)) if (own == e).any()]
        )
    best = float(((rows[:, None] - start[None]) ** 2).sum(axis=2).min(axis=1).sum())
    assert errors[1] < 0.95 * errors[0]
    assert errors[1] < 1.1 * best


def test_a_robust_range_moves_nobody_without_need() -> None:
    logs = log_positions(np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32))
    ones = np.ones(5000, np.float32)
    low, high = robust_range(logs, ones * 0.01, ones)
    assert np.array_equal(low, logs.min(axis=0))
    assert np.array_equal(high, logs.max(axis=0))


def test_reading_needs_no_clustering_and_no_compiler() -> None:
    code = (
        "import sys; from flexgs.io.formats.sog import read_sog, write_sog;"
        "bad = {'torch', 'numba', 'PIL'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


REAL = {
    "playbot-sog2": (31_000, 2, {}),
    "pcblocks-sog1": (185_761, 3, {}),
    "flowers-streamed-sog": (542_104, 2, {}),
    "flowers-streamed-sog/lod-meta.json": (26_895, 2, {"level": 3}),
}


@pytest.mark.parametrize("name", REAL)
def test_scenes_of_other_tools_are_read(data_dir: Path, name: str) -> None:
    path = data_dir / "formats" / name
    if not path.exists():
        pytest.skip(f"no {name} here")
    n, degree, options = REAL[name]
    splats = read_sog(path, **options).splats
    assert (splats.n, splats.degree, splats.model) == (n, degree, "3dgs")
    assert np.linalg.norm(splats.quats, axis=1) == pytest.approx(1, abs=0.01)
    assert np.ptp(splats.means, axis=0).min() > 0.4
    assert 0.3 < sigmoid(splats.opacity_logits).mean() < 0.95
