# SPDX-License-Identifier: Apache-2.0
"""What a reader made of a scene file, in numbers that all readers have, and how two of them differ.

Opacities and base colours are compared as 0 to 1, since readers hold bytes of 0 and 255 to be
different logits; rotations as components of unit quaternions, of the same sign and with the same
directions of the Gaussian's own axes, since half a turn about one of them changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.sh import SH_C0

F64 = npt.NDArray[np.float64]
Numbers = dict[str, F64]  # field of a reading -> as many numbers, or one for each row


@dataclass(frozen=True, eq=False)
class Reading:
    """A scene as one reader sees it."""

    positions: F64  # (n, 3)
    scales: F64  # (n, 3) natural logarithms
    rotations: F64  # (n, 4) w x y z, of length 1
    opacities: F64  # (n, 1) 0 to 1
    colours: F64  # (n, 3) 0 to 1 and beyond
    sh: F64  # (n, 3 (k - 1)) by coefficient, then channel


FIELDS = tuple(field.name for field in fields(Reading))


def unit(quats: npt.ArrayLike) -> F64:  # (n, 4) -> (n, 4)
    """Quaternions of length 1."""
    wide = np.asarray(quats, np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))


def reading_of(splats: Splats) -> Reading:
    """Our own."""
    return Reading(
        splats.means.astype(np.float64),
        splats.log_scales.astype(np.float64),
        unit(splats.quats),
        sigmoid(splats.opacity_logits.astype(np.float64))[:, None],
        0.5 + SH_C0 * splats.sh[:, 0].astype(np.float64),
        splats.sh[:, 1:].reshape(splats.n, -1).astype(np.float64),
    )


def differences(a: Reading, b: Reading) -> Numbers:
    """Absolute differences of all numbers; a reader that knows fewer SH is compared in those."""
    if len(a.positions) != len(b.positions):
        raise ValueError(f"{len(a.positions)} Gaussians and {len(b.positions)}")
    both = min(a.sh.shape[1], b.sh.shape[1])
    return {
        "positions": np.abs(a.positions - b.positions),
        "scales": np.abs(a.scales - b.scales),
        "rotations": _between_rotations(a.rotations, b.rotations),
        "opacities": np.abs(a.opacities - b.opacities),
        "colours": np.abs(a.colours - b.colours),
        "sh": np.abs(a.sh[:, :both] - b.sh[:, :both]),
    }


def _between_rotations(a: F64, b: F64) -> F64:  # (n, 4) twice -> (n, 4)
    w, x, y, z = b.T
    same = np.stack(
        [b, *(np.stack(t, 1) for t in ((-x, w, z, -y), (-y, -z, w, x), (-z, y, -x, w)))]
    )
    cosines = np.einsum("ij,kij->ki", a, same)
    best = np.abs(cosines).argmax(axis=0), np.arange(len(a))
    return np.asarray(np.abs(a - np.sign(cosines[best])[:, None] * same[best]))


def worst_in_steps(found: Numbers, *steps: Numbers) -> dict[str, float]:
    """The largest difference of each field, each number's counted in the largest of its steps."""
    worst = {}
    for name, values in found.items():
        units = [
            np.broadcast_to(step[name][..., : values.shape[1]], values.shape) for step in steps
        ]
        worst[name] = float((values / np.maximum.reduce(units)).max(initial=0))
    return worst
