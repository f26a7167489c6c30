# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.sh import sh_basis
from flexgs.importance.colour_blocks import add_view, empty_blocks, packed_length
from flexgs.render import Renderer


def summed(splats: Splats, ring: tuple[Camera, ...], renderer: Renderer) -> np.ndarray:
    """Packed blocks over all views."""
    blocks = empty_blocks(splats)
    for camera in ring:
        add_view(blocks, splats, camera, renderer.contributions(splats, camera).colour_weights)
    return blocks


def unpacked(packed: np.ndarray, k: int) -> np.ndarray:
    """Full symmetric blocks."""
    rows, columns = np.tril_indices(k)
    blocks = np.empty((len(packed), k, k))
    blocks[:, rows, columns] = packed
    blocks[:, columns, rows] = packed
    return blocks


def test_blocks_are_the_weighted_products_of_the_basis(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    packed = summed(splats, ring, renderer)
    assert packed.shape == (splats.n, packed_length(9))
    wanted = np.zeros((splats.n, 9, 9))
    for camera in ring:
        weights = renderer.contributions(splats, camera).colour_weights.astype(np.float64)
        directions = splats.means.astype(np.float64) - camera.center
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        basis = sh_basis(directions, splats.degree)
        wanted += weights[:, None, None] * basis[:, :, None] * basis[:, None, :]
    np.testing.assert_allclose(unpacked(packed, 9), wanted, rtol=1e-3, atol=1e-4)


def test_blocks_predict_what_a_change_of_one_colour_does_to_the_images(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    blocks = unpacked(summed(splats, ring, renderer), 9)
    i = int(np.argmax(blocks[:, 0, 0]))
    change = np.random.default_rng(2).normal(0, 0.01, (9, 3)).astype(np.float32)
    sh = splats.sh.copy()
    sh[i] += change
    changed = replace(splats, sh=sh)
    images = sum(
        float(np.square(renderer.render(changed, c) - renderer.render(splats, c)).sum())
        for c in ring
    )
    predicted = float(np.einsum("ic,ij,jc->", change, blocks[i], change))
    assert abs(images - predicted) < 0.02 * predicted
