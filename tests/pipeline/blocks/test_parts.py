# SPDX-License-Identifier: Apache-2.0
"""The parts that compression in blocks is made of: cutting, looking, contexts, shares, memory."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from flexgs.container import Section
from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.errors import SceneError, UsageError
from flexgs.io import ply, write_ply
from flexgs.limits import DEFAULT_LIMITS
from flexgs.pipeline.blocks import memory
from flexgs.pipeline.blocks.sights import choose_context, share_error
from flexgs.pipeline.blocks.stored import tables
from flexgs.pipeline.blocks.stored.cutting import cut, even_counts, survey
from flexgs.pipeline.blocks.stored.looking import OutOfSight, TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables, splats_to_rows
from flexgs.pipeline.blocks.work.context import ContextRenderer
from flexgs.pipeline.blocks.work.tasks import load_sections, save_sections
from flexgs.progress import SILENT
from flexgs.render import get_renderer, zero_parameters
from tests.pipeline.conftest import make_cameras, make_splats

COUNT = 900


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several pieces of a file, several pages of a table."""
    monkeypatch.setattr(ply, "_BLOCK_ROWS", 64)
    monkeypatch.setattr(ply, "PIECE_ROWS", 256)
    monkeypatch.setattr(tables, "PAGE", 32)


def cut_scene(path: Path, parts: int, folder: Path, drop_invalid: bool = False) -> Tables:
    surveyed = survey(path, drop_invalid, DEFAULT_LIMITS, SILENT)
    counts = even_counts(len(surveyed.means), parts)
    return cut(path, surveyed, counts, folder, drop_invalid, DEFAULT_LIMITS, SILENT)


def scene(folder: Path) -> tuple[Splats, Tables]:
    splats = make_splats(COUNT)
    write_ply(folder / "scene.ply", splats)
    return splats, cut_scene(folder / "scene.ply", 3, folder / "tables")


def rows_sorted(splats: list[Splats]) -> np.ndarray:
    rows = np.concatenate([splats_to_rows(part) for part in splats])
    return rows[np.lexsort(rows.T)]


@pytest.mark.usefixtures("small_pieces")
def test_cutting_keeps_every_gaussian_and_neighbours_together(tmp_path: Path) -> None:
    splats, cut_up = scene(tmp_path)
    parts = [cut_up.read(index) for index in range(3)]
    assert cut_up.counts == (300, 300, 300)
    np.testing.assert_array_equal(rows_sorted(parts), rows_sorted([splats]))
    extent = np.prod(np.ptp(splats.means, axis=0))
    assert sum(np.prod(np.ptp(part.means, axis=0)) for part in parts) < 1.9 * extent
    numbers = np.array([0, 5, 299, 300, 650])
    expected = [parts[0].means[[0, 5, 299]], parts[1].means[[0]], parts[2].means[[50]]]
    np.testing.assert_array_equal(cut_up.take(numbers).means, np.concatenate(expected))


@pytest.mark.usefixtures("small_pieces")
def test_bad_rows_are_named_or_dropped_wherever_they_are(tmp_path: Path) -> None:
    splats = make_splats(COUNT)
    means = np.array(splats.means)
    means[700] = np.nan
    write_ply(tmp_path / "scene.ply", replace(splats, means=means))
    with pytest.raises(SceneError, match="Gaussian 700"):
        survey(tmp_path / "scene.ply", False, DEFAULT_LIMITS, SILENT)
    cut_up = cut_scene(tmp_path / "scene.ply", 2, tmp_path / "tables", drop_invalid=True)
    assert cut_up.n == COUNT - 1
    surveyed = survey(tmp_path / "scene.ply", True, DEFAULT_LIMITS, SILENT)
    assert surveyed.notes == ("1 invalid Gaussians dropped",)


@pytest.mark.usefixtures("small_pieces")
def test_activated_values_are_refused_over_all_pieces(tmp_path: Path) -> None:
    splats = make_splats(COUNT)
    alphas = np.linspace(0.1, 0.9, COUNT, dtype=np.float32)
    write_ply(tmp_path / "scene.ply", replace(splats, opacity_logits=alphas))
    with pytest.raises(SceneError, match="already activated"):
        survey(tmp_path / "scene.ply", False, DEFAULT_LIMITS, SILENT)


def inside() -> Camera:
    """A camera in the middle of the scene, Gaussians all around and at its very lens."""
    pose = look_at([0.1, 0.0, 0.2], [1.0, 0.1, 0.0], [0, -1, 0])
    return Camera("inside", 64, 48, 40, 40, 30, 20, pose)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("camera", [*make_cameras(3), inside()], ids=lambda c: c.name)
