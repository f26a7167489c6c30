# SPDX-License-Identifier: Apache-2.0
"""Writes the golden `.fgi` files of the current version. Run it only for a new version.

    python scripts/bless_image_golden.py

A golden that exists is never overwritten: what was once released must decode for ever.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from flexgs.image.coding.symbols import Plan, quantise
from flexgs.image.file import pack_image
from flexgs.image.file.head import Tiling
from flexgs.image.model import ImageSplats
from flexgs.image.pyramid import decode_pyramid
from flexgs.image.pyramid.file import pack_pyramid
from flexgs.image.pyramid.model import level_size

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden" / "image"


def make_splats(n: int, width: int, height: int, channels: int, seed: int) -> ImageSplats:
    """Gaussians of all shapes, crowded to the left."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(0, 1, (n, 2)) ** [1.7, 1.0] * [width, height]
    l11, l22 = np.exp(rng.normal(1.0, 0.7, (2, n)))
    cholesky = np.stack([l11, rng.normal(0, 1, n) * l22, l22], axis=1)
    colors = rng.laplace(0, 0.2, (n, channels)) + rng.laplace(0, 0.2, (n, 1))
    return ImageSplats(means, cholesky, colors, None, width, height)


def cases() -> dict[str, bytes]:
    """Files by name."""
    made = {}
    for name, n, width, height, channels, quality in (
        ("n0", 0, 5, 3, 3, -16),
        ("n1", 1, 1, 1, 3, -16),
        ("n9", 9, 40, 30, 3, -16),
        ("grey", 120, 97, 61, 1, -24),
        ("rgb", 300, 160, 96, 3, -16),
        ("rgba", 150, 64, 200, 4, -8),
        ("fine", 100, 64, 64, 3, -120),
        ("coarse", 300, 64, 64, 3, 16),
        ("wide", 500, 3000, 20, 3, -20),
    ):
        splats = make_splats(n, width, height, channels, len(made))
        plan = Plan(width, height, channels, quality, cell_bits=len(made) % 5)
        made[name] = pack_image(plan, quantise(plan, splats), deep=name == "grey")
    splats = make_splats(200, 256, 128, 3, 20)
    splats = replace(splats, means=splats.means * 1.2 - [20, 10])
    plan = Plan(256, 128, 3, -16, 2, 1, -1, 3, margin=10)
    made["biases"] = pack_image(plan, quantise(plan, splats))
    plan = replace(plan, place_bias=0)
    made["tiles"] = pack_image(plan, quantise(plan, splats), tiling=Tiling(6, 12))
    levels = []
    for halvings in (2, 1, 0):
        width, height = level_size(101, 77, halvings)
        plan = Plan(width, height, 3, -20 - 16 * halvings, margin=3)
        splats = make_splats(60 >> halvings, width, height, 3, 30 + halvings)
        levels.append(pack_image(plan, quantise(plan, splats)))
    made["levels"] = pack_pyramid(101, 77, len(levels), levels)
    return made


def main() -> None:
    """See the module."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    for name, data in cases().items():
        if name in manifest:
            continue
        splats = decode_pyramid(data).splats()
        digest = hashlib.sha256()
        for field in ("means", "cholesky", "colors"):
            digest.update(np.ascontiguousarray(getattr(splats, field), dtype="<f4").tobytes())
        manifest[name] = {
            "file": hashlib.sha256(data).hexdigest(),
            "arrays": digest.hexdigest(),
            "shape": [splats.n, splats.width, splats.height, splats.channels],
        }
        (FOLDER / f"{name}.fgi").write_bytes(data)
        print(f"{name}: {splats.n} Gaussians, {len(data)} bytes")
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
