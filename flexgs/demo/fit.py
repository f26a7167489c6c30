# SPDX-License-Identifier: Apache-2.0
"""Fits Gaussians to photographs: start from coloured surface points, then Adam on random views.

Source: Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023 (the
parametrisation, harmonics joining band by band); Kingma and Ba, "Adam", 2015. No densification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from flexgs.compiling import CACHE
from flexgs.core import Camera, Splats
from flexgs.core.activations import logit
from flexgs.core.sh import SH_C0
from flexgs.progress import SILENT, Progress
from flexgs.render import Parameters, Renderer

F32 = npt.NDArray[np.float32]

START_OPACITY = 0.6
NEIGHBOURS = 3  # their mean distance is the size that a point starts with
BETA1, BETA2, TINY = 0.9, 0.99, 1e-15
ROBUST = 0.02  # errors beyond it count linearly
LAST_RATE = 0.02  # all rates fall exponentially to this share of their start
GEOMETRY = ("means", "log_scales", "quats", "opacity_logits")
BANDS = ("sh0", "sh1", "sh2", "sh3")
RATES = {  # of Adam; `means` in scene units. Found by trying: about ten times those of a long fit
    "means": 5e-3,
    "log_scales": 0.06,
    "quats": 0.02,
    "opacity_logits": 0.1,
    "sh0": 0.04,
    "sh1": 0.015,
    "sh2": 0.015,
    "sh3": 0.015,
}


@dataclass
class Parameter:
    """An array that is being fitted, with Adam's running moments. Changed in place."""

    value: F32
    first: F32
    second: F32
    steps: int = 0


@nb.njit(cache=CACHE, parallel=True, error_model="numpy")
def _adam(
    value: F32, gradient: F32, first: F32, second: F32, rate: float, step: int
) -> None:  # all (m,), changed in place but for `gradient`
    scale1, scale2 = 1 - BETA1**step, 1 - BETA2**step
    for i in nb.prange(len(value)):
        g = gradient[i]
        first[i] = BETA1 * first[i] + (1 - BETA1) * g
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g
        value[i] -= rate * (first[i] / scale1) / (np.sqrt(second[i] / scale2) + TINY)


def start_from_points(
    points: F32,  # (n, 3), n > NEIGHBOURS
    colours: F32,  # (n, 3) 0..1
    degree: int,
) -> Splats:
    """Round Gaussians as large as the gaps between the points, of their colours."""
    n, k = len(points), (degree + 1) ** 2
    distances, _ = cKDTree(points).query(points, k=NEIGHBOURS + 1)
    gaps = np.maximum(distances[:, 1:].mean(axis=1, keepdims=True), 1e-4)
    sh = np.zeros((n, k, 3), np.float32)
    sh[:, 0] = (colours - 0.5) / SH_C0
    return Splats(
        means=points,
        log_scales=np.repeat(np.log(gaps), 3, axis=1),
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1)),
        opacity_logits=np.full(n, logit(np.array(START_OPACITY))),
        sh=sh,
    )


def residual_weights(image: F32, photo: F32) -> F32:  # (h, w, 3) -> (h, w, 3)
    """Derivative of the mean of sqrt(error^2 + ROBUST^2), an L1 that is smooth near zero.

    >>> residual_weights(np.float32([[[1, 0.5, 0]]]), np.float32([[[0, 0.5, 0]]])).round(2)
    array([[[0.33, 0.  , 0.  ]]], dtype=float32)
    """
    error = image - photo
    return np.asarray(error / np.sqrt(error * error + ROBUST**2) / error.size, dtype=np.float32)


def _rows(band: int) -> slice:
    """The rows of `sh` that band 0, 1, 2 or 3 holds."""
    return slice(band * band, (band + 1) ** 2)


def _parameters(splats: Splats) -> dict[str, Parameter]:
    arrays = {name: getattr(splats, name) for name in GEOMETRY}
    arrays |= {BANDS[b]: splats.sh[:, _rows(b)] for b in range(splats.degree + 1)}
    fresh = {name: np.array(array, order="C") for name, array in arrays.items()}
    return {
        name: Parameter(array, np.zeros_like(array), np.zeros_like(array))
        for name, array in fresh.items()
    }


def _scene(parameters: Mapping[str, Parameter], degree: int) -> Splats:
    """The scene as it stands, with the harmonics up to `degree`; it owns its arrays."""
    means, log_scales, quats, logits = (parameters[name].value.copy() for name in GEOMETRY)
    sh = np.concatenate([parameters[name].value for name in BANDS[: degree + 1]], axis=1)
    return Splats(means, log_scales, quats, logits, sh)


def _descend(parameters: Mapping[str, Parameter], slopes: Parameters, decay: float) -> None:
    """One step of Adam on what `slopes` covers."""
    degree = round(slopes.sh.shape[1] ** 0.5) - 1
    gradients = {name: getattr(slopes, name) for name in GEOMETRY}
    gradients |= {BANDS[b]: slopes.sh[:, _rows(b)] for b in range(degree + 1)}
    for name, gradient in gradients.items():
        p = parameters[name]
        p.steps += 1
        slope = np.ascontiguousarray(gradient).reshape(-1)
        rate = RATES[name] * decay
        _adam(p.value.reshape(-1), slope, p.first.reshape(-1), p.second.reshape(-1), rate, p.steps)


def fit(
    start: Splats,
    cameras: Sequence[Camera],
    photos: Sequence[F32],  # (h, w, 3) each, 0..1
    renderer: Renderer,
    rng: np.random.Generator,
    steps: int,
    progress: Progress = SILENT,
) -> Splats:
    """The Gaussians whose renders are closest to the photographs.

    A tenth of the steps passes before each band of the harmonics joins.
    """
    parameters = _parameters(start)
    views = np.concatenate(
        [rng.permutation(len(cameras)) for _ in range(-(-steps // len(cameras)))]
    )
    with progress.stage("fit", total=steps) as advance:
        for step in range(steps):
            camera, photo = cameras[views[step]], photos[views[step]]
            splats = _scene(parameters, min(10 * step // steps, start.degree))
            weights = residual_weights(renderer.render(splats, camera), photo)
            slopes = renderer.backward(splats, camera, weights)
            _descend(parameters, slopes, LAST_RATE ** (step / steps))
            advance(1)
    return _scene(parameters, start.degree)
