# SPDX-License-Identifier: Apache-2.0
"""Compiles what most tests run, 3D and images at the same time: two at work on the tests would
both compile the same."""

from __future__ import annotations

import multiprocessing

import numpy as np


def scenes() -> None:
    """What `flexgs compress` runs."""
    from flexgs.pipeline.warm_up import warm_up
    from flexgs.render import get_renderer

    for profile in ("rd", "segment"):
        warm_up(get_renderer("cpu", 2), profile)


def images() -> None:
    """What `flexgs image encode` runs."""
    from flexgs.image.encode import EncodeOptions, encode_picture
    from flexgs.image.pixels import Picture

    picture = Picture(np.random.default_rng(0).random((24, 24, 3), np.float32))
    encode_picture(picture, EncodeOptions(count=20, steps=10, preset="fast"))


if __name__ == "__main__":
    works = [multiprocessing.Process(target=work) for work in (scenes, images)]
    for work in works:
        work.start()
    for work in works:
        work.join()
    raise SystemExit(max(abs(work.exitcode or 0) for work in works))
