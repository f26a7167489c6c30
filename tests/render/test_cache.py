# SPDX-License-Identifier: Apache-2.0
"""Where nothing can be written, kernels are compiled at each run instead of not at all."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from numba.core import caching

def nowhere(*_):
    return None

for locator in caching.CacheImpl._locator_classes:  # as if no folder could be written
    locator.from_function = nowhere
from flexgs.compiling import CACHE
from flexgs.render import metrics
import flexgs.codec.rd.colours
import flexgs.importance.colour_blocks
import flexgs.render.cpu.rows
import numpy as np

image = np.zeros((16, 16, 3), np.float32)
print(CACHE, metrics.ssim(image, image))
"""


def test_a_read_only_machine_can_still_render() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "False 1.0\n"
