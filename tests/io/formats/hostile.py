# SPDX-License-Identifier: Apache-2.0
"""Readers against bytes that somebody broke on purpose."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flexgs.errors import FormatError
from flexgs.io.ply import SceneFile

Read = Callable[[bytes], SceneFile]

MAX_SECONDS = 1.0
MAX_KIB = 192 * 1024  # that any number of small mutants may add to this process


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


def _forget_peak() -> None:
    """Linux can start anew to look for the most memory that a process ever held."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not tell the peak of a part of a process")


def _memory_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


@contextmanager
def bounded_memory() -> Iterator[None]:
    """The block adds no more than MAX_KIB to what this process holds."""
    _forget_peak()
    before = _memory_kib("VmRSS:")
    yield
    assert _memory_kib("VmHWM:") - before < MAX_KIB


def check_mutants(read: Read, mutants: Iterable[bytes], at_least: int) -> None:
    """Every mutant ends in a scene or a FormatError, both happen, and memory stays small."""
    outcomes = {"scene": 0, "error": 0}
    with bounded_memory():
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
