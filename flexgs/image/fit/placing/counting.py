# SPDX-License-Identifier: Apache-2.0
"""How many Gaussians an image asks for: few for a simple one, many for a busy one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

# Gaussians a pixel for about 30 dB: 2^(BASE + SLOPE (entropy - MIDDLE)), by fits of Kodak images at
# two counts, deviation 0.6 octaves (docs/image-fitting.md). Bounds: a flat image
# needs some, and no image gains by more than MOST.
BASE, SLOPE, MIDDLE = -7.55, 3.66, 4.6
LEAST, MOST = 1 / 2000, 1 / 16
FEWEST = 16


def entropy_of(image: F32) -> float:  # (h, w, channels)
    """Bits a pixel of what a lossless coder would have left: luma less the median predictor's.

    Source: the predictor is that of LOCO-I, Weinberger et al., IEEE TIP 2000, equation 1.
    """
    colors = image[..., :3] if image.shape[2] >= 3 else image[..., :1]
    luma = np.round(255 * colors.mean(axis=2, dtype=np.float64)).astype(np.int64)
    padded = np.pad(luma, ((1, 0), (1, 0)), mode="edge")
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    low, high = np.minimum(left, above), np.maximum(left, above)
    rest = luma - np.clip(left + above - corner, low, high)
    counts = np.unique(rest, return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum())


def count_for(image: F32) -> int:  # (h, w, channels) in 0..1
    """How many Gaussians show an image at about the same quality as others: 30 dB, roughly.

    >>> flat = np.zeros((64, 64, 3), np.float32)
    >>> noise = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    >>> count_for(flat), count_for(noise)
    (16, 256)
    """
    pixels: int = image.shape[0] * image.shape[1]
    share = float(2.0 ** (BASE + SLOPE * (entropy_of(image) - MIDDLE)))
    return max(FEWEST, round(pixels * min(max(share, LEAST), MOST)))
