# SPDX-License-Identifier: Apache-2.0
"""Compress a scene to a named quality, look at the report, bring it back.

python examples/compress_scene.py scene.ply small.fgs restored.ply
"""

from __future__ import annotations

import sys
from pathlib import Path

import flexgs


def main(scene: Path, small: Path, restored: Path, drop_db: float = 1.0) -> None:
    options = flexgs.CompressOptions(target_psnr_drop=drop_db, best_effort=True, force=True)
    result = flexgs.compress(scene, small, options=options)
    report = result.report
    print(
        f"{report.source.size_bytes} -> {len(result.data)} bytes, {report.ratio:.1f} times smaller"
    )
    if report.report_quality is not None:
        quality = report.report_quality
        print(f"{quality.drop_db:.2f} dB, {quality.drop_source}, {len(quality.views)} views")

    splats = flexgs.decompress(small, restored, force=True)
    print(f"{splats.n} Gaussians of degree {splats.degree} in {restored.name}")

    quality = flexgs.evaluate(scene, restored)
    print(f"worst view: {quality.by_drop()[0].name}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*(Path(argument) for argument in sys.argv[1:]))
