# SPDX-License-Identifier: Apache-2.0
"""Broken files of every format as a user opens them: found out, read, judged by `open_scene`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import FlexgsError, FormatError, SceneError
from flexgs.io.formats.table import scene_formats
from flexgs.scenes import SceneFile, open_scene, write_scene
from tests.io.formats.hostile import check_mutants

Make = Callable[..., Splats]
Mutate = Callable[[bytes, np.random.Generator], bytes]


def variants() -> Iterator[tuple[str, str | None]]:
    """(suffix, variant) of everything that is written."""
    for name in scene_formats:
        entry = scene_formats.get(name)
        for variant in [key or None for key in entry.encoders] or [None]:
            if entry.encoders or name in ("ply", "fgs"):
                yield entry.suffixes[0], variant


@pytest.mark.parametrize("count", [60, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("suffix", "variant"), list(variants()))
@pytest.mark.timeout(1800)
def test_mutants_are_refused_with_words_or_read(
    tmp_path: Path,
    random_splats: Make,
    mutate: Mutate,
    suffix: str,
    variant: str | None,
    count: int,
) -> None:
    good, bad = tmp_path / f"good{suffix}", tmp_path / f"bad{suffix}"
    write_scene(random_splats(20, 1), good, variant=variant)
    data, rng = good.read_bytes(), np.random.default_rng(7)

    def read(mutant: bytes) -> SceneFile:
        bad.unlink(missing_ok=True)  # much faster than to overwrite it
        bad.write_bytes(mutant)
        try:
            return open_scene(bad, drop_invalid=True)
        except SceneError as error:  # well-formed, but no scene: no Gaussian is valid
            raise FormatError("no scene") from error
        except FormatError as error:
            unnamed.extend([error] if str(bad) not in str(error) else [])
            raise

    unnamed: list[FlexgsError] = []
    check_mutants(read, (mutate(data, rng) for _ in range(count)), 0)
    assert unnamed == []
