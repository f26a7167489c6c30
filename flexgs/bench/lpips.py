# SPDX-License-Identifier: Apache-2.0
"""LPIPS, where its weights are at hand; nothing is ever downloaded.

As the field's tables have it: the VGG network, images in [0, 1] as they are (INRIA's metrics.py
does not map them to [-1, 1]).

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
2018, by the authors' package `lpips`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt, FlexgsError, UsageError
from flexgs.io.files import file_size

F32 = npt.NDArray[np.float32]
BACKBONE = "vgg16-397923af.pth"  # as torchvision names it in torch's cache
MAX_WEIGHTS = 200_000_000  # bytes; the network has 14.7 M of four bytes
HOW = "see docs/bench.md"


@dataclass(frozen=True)
class Lpips:
    """The distance of two images (h, w, 3) in [0, 1]; `id` names the weights."""

    id: str
    distance: Callable[[F32, F32], float]


def find_lpips(weights: Path | None = None) -> tuple[Lpips | None, str]:
    """LPIPS, and a word on where its weights are from; or None, and why it cannot be measured.

    Args:
        weights: an .npz of all weights, by the names that the package's module has.

    Raises:
        UsageError: `weights` are given and cannot be used. Corrupt: they are not those of LPIPS.
    """
    missing = [name for name in ("torch", "torchvision", "lpips") if find_spec(name) is None]
    if weights is not None:
        if missing:
            raise UsageError(
                f"--lpips-weights needs {', '.join(missing)}", hint="pip install lpips torchvision"
            )
        module, digest = _load(weights)
        return Lpips(f"vgg {digest}", _measure(module)), f"VGG, weights of {weights.name}"
    if missing:
        return None, f"LPIPS is not measured: not installed: {', '.join(missing)}; {HOW}"
    import torch

    if not Path(torch.hub.get_dir(), "checkpoints", BACKBONE).is_file():
        return None, f"LPIPS is not measured: {BACKBONE} is not in torch's cache; {HOW}"
    import lpips

    module = lpips.LPIPS(net="vgg", verbose=False)
    return Lpips("vgg", _measure(module)), "VGG, weights of torch's cache"


def _load(path: Path) -> tuple[Any, str]:
    import lpips
    import torch

    if file_size(path) > MAX_WEIGHTS:
        raise UsageError("too large for the weights of LPIPS", path=path)
    module = lpips.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False)
    digest = hashlib.sha256()
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: np.ascontiguousarray(stored[name]) for name in sorted(stored.files)}
    except (OSError, ValueError, KeyError) as error:
        raise Corrupt(f"not weights of LPIPS: {error}", path=path, hint=HOW) from error
    for name, array in arrays.items():
        digest.update(name.encode() + b"\0" + array.tobytes())
    try:
        module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (RuntimeError, TypeError) as error:
        raise Corrupt("not the weights of LPIPS with VGG", path=path, hint=HOW) from error
    return module, digest.hexdigest()[:12]


def _measure(module: Any) -> Callable[[F32, F32], float]:
    import torch

    module.eval()

    def distance(a: F32, b: F32) -> float:
        if a.shape != b.shape:
            raise FlexgsError("images of two sizes", expected=a.shape, found=b.shape)
        with torch.no_grad():
            pair = [
                torch.from_numpy(np.clip(image, 0, 1)).permute(2, 0, 1)[None] for image in (a, b)
            ]
            return float(module(*pair))

    return distance
