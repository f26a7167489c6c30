# SPDX-License-Identifier: Apache-2.0
"""Levels of an image: the gradient, the fit, the file and its prefixes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from flexgs.errors import FormatError, Truncated, UsageError
from flexgs.image.coding.symbols import Plan
from flexgs.image.encode import EncodeOptions
from flexgs.image.file.unpack import decode_image
from flexgs.image.model import ImageSplats
from flexgs.image.pixels import Picture
from flexgs.image.pyramid import Pyramid, PyramidFile, decode_pyramid, render_pyramid
from flexgs.image.pyramid.encode import encode_pyramid
from flexgs.image.pyramid.file import pack_pyramid, read_pyramid_head
from flexgs.image.pyramid.fit import PyramidOptions, fit_pyramid
from flexgs.image.pyramid.gradient import level_gradients, level_targets
from flexgs.image.pyramid.model import from_level, needed_levels, reduced, to_level
from flexgs.image.pyramid.press import level_plans, press_pyramid
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]
WIDTH, HEIGHT = 63, 46  # not multiples of 4


def picture() -> F32:
    """Soft shapes and some fine detail."""
    rng = np.random.default_rng(3)
    smooth = gaussian_filter(rng.random((HEIGHT, WIDTH, 3)), (5, 5, 0))
    fine = gaussian_filter(rng.random((HEIGHT, WIDTH, 3)), (1, 1, 0))
    mixed = 4 * (smooth - 0.5) + 0.5 * (fine - 0.5) + 0.5
    return np.clip(mixed, 0, 1).astype(np.float32)


def some_splats(n: int = 30) -> ImageSplats:
    rng = np.random.default_rng(1)
    low, high = rng.uniform(0.6, 5, (2, n))
    cholesky = np.stack([low, rng.normal(0, 1, n), high], axis=1)
    means = rng.random((n, 2)) * [WIDTH, HEIGHT]
    return ImageSplats(means, cholesky, rng.normal(0, 0.4, (n, 3)), None, WIDTH, HEIGHT)


def psnr(one: F32, other: F32) -> float:
    return float(-10 * np.log10(np.mean((np.clip(one, 0, 1) - other) ** 2)))


@pytest.fixture(scope="module")
def encoded() -> bytes:
    options = EncodeOptions(count=200, steps=60, preset="fast", threads=1)
    return encode_pyramid(Picture(picture()), options, 3).pressed.data


@pytest.mark.parametrize("name", ["means", "cholesky", "colors"])
@pytest.mark.parametrize("level", [0, 1])
def test_the_gradient_through_widening_is_that_of_differences(name: str, level: int) -> None:
    """Of sums over all Gaussians in a random direction: float32 pictures are too coarse for one."""
    target = level_targets(picture(), 3, 0.25)[level]
    splats = some_splats()
    slope = getattr(level_gradients(splats, target), name).astype(np.float64)
    direction = np.random.default_rng(5).normal(size=slope.shape) * np.abs(slope)
    direction /= np.abs(direction).max()
    step = 2e-3

    def energy(way: int) -> float:
        moved = getattr(splats, name) + np.float32(way * step) * direction.astype(np.float32)
        shown = render(to_level(replace(splats, **{name: moved}), target.halvings))
        return float(0.5 * np.sum((shown.astype(np.float64) - target.image) ** 2))

    differences = (energy(1) - energy(-1)) / (2 * step)
    assert float((slope * direction).sum()) == pytest.approx(differences, rel=0.02)


def test_levels_are_means_of_areas_and_stored_as_drawn() -> None:
    image = picture()
    small = reduced(image, 2)
    assert small.shape == (12, 16, 3)
    np.testing.assert_allclose(small[0, 0], image[:4, :4].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(
        small[-1, -1, 0], image[44:, 60:, 0][[0, 1, 1, 1]][:, [0, 1, 2, 2]].mean(), rtol=1e-5
    )
    splats = some_splats()
    back = from_level(to_level(splats, 2), 2, WIDTH, HEIGHT)
    np.testing.assert_array_equal(back.means, splats.means)
    thick = splats.cholesky[:, [0, 2]].min(axis=1) > 2  # half a pixel of the level
    np.testing.assert_allclose(back.cholesky[thick], splats.cholesky[thick], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(back.colors[thick], splats.colors[thick], rtol=1e-4, atol=1e-4)
    weights = (
        each.colors * (each.cholesky[:, [0]] * each.cholesky[:, [2]]) for each in (back, splats)
    )
    np.testing.assert_allclose(*weights, rtol=1e-4, atol=1e-4)


def test_levels_trained_together_beat_levels_trained_one_by_one() -> None:
    image = picture()
    options = PyramidOptions(200, steps=150, threads=1)
    joint = fit_pyramid(image, options)
    apart = fit_pyramid(image, replace(options, joint=False))
    assert joint.psnr[-1] > apart.psnr[-1] + 0.1
    assert joint.psnr[0] > apart.psnr[0]
    assert joint.psnr[0] > 24
    whole = render_pyramid(joint.pyramid)
    assert psnr(whole, image) == pytest.approx(joint.psnr[-1], abs=0.01)
    assert joint.pyramid.n == pytest.approx(200, abs=3)


def test_no_gaussian_is_thinner_than_its_own_level_can_show() -> None:
    options = PyramidOptions(300, steps=60, threads=1)
    found = fit_pyramid(picture(), options)
    for halvings, level in zip((2, 1, 0), found.pyramid.levels, strict=True):
        least = options.schedule.least_scale * 2**halvings
        assert level.cholesky[:, [0, 2]].min() >= np.float32(least)


def test_a_fit_is_the_same_for_any_number_of_threads() -> None:
    options = PyramidOptions(60, levels=2, steps=20)
    one, two = (fit_pyramid(picture(), replace(options, threads=t)).pyramid for t in (1, 2))
    for first, second in zip(one.levels, two.levels, strict=True):
        np.testing.assert_array_equal(first.means, second.means)


def test_options_out_of_range_are_refused() -> None:
    for wrong in ({"levels": 9}, {"levels": 0}, {"count": 0}, {"steps": 2}, {"share": 2.0}):
        with pytest.raises(UsageError):
            PyramidOptions(**{"count": 10, "levels": 3, **wrong})  # type: ignore[arg-type]


def test_every_prefix_of_complete_levels_is_a_preview(encoded: bytes) -> None:
    head = read_pyramid_head(encoded)
    whole = decode_pyramid(encoded)
    assert (head.width, head.height, head.total) == (WIDTH, HEIGHT, 3)
    for count in (1, 2, 3):
        for size in (head.offset(count), min(head.offset(count) + 5, len(encoded))):
            preview = decode_pyramid(encoded[:size])
            assert len(preview.levels) == count
            for level, same in zip(preview.levels, whole.levels, strict=False):
                np.testing.assert_array_equal(level.means, same.means)
    with pytest.raises(Truncated):
        decode_pyramid(encoded[: head.offset(1) - 1])
    for size in range(head.size):
        with pytest.raises(Truncated):
            decode_pyramid(encoded[:size])


def test_previews_get_better_and_fit_their_own_scale(encoded: bytes) -> None:
    image, head = picture(), read_pyramid_head(encoded)
    found = [
        psnr(render_pyramid(decode_pyramid(encoded[: head.offset(k)])), image) for k in (1, 2, 3)
    ]
    assert found[0] + 1 < found[1] + 0.5 < found[2]
    small = render(to_level(decode_pyramid(encoded, zoom=0.25).splats(0.25), 2))
    assert psnr(small, reduced(image, 2)) > found[0] + 1.5


def test_a_small_picture_reads_only_the_levels_it_needs(encoded: bytes) -> None:
    asked: list[tuple[int, int]] = []

    def read(offset: int, count: int) -> bytes:
        asked.append((offset, count))
        return encoded[offset : offset + count]

    file = PyramidFile(read, len(encoded))
    shown = render_pyramid(file.pyramid(zoom=0.25), zoom=0.25)
    assert shown.shape == (12, 16, 3)
    assert file.bytes_read == file.head.offset(1)
    assert max(offset + count for offset, count in asked[1:]) <= file.head.offset(1)
    assert needed_levels(3, 0.5) == 2


def test_a_plain_file_is_a_pyramid_of_one_level(encoded: bytes) -> None:
    head = read_pyramid_head(encoded)
    plain = encoded[head.offset(2) :]
    file = PyramidFile(lambda o, n: plain[o : o + n], len(plain))
    found = file.pyramid()
    assert (found.total, file.reached, file.bytes_read) == (1, 1, len(plain))
    np.testing.assert_array_equal(found.levels[0].means, decode_image(plain).means)


def test_coarse_levels_leave_to_finer_ones_what_is_theirs() -> None:
    fitted = fit_pyramid(picture(), PyramidOptions(200, steps=60, threads=1))
    image = np.clip(render_pyramid(fitted.pyramid), 0, 1)
    plans = level_plans(image, 36, fitted.pyramid)
    plain, swept = (press_pyramid(image, plans, fitted.pyramid, n, lambda: False) for n in (0, 4))
    assert swept.psnr > plain.psnr + 2


def test_levels_are_fgi_files_of_their_own(encoded: bytes) -> None:
    head = read_pyramid_head(encoded)
    first = decode_image(encoded[head.size : head.offset(1)])
    assert (first.width, first.height) == (16, 12)


def test_damage_is_found(encoded: bytes) -> None:
    rng = np.random.default_rng(0)
    for at in [*range(40), *rng.integers(40, len(encoded), 40)]:
        broken = bytearray(encoded)
        broken[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(FormatError):
            decode_pyramid(bytes(broken))
    with pytest.raises(FormatError):
        decode_pyramid(encoded + b"x")


def test_levels_of_the_wrong_size_or_colours_are_refused(encoded: bytes) -> None:
    head = read_pyramid_head(encoded)
    levels = [encoded[head.offset(k) : head.offset(k + 1)] for k in range(3)]
    with pytest.raises(FormatError, match="another size"):
        decode_pyramid(pack_pyramid(WIDTH, HEIGHT, 3, [levels[0], levels[0], levels[2]]))
    with pytest.raises(FormatError):
        decode_pyramid(pack_pyramid(WIDTH, HEIGHT, 3, [b"", levels[1], levels[2]]))


@pytest.mark.parametrize(
    "options",
    [EncodeOptions(target_psnr=25.0, preset="fast", steps=40, threads=1),
     EncodeOptions(target_size=700, preset="fast", steps=40, threads=1),
     EncodeOptions(target_bpp=1.5, preset="fast", steps=40, threads=1)],
    ids=["psnr", "size", "bpp"],
)  # fmt: skip
def test_targets_are_reached(options: EncodeOptions) -> None:
    image = picture()
    found = encode_pyramid(Picture(image), options, 2)
    shown = psnr(render_pyramid(decode_pyramid(found.pressed.data)), image)
    assert shown == pytest.approx(found.pressed.psnr, abs=1e-3)
    assert found.reached
    if options.target_psnr is not None:
        assert shown >= 25.0
    if options.target_size is not None:
        assert 0.8 * 700 <= len(found.pressed.data) <= 700
    if options.target_bpp is not None:
        assert len(found.pressed.data) * 8 <= 1.5 * WIDTH * HEIGHT


def test_the_same_bytes_for_any_number_of_threads() -> None:
    options = EncodeOptions(count=60, steps=15, preset="fast")
    one, two = (
        encode_pyramid(Picture(picture()), replace(options, threads=t), 2).pressed.data
        for t in (1, 2)
    )
    assert one == two


def test_ended_early_a_file_has_all_levels() -> None:
    heard: list[int] = []

    def stop() -> bool:
        return len(heard) > 2

    options = EncodeOptions(count=100, steps=60, preset="fast", threads=1)
    found = encode_pyramid(
        Picture(picture()), options, 3, report=lambda m: heard.append(m.step), stop=stop
    )
    assert len(decode_pyramid(found.pressed.data).levels) == 3


def test_a_tiled_pyramid_reads_less_for_a_crop() -> None:
    options = EncodeOptions(count=200, steps=30, preset="fast", tile=32, threads=1)
    data = encode_pyramid(Picture(picture()), options, 2).pressed.data
    file = PyramidFile(lambda o, n: data[o : o + n], len(data))
    crop = (0, 0, 8, 8)
    part = render_pyramid(file.pyramid(crop=crop), crop)
    np.testing.assert_array_equal(part, render_pyramid(decode_pyramid(data), crop))
    assert file.bytes_read < len(data)


def test_levels_of_different_images_make_no_pyramid() -> None:
    assert Plan(4, 4, 3, 0).step == 1.0
    with pytest.raises(Exception, match="not the levels"):
        Pyramid((some_splats(), to_level(some_splats(), 1)), 2)
