# SPDX-License-Identifier: Apache-2.0
"""Targets are met on real bytes and decoded pictures; work can be stopped; threads are free."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.errors import SearchError, UsageError
from flexgs.image.encode import EncodeOptions, encode_picture
from flexgs.image.file import decode_image
from flexgs.image.pixels import Picture
from flexgs.image.render import render


def make_picture(width=64, height=48, channels=3):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.stack([np.sin(x / 5 + k) * np.cos(y / (6 + k)) for k in range(channels)], axis=2)
    edge = ((x - 30) ** 2 + (y - 20) ** 2 < 150)[..., None]
    return Picture((0.5 + 0.25 * waves + 0.2 * edge).astype(np.float32).clip(0, 1))


def shown_psnr(picture, data):
    shown = np.clip(render(decode_image(data)), 0, 1)
    return -10 * np.log10(np.mean((shown - picture.values) ** 2))


def encode(picture, **options):
    return encode_picture(picture, EncodeOptions(preset="fast", steps=60, threads=1, **options))


def test_a_size_is_kept_and_used():
    picture = make_picture()
    found = encode(picture, target_size=420)
    assert 0.85 * 420 <= len(found.data) <= 420
    assert found.reached
    assert abs(shown_psnr(picture, found.data) - found.pressed.psnr) < 1e-3


def test_a_size_is_of_the_file_in_squares():
    found = encode(make_picture(), target_size=460, tile=32)
    assert 0.8 * 460 < len(found.data) <= 460
    plain = encode(make_picture(), target_size=460)
    assert found.pressed.count < plain.pressed.count  # what the squares cost
    assert found.pressed.tiling is not None


def test_more_bits_a_pixel_are_better():
    picture = make_picture()
    low, high = (encode(picture, target_bpp=bits) for bits in (0.6, 1.8))
    assert len(low.data) <= 0.6 * 64 * 48 / 8
    assert high.pressed.psnr > low.pressed.psnr + 2


def test_a_psnr_is_reached_with_little_to_spare():
    picture = make_picture()
    found = encode(picture, target_psnr=28)
    assert 28 <= shown_psnr(picture, found.data) < 30


def test_a_count_is_kept():
    found = encode(make_picture(), count=50)
    assert 25 < found.pressed.count <= 50


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(channels):
    picture = make_picture(channels=channels)
    found = encode(picture, count=60)
    assert decode_image(found.data).channels == channels
    assert found.pressed.psnr > 20


def test_an_impossible_psnr_is_an_error_unless_best_effort():
    picture = Picture(np.random.default_rng(0).random((16, 16, 3)).astype(np.float32))
    with pytest.raises(SearchError, match="80 dB"):
        encode(picture, target_psnr=80)
    assert not encode(picture, target_psnr=80, best_effort=True).reached


def test_a_stop_leaves_a_file():
    asked = []

    def stop():
        asked.append(None)
        return len(asked) > 2

    picture = make_picture()
    options = EncodeOptions(target_bpp=1.0, preset="fast", threads=1)
    found = encode_picture(picture, options, stop=stop)
    assert shown_psnr(picture, found.data) > 10


def test_threads_do_not_change_a_byte():
    picture = make_picture()
    files = {
        encode_picture(
            picture, EncodeOptions(count=60, preset="fast", steps=40, threads=threads)
        ).data
        for threads in (1, 2)
    }
    assert len(files) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_psnr": 30, "count": 5},
        {"target_psnr": float("nan")},
        {"target_bpp": 0},
        {"count": 0},
        {"preset": "wild"},
        {"tile": 100},
    ],
)
def test_wrong_options(wrong):
    with pytest.raises(UsageError):
        EncodeOptions(**wrong)
