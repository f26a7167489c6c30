# SPDX-License-Identifier: Apache-2.0
"""Readers against bytes that somebody broke on purpose."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable

import pytest

from flexgs.errors import FormatError
from flexgs.io.ply import SceneFile

Read = Callable[[bytes], SceneFile]

MAX_SECONDS = 1.0


def outcome(read: Read, data: bytes) -> str:
    """`scene` or `error`; anything but a FormatError passes through, and so does slowness."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        started = time.process_time()
        try:
            read(data)
            result = "scene"
        except FormatError:
            result = "error"
    assert time.process_time() - started < MAX_SECONDS
    return result


def check_mutants(read: Read, mutants: Iterable[bytes], at_least: int) -> None:
    """Every mutant ends in a scene or a FormatError, and both happen."""
    outcomes = {"scene": 0, "error": 0}
    for data in mutants:
        outcomes[outcome(read, data)] += 1
    assert min(outcomes.values()) >= at_least, outcomes


def check_truncations(read: Read, data: bytes) -> None:
    """No beginning of a file is one, nor is a file with a byte more."""
    assert read(data).splats.n
    for end in range(len(data)):
        with pytest.raises(FormatError):
            read(data[:end])
    with pytest.raises(FormatError):
        read(data + b"\0")
