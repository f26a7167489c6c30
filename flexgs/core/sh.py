# SPDX-License-Identifier: Apache-2.0
"""Real spherical harmonics in the order and signs of 3DGS, degrees 0 to 3."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.floating]

SH_C0 = 0.28209479177387814  # 1 / (2 sqrt(pi))
C1 = 0.4886025119029199
C2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
C3 = (
    0.5900435899266435,
    2.890611442640554,
    0.4570457994644658,
    0.3731763325901154,
    1.445305721320277,
)


def sh_basis(directions: Float, degree: int) -> Float:  # (n, 3) unit -> (n, (degree + 1)^2)
    """Basis values Y_k(direction), the sign convention of 3DGS (colour = 0.5 + sum_k Y_k sh_k).

    Source: Sloan, "Stupid Spherical Harmonics Tricks", appendix A2, with 3DGS's signs.

    >>> sh_basis(np.array([[0.0, 0.0, 1.0]]), 1).round(4).tolist()
    [[0.2821, -0.0, 0.4886, -0.0]]
    """
    x, y, z = directions.T
    columns = [np.full_like(x, SH_C0)]
    if degree >= 1:
        columns += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        columns += [
            C2[0] * x * y,
            -C2[0] * y * z,
            C2[1] * (2 * zz - xx - yy),
            -C2[0] * x * z,
            C2[2] * (xx - yy),
        ]
    if degree >= 3:
        columns += [
            -C3[0] * y * (3 * xx - yy),
            C3[1] * x * y * z,
            -C3[2] * y * (4 * zz - xx - yy),
            C3[3] * z * (2 * zz - 3 * xx - 3 * yy),
            -C3[2] * x * (4 * zz - xx - yy),
            C3[4] * z * (xx - yy),
            -C3[0] * x * (xx - 3 * yy),
        ]
    if degree >= 4:
        raise ValueError(f"spherical harmonics of degree {degree} are not supported (0 to 3 are)")
    return np.stack(columns, axis=1)
