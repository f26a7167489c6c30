# SPDX-License-Identifier: Apache-2.0
"""Small scenes and mutations for the tests of io."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flexgs.core import Splats


def _random_splats(n: int = 7, degree: int = 3, model: str = "3dgs", seed: int = 0) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        rng.normal(size=(n, 3)),
        rng.uniform(-6, -1, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.uniform(-3, 3, n),
        rng.normal(0, 0.3, (n, (degree + 1) ** 2, 3)),
        model,  # type: ignore[arg-type]
    )


def _mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four edits: bits, bytes, cuts, insertions, repetitions, digits."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, max(1, len(out))))
        kind = int(rng.integers(0, 7))
        if kind == 0 and out:
            out[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1 and out:
            out[at] = int(rng.integers(0, 256))
        elif kind == 2:
            del out[at : at + int(rng.integers(1, 40))]
        elif kind == 3:
            out[at:at] = rng.bytes(int(rng.integers(1, 12)))
        elif kind == 4:
            out[at:at] = out[at : at + int(rng.integers(1, 60))]
        elif kind == 5:
            digits = [i for i, byte in enumerate(out) if 0x30 <= byte <= 0x39]
            if digits:
                out[digits[int(rng.integers(0, len(digits)))]] = int(rng.integers(0x30, 0x3A))
        else:
            words = (b"nan", b"inf", b"1e999", b"-1", b"9" * 25, b"\n", b'"', b"null", b"..", b"\0")
            out[at:at] = words[int(rng.integers(0, len(words)))]
    return bytes(out)


@pytest.fixture(scope="session")
def random_splats() -> Callable[..., Splats]:
    return _random_splats


@pytest.fixture(scope="session")
def mutate() -> Callable[[bytes, np.random.Generator], bytes]:
    return _mutate
