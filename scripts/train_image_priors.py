# SPDX-License-Identifier: Apache-2.0
"""Makes flexgs/image/coding/priors.bin: what the coder of `.fgi` files believes at first.

    python scripts/train_image_priors.py PICTURE... [--rates .1 .25 .6] [--preset fast]

Every picture is encoded at every rate, and one model codes all the files, one after the other and
twice; what it has learned then is kept. A changed table is another format: it comes with another
version (docs/format.md). That of version 1 was learned so, from 45 files of astronaut, chelsea,
coffee, motorcycle_left and rocket of scikit-image 0.26 (`skimage/data`), but from fits of a simpler
fitter that there was at the time: running this again makes an equally good table, not the same.
None of the pictures that benchmarks use was among them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from flexgs.entropy.contexts import new_model
from flexgs.image.coding.attributes import ATTRIBUTE_CONTEXTS, ATTRIBUTE_MIXERS
from flexgs.image.coding.cells import CELL_CONTEXTS, CELL_MIXERS
from flexgs.image.coding.priors import PATH, pack_slots
from flexgs.image.coding.stream import encode_with
from flexgs.image.coding.symbols import Plan, Symbols
from flexgs.image.encode import EncodeOptions, encode_picture
from flexgs.image.pixels import read_picture

PASSES = 2


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 0.25, 0.6])
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, default=PATH)
    args = parser.parse_args()
    files: list[tuple[Plan, Symbols]] = []
    for path in args.pictures:
        picture = read_picture(path)
        for rate in args.rates:
            options = EncodeOptions(
                target_bpp=rate, preset=args.preset, best_effort=True, threads=args.threads
            )
            found = encode_picture(picture, options).pressed
            files.append((found.plan, found.symbols))
            print(f"{path.name} {rate}: {found.count} Gaussians, {found.psnr:.2f} dB", flush=True)
    models = (
        new_model(CELL_CONTEXTS, CELL_MIXERS),
        new_model(ATTRIBUTE_CONTEXTS, ATTRIBUTE_MIXERS),
    )
    rng = np.random.default_rng(0)
    for _ in range(PASSES):
        for index in rng.permutation(len(files)):
            encode_with(models, *files[index], np.zeros(0, np.int64))
    args.output.write_bytes(pack_slots(np.concatenate((models[0][0], models[1][0]))))
    print(f"{args.output}: {args.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
