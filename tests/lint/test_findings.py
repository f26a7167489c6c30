# SPDX-License-Identifier: Apache-2.0
"""Every finding is found where it is, with its count and rows, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from tests.lint.conftest import Spoil

SOME = np.array([3, 7, 20, 21, 22, 399])
INF = np.inf


def test_a_sound_scene_has_no_findings(spoil: Spoil) -> None:
    found = spoil()
    assert found.findings == ()
    assert (found.gaussians, found.sh_degree, found.model, found.format) == (400, 2, "3dgs", "ply")


@pytest.mark.parametrize(
    ("severity", "code", "field", "value"),
    [
        ("error", "nan", "means", np.nan),
        ("error", "nan", "sh", np.nan),
        ("error", "nan", "opacity_logits", np.nan),
        ("error", "infinite", "means", INF),
        ("error", "infinite", "log_scales", INF),
        ("error", "out-of-range", "means", 1e8),
        ("error", "out-of-range", "log_scales", 30.0),
        ("error", "out-of-range", "quats", 0.0),
        ("warning", "huge", "log_scales", 3.0),
        ("warning", "far", "means", 2000.0),
        ("info", "dead", "opacity_logits", -6.0),
        ("info", "quaternion-length", "quats", [2.0, 0, 0, 0]),
        ("info", "tiny", "log_scales", -20.0),
        ("info", "needles", "log_scales", [-3, -11, -12]),
    ],
)
def test_a_fault_is_found_with_count_and_rows(
    spoil: Spoil, severity: str, code: str, field: str, value: object
) -> None:
    (finding,) = spoil(**{field: (SOME, value)}).findings
    assert (finding.severity, finding.code) == (severity, code)
    assert finding.count == 6
    assert finding.rows == (3, 7, 20, 21, 22)
    assert finding.field == field


def test_rows_are_those_of_the_file_also_behind_bad_ones(spoil: Spoil) -> None:
    found = spoil(means=([0, 1], np.nan), opacity_logits=([5], -6.0)).findings
    assert [(f.severity, f.code, f.rows) for f in found] == [
        ("error", "nan", (0, 1)),
        ("info", "dead", (5,)),
    ]


def test_infinities_that_mean_something_are_clamped(spoil: Spoil) -> None:
    found = spoil(opacity_logits=([1, 2], INF), log_scales=([3], [-3, -3, -INF])).findings
    assert {f.code for f in found} == {"clamped"}
    assert [f.what for f in found] == [
        "2 opacity logits clamped to +-15",
        "1 log scales of -inf set to -40",
    ]


def test_doubles_are_those_equal_in_everything(spoil: Spoil, splats: Splats) -> None:
    fields = ("means", "log_scales", "quats", "opacity_logits", "sh")
    same = {name: ([40, 50], getattr(splats, name)[10]) for name in fields}
    (finding,) = spoil(**same).findings
    assert (finding.code, finding.count, finding.rows) == ("duplicates", 2, (40, 50))
    del same["opacity_logits"]
    assert spoil(**same).findings == ()


def test_activated_values_are_an_error(spoil: Spoil, splats: Splats) -> None:
    everywhere = slice(None)
    (finding,) = spoil(opacity_logits=(everywhere, sigmoid(splats.opacity_logits))).findings
    assert (finding.severity, finding.code) == ("error", "activated")
    assert "opacities" in finding.what
    (finding,) = spoil(log_scales=(everywhere, np.exp(splats.log_scales))).findings
    assert finding.code == "activated"
    assert finding.field == "log_scales"


@pytest.mark.parametrize(("from_band", "used"), [(1, 0), (4, 1)])
def test_bands_of_zeros_are_named(spoil: Spoil, from_band: int, used: int) -> None:
    (finding,) = spoil(sh=(np.s_[:, from_band:], 0.0)).findings
    assert (finding.severity, finding.code) == ("warning", "empty-sh")
    assert f"all above degree {used} are zero" in finding.what


def test_a_scene_far_from_its_origin_is_coarse(spoil: Spoil, splats: Splats) -> None:
    (finding,) = spoil(means=(slice(None), splats.means + np.float32(4e5))).findings
    assert (finding.severity, finding.code) == ("warning", "coarse-positions")
    assert "--translate" in (finding.hint or "")


def test_ranges_are_of_finite_values_in_the_domain_of_the_file(
    spoil: Spoil, splats: Splats
) -> None:
    found = {r.name: r for r in spoil(means=([5, 6], [np.nan, INF, 77.0])).ranges}
    assert list(found) == [
        *("x", "y", "z", "log_scales", "quat_length", "opacity_logits", "dc", "sh_1", "sh_2")
    ]
    assert (found["x"].nan, found["x"].infinite, found["y"].infinite) == (2, 0, 2)
    assert found["z"].maximum == 77.0
    others = np.delete(splats.means[:, 0], [5, 6])
    assert found["x"].minimum == others.min()
    assert found["x"].median == pytest.approx(np.median(others))
    assert found["sh_2"].maximum == splats.sh[:, 4:].max()
    assert found["quat_length"].p99 == pytest.approx(1)


def test_nothing_usable_is_still_described(spoil: Spoil) -> None:
    found = spoil("quick", means=(slice(None), np.nan))
    assert [f.code for f in found.findings] == ["nan"]
    assert found.outcomes == ()
    assert found.ranges[0].minimum is None
