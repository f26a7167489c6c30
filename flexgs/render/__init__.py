# SPDX-License-Identifier: Apache-2.0
"""Renderers behind one protocol: numba on the CPU, gsplat on CUDA. Both are imported when used."""

from flexgs.render.devices import get_renderer
from flexgs.render.protocol import (
    GROUPS,
    Contributions,
    Parameters,
    Renderer,
    zero_parameters,
)

__all__ = [
    "GROUPS",
    "Contributions",
    "Parameters",
    "Renderer",
    "get_renderer",
    "zero_parameters",
]
