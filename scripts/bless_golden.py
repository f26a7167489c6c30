# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files of the current format version. Run it only for a new format version.

    python scripts/bless_golden.py

A golden that exists is never overwritten: what was once released must decode for ever.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from flexgs.codec import decode_splats, encode_splats
from flexgs.core import Splats
from flexgs.quant import SegmentPlan

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden" / "v1"
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")


def make_scene(n: int, degree: int, seed: int, d: int = 3, model: str = "3dgs") -> Splats:
    """Clusters with smooth colours; a third without SH, a third with one band."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 3, (8, d))
    member = rng.integers(0, 8, n)
    means = centers[member] + rng.normal(0, 0.4, (n, d))
    sh = rng.laplace(0, 0.03, (n, (degree + 1) ** 2, 3))
    sh[:, 0] = np.sin(means[:, :1] + [0, 1, 2])
    part = np.arange(n) % 3
    sh[part == 0, 1:] = 0
    sh[part == 1, 4:] = 0
    return Splats(
        means,
        rng.normal(-4, 1, (n, d)),
        rng.normal([2, 0, 0, 0], 1, (n, 4)),
        rng.normal(0, 3, n),
        sh,
        model,  # type: ignore[arg-type]
    )


def lattice(n: int) -> Splats:
    """Many equal Gaussians on a lattice: two chunks in a few kilobytes."""
    index = np.arange(n)
    means = np.stack([index % 64, index // 64 % 64, index // 4096], axis=1) * 0.5
    one = np.ones((n, 1))
    return Splats(
        means,
        one * [-3, -3, -4],
        one * [1, 0, 0, 0],
        np.zeros(n),
        one[:, :, None] * [0.5, 0.1, -0.2],
    )


def goldens() -> dict[str, tuple[Splats, SegmentPlan]]:
    """Name -> scene and plan."""
    plan = SegmentPlan()
    far = make_scene(300, 1, 20)
    means = far.means.copy()
    means[7] = (1e4, -1e4, 5)
    wide = SegmentPlan(means=12, dc=12, opacity=16, scales=10, quats=16, sh=9)
    odd = SegmentPlan(segments=2, means=7, dc=5, opacity=3, scales=6, quats=7, sh=3)
    table = {
        "n0": (make_scene(0, 3, 1), plan),
        "n1": (make_scene(1, 3, 2), plan),
        "n2-degree1": (make_scene(2, 1, 3), plan),
        "n255-degree0": (make_scene(255, 0, 4), plan),
        "n256-degree2": (make_scene(256, 2, 5), plan),
        "n600-degree3": (make_scene(600, 3, 6), plan),
        "degree4": (make_scene(64, 4, 7), plan),
        "wide-bits": (make_scene(300, 2, 8), wide),
        "odd-bits": (make_scene(300, 3, 9), odd),
        "two-bits": (make_scene(300, 3, 10), SegmentPlan(dc=2, sh=2, scales=4, opacity=2, quats=4)),
        "one-bit": (make_scene(64, 1, 11), SegmentPlan(1, 1, 1, 1, 1, 1, 1)),
        "model-mip": (make_scene(200, 1, 12, model="mip"), plan),
        "model-2dgs": (make_scene(200, 1, 13, model="2dgs"), plan),
        "plane-d2": (make_scene(200, 0, 14, d=2), plan),
        "outlier": (replace(far, means=means), plan),
        "n65537": (lattice(65537), plan),
        "two-chunks": (lattice(140_000), plan),
    }
    for i, codec in enumerate(("raw", "zlib", "zstd", "lzma", "brotli")):
        table[f"codec-{codec}"] = (make_scene(300, 1, 30 + i), SegmentPlan(codec=codec))
    return table


def hash_arrays(splats: Splats) -> str:
    """sha256 of all arrays, little endian, in the order of FIELDS."""
    digest = hashlib.sha256()
    for name in FIELDS:
        digest.update(np.ascontiguousarray(getattr(splats, name), dtype="<f4").tobytes())
    return digest.hexdigest()


def main() -> int:
    """Adds the goldens that are not there yet."""
    manifest_path = FOLDER / "manifest.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    for name, (scene, plan) in goldens().items():
        path = FOLDER / f"{name}.fgs"
        if path.exists():
            continue
        data = encode_splats(scene, plan, metadata={"golden": name})
        decoded = decode_splats(data)
        path.write_bytes(data)
        manifest[name] = {
            "bytes": len(data),
            "file": hashlib.sha256(data).hexdigest(),
            "arrays": hash_arrays(decoded),
            "n": decoded.n,
            "d": decoded.d,
            "degree": decoded.degree,
            "model": decoded.model,
        }
        print(f"blessed {name}: {len(data)} bytes")
    manifest_path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
