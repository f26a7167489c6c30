# SPDX-License-Identifier: Apache-2.0
"""Options refuse what cannot be meant, and read sizes and bits as people write them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flexgs.errors import UsageError
from flexgs.options import CompressOptions, parse_bits, parse_size
from flexgs.progress import SILENT


def test_the_default_target_is_one_decibel() -> None:
    assert CompressOptions().target == ("psnr_drop", 1.0)
    assert not CompressOptions().fixed


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"target_psnr_drop": 0.3}, ("psnr_drop", 0.3)),
        ({"target_size": 20_000_000}, ("size", 20_000_000)),
        ({"target_ratio": 20.0}, ("ratio", 20.0)),
        ({"target_psnr": 33.0}, ("psnr", 33.0)),
    ],
)
def test_each_target_is_understood(options: dict[str, Any], target: tuple[str, float]) -> None:
    assert CompressOptions(**options).target == target


@pytest.mark.parametrize(
    "options",
    [
        {"target_psnr_drop": 1.0, "target_size": 10},
        {"target_psnr_drop": 1.0, "pruning_rate": 0.5, "sh_rate": 0.5},
        {"target_psnr_drop": 0.0},
        {"target_psnr_drop": -1.0},
        {"target_psnr_drop": math.nan},
        {"target_ratio": 0.5},
        {"target_size": 0},
        {"pruning_rate": 1.0},
        {"sh_rate": 1.5},
        {"segments": 0},
        {"bits": {"means": 17}},
        {"bits": {"means": 0}},
        {"bits": {"colour": 8}},
        {"max_evaluations": 0},
        {"time_budget_s": -1.0},
        {"threads": 0},
        {"device": "tpu"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        CompressOptions(**options)


def test_two_fixed_rates_leave_nothing_to_search() -> None:
    assert CompressOptions(pruning_rate=0.5, sh_rate=0.0).fixed
    assert not CompressOptions(pruning_rate=0.5, target_psnr_drop=0.3).fixed


def test_options_cannot_be_changed_through_the_dict_they_were_made_of() -> None:
    bits = {"sh": 4}
    options = CompressOptions(bits=bits)
    bits["sh"] = 2
    assert dict(options.bits) == {"sh": 4}


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("20MB", 20 * 10**6), ("0.5 GiB", 2**29), (" 3kb ", 3000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1e9", "20 MBit", "1.2.3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text)


def test_bits_from_repeated_and_joined_options() -> None:
    assert parse_bits(["means=16,sh=4", "dc=8"]) == {"means": 16, "sh": 4, "dc": 8}


@pytest.mark.parametrize("text", ["means", "means=", "means=x", "means=8,means=8", "sh=-4"])
def test_bits_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="bits are not understood"):
        parse_bits([text])


def test_silent_progress_accepts_everything() -> None:
    with SILENT.stage("render", total=None) as advance:
        assert advance(2) is None
