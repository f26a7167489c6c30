# SPDX-License-Identifier: Apache-2.0
"""python -m flexgs.demo FOLDER: makes the demo scene there."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexgs.demo.make import make_demo_scene
from flexgs.errors import FlexgsError
from flexgs.progress import Advance


class StderrProgress:
    """A line a stage on stderr; on a terminal it counts up."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """See `flexgs.progress.Progress`."""
        start, done = time.monotonic(), 0
        live = sys.stderr.isatty()

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if live:
                print(f"\r{name}: {done}/{total}", end="", file=sys.stderr, flush=True)

        yield advance
        seconds = time.monotonic() - start
        print(f"{chr(13) * live}{name}: {done} in {seconds:.0f} s", file=sys.stderr)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flexgs.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the scene goes")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("making a scene (the first time compiles kernels: half a minute more)", file=sys.stderr)
    try:
        made = make_demo_scene(arguments.folder, progress=StderrProgress(), seed=arguments.seed)
    except FlexgsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(
        f"{made.gaussians} Gaussians; PSNR {made.psnr_fitted:.1f} dB on the views fitted to, "
        f"{made.psnr_held_out:.1f} dB on those held out",
        file=sys.stderr,
    )
    print(made.scene)
    return 0


if __name__ == "__main__":
    sys.exit(main())
