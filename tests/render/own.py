# SPDX-License-Identifier: Apache-2.0
"""What `own` promises, for any renderer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.render import Renderer
from flexgs.render.own_frame import OWN
from flexgs.render.protocol import F32, Parameters, zero_parameters


def answers(
    renderer: Renderer, splats: Splats, camera: Camera, own: int | None
) -> Iterable[tuple[str, F32]]:
    """Every array of every method, by a name."""
    rows = splats.n if own is None else own
    image = np.random.default_rng(0).normal(size=(camera.height, camera.width, 3))
    target = image.astype(np.float32)

    def named(method: str, found: object) -> Iterable[tuple[str, F32]]:
        return ((f"{method}.{f.name}", getattr(found, f.name)) for f in fields(found))  # type: ignore[arg-type]

    yield from named("backward", renderer.backward(splats, camera, target, own=own))
    diagonal, weights = renderer.fisher(splats, camera, own)
    yield from named("fisher", diagonal)
    yield "fisher weights", weights
    yield from named("contributions", renderer.contributions(splats, camera, target, own))
    gradient: Parameters = zero_parameters(splats, own)
    yield "removal", renderer.misfit(splats, camera, target, gradient, own)
    yield from named("misfit", gradient)
    total = np.zeros((rows, OWN, OWN), np.float32)
    yield "blocks weights", renderer.blocks(splats, camera, total, own)
    yield "blocks", total


def assert_answers_of_the_first(
    renderer: Renderer, splats: Splats, camera: Camera, own: int
) -> None:
    """They are those of the first rows of what is found without `own`."""
    whole = dict(answers(renderer, splats, camera, None))
    for name, found in answers(renderer, splats, camera, own):
        np.testing.assert_array_equal(found, whole[name][:own], err_msg=name)
