# SPDX-License-Identifier: Apache-2.0
"""What a compression compiles is compiled before it starts, where the user is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flexgs.pipeline.warm_up import warm_up
from flexgs.render import get_renderer

SCRIPT = """
import sys
from numba.core import event
import flexgs
from flexgs.options import CompressOptions
from flexgs.pipeline import compression
from flexgs.pipeline.warm_up import warm_up
from flexgs.render import get_renderer

warm_up(get_renderer("cpu", 2), "rd")
options = CompressOptions(effort=5, target_psnr_drop=3, images="none", report_views=1)
with event.install_recorder("numba:compile") as seen:
    flexgs.compress(sys.argv[1], options=options)
print(*sorted({str(e.data["dispatcher"]) for _, e in seen.buffer}), sep="\\n")
"""


@pytest.mark.parametrize("profile", ["rd", "segment"])
def test_the_second_time_takes_no_time(profile: str) -> None:
    renderer = get_renderer("cpu", 2)
    warm_up(renderer, profile)
    started = time.process_time()
    warm_up(renderer, profile)
    assert time.process_time() - started < 2


@pytest.mark.slow
def test_nothing_is_left_to_compile(model: Path, tmp_path: Path) -> None:
    """In a process that has no compiled kernels at all."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(model)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
