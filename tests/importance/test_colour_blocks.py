# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.sh import sh_basis
from flexgs.importance.colour_blocks import (
    RIDGE,
    colour_blocks,
    packed_length,
    resolve_colours,
    unpack_blocks,
)
from flexgs.render import Renderer


def ignore(_: int) -> None:
    """No progress."""


def test_blocks_are_the_weighted_products_of_the_basis(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    packed = colour_blocks(splats, ring, renderer, ignore)
    assert packed.shape == (splats.n, packed_length(9))
    wanted = np.zeros((splats.n, 9, 9))
    for camera in ring:
        weights = renderer.contributions(splats, camera).colour_weights.astype(np.float64)
        directions = splats.means.astype(np.float64) - camera.center
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        basis = sh_basis(directions, splats.degree)
        wanted += weights[:, None, None] * basis[:, :, None] * basis[:, None, :]
    np.testing.assert_allclose(unpack_blocks(packed, 9), wanted, rtol=1e-3, atol=1e-4)


def test_blocks_predict_what_a_change_of_one_colour_does_to_the_images(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    blocks = unpack_blocks(colour_blocks(splats, ring, renderer, ignore), 9)
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


def random_blocks(n: int, k: int, seed: int = 0) -> np.ndarray:
    """Packed blocks of few directions each, so that they are nearly singular."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(n, 5, k)) * 0.3
    basis[:, :, 0] = 0.28
    full = np.einsum("nvi,nvj->nij", basis, basis)
    rows, columns = np.tril_indices(k)
    return full[:, rows, columns].astype(np.float32)


def test_resolving_is_the_least_squares_fit_of_what_is_kept() -> None:
    rng = np.random.default_rng(1)
    n, k = 20, 16
    sh = rng.normal(size=(n, k, 3)).astype(np.float32)
    packed = random_blocks(n, k)
    keep = rng.random((n, k)) < 0.4
    keep[:, 0] = True
    solved = resolve_colours(sh, packed, keep)
    assert not solved[~keep].any()
    for i, block in enumerate(unpack_blocks(packed, k)):
        values, vectors = np.linalg.eigh(block)
        root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
        pull = np.sqrt(RIDGE * block[0, 0]) * np.eye(k)[1:]
        rows = np.concatenate([root, pull])[:, keep[i]]
        target = np.concatenate([root @ sh[i], np.zeros((k - 1, 3))])
        best = np.linalg.lstsq(rows, target, rcond=None)[0]
        np.testing.assert_allclose(solved[i, keep[i]], best, rtol=1e-3, atol=1e-3)


def test_gaussians_never_seen_keep_what_is_kept() -> None:
    sh = np.random.default_rng(3).normal(size=(2, 4, 3)).astype(np.float32)
    keep = np.array([[True, True, False, True]] * 2)
    solved = resolve_colours(sh, np.zeros((2, packed_length(4)), np.float32), keep)
    np.testing.assert_array_equal(solved, np.where(keep[:, :, None], sh, 0))


def test_no_gaussians() -> None:
    empty = np.zeros((0, 16, 3), np.float32)
    blocks = np.zeros((0, packed_length(16)), np.float32)
    assert resolve_colours(empty, blocks, np.ones((0, 16), bool)).shape == (0, 16, 3)
