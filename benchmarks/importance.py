# SPDX-License-Identifier: Apache-2.0
"""Which score prunes best, and how true the scores are.

    python benchmarks/importance.py prune     # drop after removing 30/50/60/70 % by each score
    python benchmarks/importance.py truth     # removal against brute force; probes against exact
    python benchmarks/importance.py signed    # how much of the signed part pays

Drops are means over photographs of the report set; nothing was chosen on it (`signed` uses the
search set). Scores see the scoring views only.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

import numpy as np
from bonsai import Bonsai, arguments, drop_meter, load_bonsai, without

from flexgs.core import Camera, Splats
from flexgs.importance import removal_order, round_ends, scores
from flexgs.importance.agreement import rank_correlations
from flexgs.importance.seed_fisher import trace
from flexgs.importance.sums import TargetOf, view_contributions
from flexgs.pipeline.segment.ranking import FIRST_ROUND, ROUND_STEP
from flexgs.pipeline.views import photograph_reader
from flexgs.progress import SILENT, Advance
from flexgs.render import Parameters, Renderer

RATES = (0.3, 0.5, 0.6, 0.7)
BRUTE_GAUSSIANS, BRUTE_VIEWS = 300, 20


def ignore(_: int) -> None:
    """No progress."""


def print_drops(scene: Bonsai, label: str, order: np.ndarray, seconds: float) -> None:
    """One row: drops on the report set and on the search set."""
    cells = []
    for views in (scene.split.report, scene.split.search):
        meter = drop_meter(scene, views)
        cells.append([meter(without(scene.splats, order, rate)) for rate in RATES])
    rows = [" ".join(f"{drop:6.3f}" for drop in row) for row in cells]
    print(f"{label:28s} report {rows[0]}   search {rows[1]}   {seconds:6.1f} s", flush=True)


def compare_pruning(scene: Bonsai, stride: int) -> None:
    """Drops by each score in one shot, and by removal in rounds, with and without photographs."""
    views = scene.split.scoring[::stride]
    print(f"{len(views)} scoring views; removed: {RATES}")
    photo = photograph_reader()
    rounds = round_ends(FIRST_ROUND, ROUND_STEP, max(RATES))
    jobs = [
        ("removal, rounds, photos", "removal", rounds, photo),
        ("removal, rounds", "removal", rounds, None),
        *((f"{name}, one shot", name, (), None) for name in scores.ids()),
    ]
    for label, name, ends, target in jobs:
        started = time.perf_counter()
        order = removal_order(
            scene.splats, views, scene.renderer, scores.get(name), ends, target, SILENT
        )
        print_drops(scene, label, order, time.perf_counter() - started)


def brute_force(scene: Bonsai, rows: np.ndarray, views: tuple[Camera, ...]) -> np.ndarray:
    """Squared image change of removing each of some Gaussians, by rendering without it."""
    errors = np.zeros(len(rows))
    for camera in views:
        whole = scene.renderer.render(scene.splats, camera)
        hits = scene.renderer.contributions(scene.splats, camera).hits
        for k, row in enumerate(rows):
            if hits[row] > 0:
                rest = scene.splats.select(np.delete(np.arange(scene.splats.n), row))
                change = scene.renderer.render(rest, camera).astype(np.float64) - whole
                errors[k] += np.sum(change * change)
    return errors


def squares(p: Parameters) -> Parameters:
    """Element by element."""
    arrays = (p.means, p.log_scales, p.quats, p.opacity_logits, p.sh)
    return Parameters(*(a * a for a in arrays))


def probe(scene: Bonsai, camera: Camera, seed: int) -> Parameters:
    """One estimate of diag(J^T J): the squared gradient of a render summed with random signs."""
    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, (camera.height, camera.width, 3)).astype(np.float32) * 2 - 1
    return squares(scene.renderer.backward(scene.splats, camera, signs))


def check_truth(scene: Bonsai, stride: int) -> None:
    """Spearman of removal with brute force, of probes with the exact diagonal, of the seed."""
    rng = np.random.default_rng(0)
    views = scene.split.scoring[:: len(scene.split.scoring) // BRUTE_VIEWS][:BRUTE_VIEWS]
    by_score = {
        name: scores.get(name)(scene.splats, views, scene.renderer, None, ignore)
        for name in ("removal", "blend-weight", "coverage", "fisher", "seed-fisher")
    }
    rows = rng.choice(scene.splats.n, BRUTE_GAUSSIANS, replace=False)
    true = brute_force(scene, rows, views)
    print(f"Spearman with brute force, {BRUTE_GAUSSIANS} Gaussians, {len(views)} views")
    for name, values in by_score.items():
        print(f"  {name:14s} {rank_correlations([true, values[rows]])[0, 1]:.4f}", flush=True)
    views = scene.split.scoring[::stride]
    fields = ("means", "log_scales", "quats", "opacity_logits", "sh")
    exact = {name: np.zeros(getattr(scene.splats, name).shape) for name in fields}
    probed = {name: np.zeros(getattr(scene.splats, name).shape) for name in fields}
    traces = np.zeros((2, scene.splats.n))
    for seed, camera in enumerate(views):
        diagonal, _ = scene.renderer.fisher(scene.splats, camera)
        estimate = probe(scene, camera, seed)
        traces += np.stack([trace(diagonal), trace(estimate)])
        for name in fields:
            exact[name] += getattr(diagonal, name)
            probed[name] += getattr(estimate, name)
    print(f"Spearman of one probe a view with the exact diagonal, {len(views)} views")
    for name in fields:
        pair = [a[name].reshape(scene.splats.n, -1).sum(axis=1) for a in (exact, probed)]
        print(f"  {name:14s} {rank_correlations(pair)[0, 1]:.4f}")
    print(f"  {'trace':14s} {rank_correlations(list(traces))[0, 1]:.4f}", flush=True)


def signed_share(
    share: float,
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> np.ndarray:
    """`removal` with another share of its signed part."""
    total = np.zeros(splats.n)
    for _, c in view_contributions(splats, views, renderer, target, advance):
        total += c.removal + share * (c.signed.astype(np.float64) - c.removal)
    return total


def compare_shares(scene: Bonsai, stride: int) -> None:
    """Drops by removal in rounds, for several shares of the signed part."""
    photo = photograph_reader()
    rounds = round_ends(FIRST_ROUND, ROUND_STEP, max(RATES))
    for share in (0.1, 0.2, 0.3, 0.0, 1.0):
        started = time.perf_counter()
        order = removal_order(
            scene.splats,
            scene.split.scoring[::stride],
            scene.renderer,
            functools.partial(signed_share, share),
            rounds,
            photo,
            SILENT,
        )
        print_drops(scene, f"signed share {share}", order, time.perf_counter() - started)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("what", choices=("prune", "truth", "signed"))
    parser.add_argument("--stride", type=int, default=1, help="every so many scoring views")
    args = parser.parse_args()
    scene = load_bonsai(args.data, args.threads)
    {"prune": compare_pruning, "truth": check_truth, "signed": compare_shares}[args.what](
        scene, args.stride
    )


if __name__ == "__main__":
    main()