def test_tables_look_as_the_scene_does(tmp_path: Path, camera: Camera) -> None:
    splats, cut_up = scene(tmp_path)
    renderer = get_renderer("cpu", 1)
    looker = TableRenderer(renderer, COUNT)
    image = renderer.render(splats, camera)
    assert image.any()
    np.testing.assert_allclose(looker.render(cut_up, camera), image, atol=2e-6)
    whole = [cut_up.take(np.arange(COUNT))]
    found, numbers = looker.contributions(cut_up, camera)
    expected = renderer.contributions(whole[0], camera)
    for field in ("removal", "blend", "hits"):
        values = np.zeros(COUNT, np.float32)
        values[numbers] = getattr(found, field)
        np.testing.assert_allclose(values, getattr(expected, field), rtol=1e-3, atol=1e-4)


def test_a_view_of_too_much_is_refused(tmp_path: Path) -> None:
    _, cut_up = scene(tmp_path)
    with pytest.raises(OutOfSight, match="too much"):
        TableRenderer(get_renderer("cpu", 1), 100).render(cut_up, make_cameras(1)[0])


def test_a_context_stands_in_the_picture_and_is_left_alone() -> None:
    splats, renderer, camera = make_splats(COUNT), get_renderer("cpu", 1), make_cameras(1)[0]
    own, context = splats.select(slice(0, 500)), splats.select(slice(500, None))
    among = ContextRenderer(renderer, context)
    np.testing.assert_array_equal(among.render(own, camera), renderer.render(splats, camera))
    for found, expected in (
        (among.contributions(own, camera), renderer.contributions(splats, camera)),
        (among.fisher(own, camera)[0], renderer.fisher(splats, camera)[0]),
    ):
        for field in fields(found):
            part = getattr(expected, field.name)[:500]
            np.testing.assert_array_equal(getattr(found, field.name), part)
    target = np.full((camera.height, camera.width, 3), 0.3, np.float32)
    own_gradient, gradient = zero_parameters(own), zero_parameters(splats)
    removal = among.misfit(own, camera, target, own_gradient)
    np.testing.assert_array_equal(removal, renderer.misfit(splats, camera, target, gradient)[:500])
    np.testing.assert_array_equal(own_gradient.means, gradient.means[:500])
    own_total, total = np.zeros((500, 10, 10), np.float32), np.zeros((COUNT, 10, 10), np.float32)
    among.blocks(own, camera, own_total)
    renderer.blocks(splats, camera, total)
    np.testing.assert_array_equal(own_total, total[:500])


def test_a_context_without_room_is_thinned_evenly() -> None:
    total = np.concatenate([np.full(10, 9.0), np.full(90, 1.0), np.full(50, 0.1)])
    numbers, growth, complete = choose_context(total.astype(np.float32), 40)
    assert not complete
    assert len(numbers) <= 40
    assert set(range(10)) <= set(numbers.tolist())
    assert numbers.max() < 100
    stand_ins = growth > 0
    assert np.exp(2 * growth[stand_ins]).sum() == pytest.approx(80, abs=4)  # area is kept


def test_error_is_shared_out_by_one_threshold() -> None:
    scores = np.array([1, 1, 1, 100, 1, 50, 60, 70], np.float32)
    owner = np.repeat(np.arange(2, dtype=np.int32), 4)
    np.testing.assert_allclose(share_error(scores, owner, 2, 3.5), [0.75, 0.25])
    np.testing.assert_allclose(share_error(np.zeros(8, np.float32), owner, 2, 1.0), [0.5, 0.5])


def test_sizes_follow_the_bound() -> None:
    small, large = (memory.plan_sizes(b * 10**9, 10**6, 16, 10**6, 0) for b in (1, 2))
    assert 2 * small.block < large.block
    assert all(getattr(small, f.name) < getattr(large, f.name) for f in fields(small))
    row = memory.table_bytes(16)
    taken = large.block * memory.REDUCED_TABLES * row + large.context * memory.CONTEXT_TABLES * row
    assert taken + memory.BASE < 2e9
    with pytest.raises(UsageError, match="too small"):
        memory.plan_sizes(memory.BASE, 10**6, 16, 10**6, 0)


def test_sections_come_back_from_their_file(tmp_path: Path) -> None:
    sections = [Section(0x80, 1, b"abc", 3, 0, 0), Section(0x81, 1, b"", 7, 2, 1)]
    save_sections(tmp_path / "s.npz", sections)
    assert load_sections(tmp_path / "s.npz") == sections
