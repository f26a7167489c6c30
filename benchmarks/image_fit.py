# SPDX-License-Identifier: Apache-2.0
"""Fitting images: time of a step and of a picture, starts, counts, steps, and what files lose.

    python benchmarks/image_fit.py times ../shared/data/kodak/kodim03.png
    python benchmarks/image_fit.py starts ../shared/data/kodak/kodim03.png --count 5000
    python benchmarks/image_fit.py counts ../shared/data/kodak/*.png --count 850 2400 5500
    python benchmarks/image_fit.py steps ../shared/data/kodak/kodim03.png
    python benchmarks/image_fit.py rounding ../shared/data/kodak/kodim03.png --count 2400

Times are the best of several runs; PSNR is of unquantised Gaussians, clamped to 0..1. A fit is the
same on every machine of one kind, whatever else runs; its seconds are not. What every choice of a
fit is worth: `flexgs image bench --choices`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from flexgs.image import ImageSplats
from flexgs.image.encode.press import press, shifted, trained
from flexgs.image.fit import FitOptions, Growth, Moment, fit
from flexgs.image.fit.placing.counting import entropy_of
from flexgs.image.gradient import gradients, make_target
from flexgs.image.render import render, use_threads

F32 = npt.NDArray[np.float32]
RUNS = 15
SWEEPS = 8  # of preset balanced


def read(path: Path) -> F32:
    return np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)


def best_ms(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def times(paths: list[Path], counts: list[int], steps: int) -> None:
    image = read(paths[0])
    target = make_target(image)
    for count in counts:
        splats = fit(image, FitOptions(count, steps)).splats
        for threads in (1, 2):
            use_threads(threads)
            drawn = best_ms(lambda s=splats, t=threads: render(s, threads=t))
            stepped = best_ms(lambda s=splats: gradients(s, target))
            row = f"render {drawn:.1f} ms, picture and gradient {stepped:.1f} ms"
            print(f"N = {splats.n}, {threads} threads: {row}", flush=True)
            pixels = image.shape[0] * image.shape[1]
            pairs = pairs_of(splats)
            print(f"  {pairs / pixels * 256:.1f} Gaussians a tile", flush=True)


def pairs_of(splats: ImageSplats) -> int:
    from flexgs.image.kernels.lists import make_records, tile_lists

    ones = np.ones(splats.n, np.float32)
    window = (0, 0, -(-splats.width // 16), -(-splats.height // 16))
    return len(tile_lists(make_records(splats.means, splats.cholesky, ones), window)[2])


def starts(paths: list[Path], counts: list[int], steps: int, goal: float = 28.0) -> None:
    """Steps until 28 dB with all Gaussians there from the start."""
    for path in paths:
        for count in counts:
            for start in ("content", "superpixels", "random"):
                heard: list[float] = []

                def report(moment: Moment, heard: list[float] = heard) -> bool:
                    heard.append(moment.psnr)
                    return moment.psnr < goal

                growth = Growth(rounds=0)
                options = FitOptions(count, steps, start=start, growth=growth)  # type: ignore[arg-type]
                fit(read(path), options, report=report, report_every=1)
                reached = f"{len(heard) - 1} steps" if heard[-1] >= goal else "not reached"
                print(
                    f"{path.stem} N = {count} {start:12} {heard[0]:.2f} dB, {reached}", flush=True
                )


def counts_(paths: list[Path], counts: list[int], steps: int) -> None:
    for count in counts:
        found = []
        for path in paths:
            image = read(path)
            psnr = fit(image, FitOptions(count, steps)).psnr
            found.append(psnr)
            print(
                f"{path.stem} N = {count} {psnr:.3f} dB, entropy {entropy_of(image):.2f}",
                flush=True,
            )
        print(f"N = {count}: mean {np.mean(found):.3f} dB of {len(found)} images", flush=True)


def steps_(paths: list[Path], counts: list[int], steps: int) -> None:
    """PSNR and seconds of 1, 2, 10 and 20 times as many steps."""
    fit(read(paths[0])[:64, :64], FitOptions(50, 20))  # compiles
    for path in paths:
        image = read(path)
        for count in counts:
            for factor in (1, 2, 10, 20):
                start = time.perf_counter()
                psnr = fit(image, FitOptions(count, factor * steps)).psnr
                row = f"{factor * steps} steps: {psnr:.3f} dB, {time.perf_counter() - start:.1f} s"
                print(f"{path.stem} N = {count}, {row}", flush=True)


def rounding(paths: list[Path], counts: list[int], steps: int) -> None:
    """Floats against files at the same N, with quantisation in the fit and sweeps, and without."""
    for path in paths:
        image = read(path)
        for count in counts:
            options = FitOptions(count, steps, threads=1)
            floats, quantised = (
                trained(image, options, way, lambda _: None, never) for way in (False, True)
            )
            print(f"{path.stem} N = {count}: floats {floats.psnr:.2f} dB")
            for name, way, sweeps in (("rounded", floats, 0), ("trained", quantised, SWEEPS)):
                for finer in (0, 5, 10):  # sixteenths of an octave
                    made = press(image, shifted(way.plan, -finer), way.splats, sweeps, never)
                    bits, lost = 8 * len(made.data) / made.count, floats.psnr - made.psnr
                    print(
                        f"  {name}: {lost:.2f} dB less, {made.count} of {bits:.1f} bits", flush=True
                    )


def never() -> bool:
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tables = {
        "times": times,
        "starts": starts,
        "counts": counts_,
        "steps": steps_,
        "rounding": rounding,
    }
    parser.add_argument("table", choices=sorted(tables))
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--count", type=int, nargs="+", default=[5000])
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    tables[args.table](args.images, args.count, args.steps)


if __name__ == "__main__":
    main()
