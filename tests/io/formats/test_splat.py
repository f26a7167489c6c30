# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.sh import SH_C0
from flexgs.errors import SceneError, TooLarge, Truncated
from flexgs.io.formats.splat import read_splat, write_splat
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants, outcome
from tests.io.formats.pairs import alpha_error, angles, matched

Make = Callable[..., Splats]

HALF = 0.5 / 255 * 1.001


def test_a_row_is_read_as_specified() -> None:
    row = struct.pack("<6f8B", 1, -2, 3, 0.5, 1, 2, 255, 0, 51, 102, 128, 192, 64, 0)
    splats = read_splat(row).splats
    assert splats.means.tolist() == [[1, -2, 3]]
    assert np.exp(splats.log_scales) == pytest.approx(np.array([[0.5, 1, 2]]))
    assert splats.sh[0, 0] == pytest.approx(np.array([0.5, -0.5, -0.3]) / SH_C0)
    assert splats.opacity_logits[0] == pytest.approx(np.log(0.4 / 0.6))
    assert splats.quats.tolist() == [[0, 0.5, -0.5, -1]]


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257])
def test_a_scene_comes_back_within_half_a_step(random_splats: Make, n: int) -> None:
    splats = random_splats(n, 0)
    encoded = write_splat(splats)
    assert len(encoded.data) == 32 * n
    found = matched(read_splat(encoded.data).splats, splats)
    assert np.array_equal(found.means, splats.means)
    assert found.log_scales == pytest.approx(splats.log_scales, abs=1e-6)
    assert alpha_error(found, splats) <= HALF
    assert np.abs(found.sh - splats.sh).max() * SH_C0 <= HALF
    assert angles(found, splats).max() < 2 * np.sqrt(4) * 0.5 / 128


def test_what_is_seen_most_comes_first(random_splats: Make) -> None:
    found = read_splat(write_splat(random_splats(100, 0)).data).splats
    weight = found.log_scales.sum(axis=1) - np.logaddexp(0, -found.opacity_logits)
    assert (np.diff(weight) < 0.05).all()  # opacities were rounded after sorting
    assert np.ptp(weight) > 1


def test_the_largest_component_is_never_clipped(random_splats: Make) -> None:
    quats = np.float32([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0.999, 0.04], [0, 0, 0, -3]])
    splats = replace(random_splats(4, 0), quats=quats)
    found = matched(read_splat(write_splat(splats).data).splats, splats)
    assert angles(found, splats).max() < 0.01
    assert np.linalg.norm(found.quats, axis=1) == pytest.approx(1, abs=0.004)


def test_losses_are_counted(random_splats: Make) -> None:
    splats = random_splats(50, 0)
    sh, logits = np.zeros_like(splats.sh), splats.opacity_logits.copy()
    sh[3, 0] = [0.6 / SH_C0, 0, 0]
    sh[4, 0] = [0, -2 / SH_C0, 0]
    logits[[5, 6, 7]] = [-9, -np.inf, np.inf]
    losses = write_splat(replace(splats, sh=sh, opacity_logits=logits)).losses
    assert [str(loss) for loss in losses] == [
        "base colours outside 0 to 1 were clipped: 2 Gaussians, worst -1.5",
        "opacities below 1/510 became 0: 2 Gaussians",
    ]


def test_only_what_it_can_hold_is_taken(random_splats: Make) -> None:
    for splats in (random_splats(3, 1), random_splats(0, 0), random_splats(3, 0, "mip")):
        with pytest.raises(SceneError, match="degree 0"):
            write_splat(splats)


def test_a_part_of_a_row_is_truncated(random_splats: Make) -> None:
    data = write_splat(random_splats(3, 0)).data
    for end in range(len(data) + 2):
        if end % 32 == 0:
            assert read_splat(data[:end]).splats.n == min(3, end // 32)
        else:
            with pytest.raises(Truncated):
                read_splat((data + b"\0\0")[:end])


def test_the_limit_of_gaussians_is_the_callers(random_splats: Make) -> None:
    data = write_splat(random_splats(10, 0)).data
    with pytest.raises(TooLarge):
        read_splat(data, Limits(max_gaussians=9))


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_mutants_end_in_a_scene_or_a_format_error(
    random_splats: Make, mutate: Callable[..., bytes], count: int
) -> None:
    data, rng = write_splat(random_splats(20, 0)).data, np.random.default_rng(1)
    check_mutants(read_splat, (mutate(data, rng) for _ in range(count)), 40)
    assert outcome(read_splat, rng.bytes(32 * 1000)) == "scene"
