# SPDX-License-Identifier: Apache-2.0
"""One view as a strip: original, compressed, difference. The picture of the README.

python benchmarks/picture.py SCENE.ply FILE.fgs VIEW OUT.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import flexgs
from flexgs.io import write_png

GAIN = 8  # of the difference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("scene", "file", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--cameras", type=Path, required=True)
    parser.add_argument("--view", required=True, help="one of the report views")
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_args()
    original, compressed = (
        next(
            image
            for camera, image in flexgs.render_views(path, cameras=args.cameras, scale=args.scale)
            if camera.name == args.view
        )
        for path in (args.scene, args.file)
    )
    difference = np.clip(np.abs(compressed - original) * GAIN, 0, 1)
    write_png(args.out, np.concatenate([original, compressed, difference], axis=1))


if __name__ == "__main__":
    main()
