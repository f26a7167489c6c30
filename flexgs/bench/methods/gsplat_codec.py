# SPDX-License-Identifier: Apache-2.0
"""gsplat's PNG codec on scene files.

python -m flexgs.bench.methods.gsplat_codec encode SCENE FOLDER
python -m flexgs.bench.methods.gsplat_codec decode FOLDER OUT.ply
"""

from __future__ import annotations

import sys
from pathlib import Path

from flexgs.core import Splats
from flexgs.errors import UsageError
from flexgs.io import write_ply
from flexgs.scenes import read_scene

NAMES = {  # gsplat's: ours
    "means": "means",
    "scales": "log_scales",
    "quats": "quats",
    "opacities": "opacity_logits",
}


def encode(scene: Path, folder: Path) -> None:
    """Writes the codec's pictures into `folder`, which is made.

    Raises:
        UsageError, FormatError: the scene cannot be read.
    """
    import torch
    from gsplat import PngCompression

    splats = read_scene(scene)
    tensors = {name: torch.tensor(getattr(splats, ours)).cuda() for name, ours in NAMES.items()}
    tensors["sh0"] = torch.tensor(splats.sh[:, :1]).cuda()
    if splats.degree:
        tensors["shN"] = torch.tensor(splats.sh[:, 1:]).cuda()
    folder.mkdir()
    PngCompression(verbose=False).compress(str(folder), tensors)


def decode(folder: Path, scene: Path) -> None:
    """Writes the scene that the pictures hold."""
    import torch
    from gsplat import PngCompression

    found = PngCompression(verbose=False).decompress(str(folder))
    values = {ours: found[name].float().cpu().numpy() for name, ours in NAMES.items()}
    sh = torch.cat([found[name].float().cpu() for name in ("sh0", "shN") if name in found], dim=1)
    write_ply(scene, Splats(**values, sh=sh.numpy()), force=True)


def main(arguments: list[str]) -> None:
    """Runs one of the two."""
    does = {"encode": encode, "decode": decode}
    if len(arguments) != 3 or arguments[0] not in does:
        raise UsageError("not understood", expected="encode SCENE FOLDER | decode FOLDER OUT.ply")
    does[arguments[0]](Path(arguments[1]), Path(arguments[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
