# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files of the current format version. Run it only for a new format version.

    python scripts/bless_golden.py

A golden that exists is never overwritten: what was once released must decode for ever.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from flexgs.codec import decode_splats, encode_splats, pack_rd, rd_chunk_bounds
from flexgs.codec.rd.colours import quantise_colours
from flexgs.codec.rd.geometry_choice import quantise_geometry
from flexgs.codec.rd.geometry_values import dequantise_geometry
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


def write_rd(scene: Splats, lam: float, seed: int, name: str) -> bytes:
    """A file of the `rd` profile, by errors that are made up: `lam` is squared error a bit."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(64, 10, 14)) * np.exp(rng.normal(size=(64, 1, 1)))
    roots[:, :3] *= 60.0  # positions are felt more
    fisher = np.einsum("nij,nkj->nik", roots, roots).astype(np.float32)
    fisher = fisher[np.arange(scene.n) % 64]
    plan, symbols, order = quantise_geometry(scene, fisher, lam)
    features = dequantise_geometry(plan, symbols).features
    basis = rng.normal(size=(scene.n, 8, scene.sh.shape[1])) * 3.0
    basis[:, :, 0] = 2.8
    rows, columns = np.tril_indices(scene.sh.shape[1])
    blocks = np.einsum("nvi,nvj->nij", basis, basis)[:, rows, columns].astype(np.float32)
    bounds = rd_chunk_bounds(scene.n)
    colour_plan, colours = quantise_colours(
        scene.sh[order], blocks, features, symbols.cells, bounds, lam
    )
    return pack_rd(plan, symbols, colour_plan, colours, scene.model, {"golden": name})


def rd_goldens() -> dict[str, tuple[Splats, float]]:
    """Name -> scene and lambda of a file of the `rd` profile."""
    far = make_scene(300, 1, 60)
    means, log_scales, logits = far.means.copy(), far.log_scales.copy(), far.opacity_logits.copy()
    means[7] = (1e6, -1e6, 5)
    log_scales[:20], log_scales[20:40], log_scales[40:60, 1:] = -30.0, 5.0, -20.0
    logits[:10], logits[10:20] = 15.0, -15.0
    extreme = replace(far, means=means, log_scales=log_scales, opacity_logits=logits)
    return {
        "rd-n0": (make_scene(0, 3, 50), 1e-2),
        "rd-n1": (make_scene(1, 3, 51), 1e-2),
        "rd-n2-degree1": (make_scene(2, 1, 52), 1e-2),
        "rd-n300-degree0": (make_scene(300, 0, 53), 1e-2),
        "rd-n300-degree2-mip": (make_scene(300, 2, 54, model="mip"), 1e-2),
        "rd-n600-degree3": (make_scene(600, 3, 55), 1e-2),
        "rd-fine": (make_scene(200, 3, 56), 1e-7),
        "rd-coarse": (make_scene(600, 3, 57), 10.0),
        "rd-extreme": (extreme, 1e-3),
        "rd-lattice": (lattice(17_000), 1e-2),  # two chunks, plain columns
    }


def hash_arrays(splats: Splats) -> str:
    """sha256 of all arrays, little endian, in the order of FIELDS."""
    digest = hashlib.sha256()
    for name in FIELDS:
        digest.update(np.ascontiguousarray(getattr(splats, name), dtype="<f4").tobytes())
    return digest.hexdigest()


def all_files() -> dict[str, Callable[[], bytes]]:
    """Name -> what makes the file."""
    files: dict[str, Callable[[], bytes]] = {
        name: partial(encode_splats, scene, plan, metadata={"golden": name})
        for name, (scene, plan) in goldens().items()
    }
    for seed, (name, (scene, lam)) in enumerate(rd_goldens().items(), start=70):
        files[name] = partial(write_rd, scene, lam, seed, name)
    return files


def main() -> int:
    """Adds the goldens that are not there yet."""
    manifest_path = FOLDER / "manifest.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    for name, make in all_files().items():
        path = FOLDER / f"{name}.fgs"
        if path.exists():
            continue
        data = make()
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
