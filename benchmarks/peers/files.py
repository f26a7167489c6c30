# SPDX-License-Identifier: Apache-2.0
"""Scenes in every format, written by us and by the peers, and splat-transform's readings."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peers.readings import Reading, reading_of

from flexgs import read_scene, write_scene
from flexgs.core import Splats
from flexgs.io import read_ply, write_ply
from flexgs.io.formats.fit import lower_degree
from flexgs.io.formats.sog.levels import write_levels

SCENES = {
    "guitar": "formats/guitar.compressed.ply",
    "biker": "formats/biker.spz",
    "playbot": "formats/playbot-sog2",
    "pcblocks": "formats/pcblocks-sog1",
    "bonsai": "bonsai/point_cloud.ply",
}
# what the table calls it: file, and the variant
OURS: dict[str, tuple[str, str | None]] = {
    "`.ply`": ("ours.ply", None),
    "`.compressed.ply`": ("ours.compressed.ply", None),
    "`.splat`": ("ours.splat", None),
    "`.ksplat` level 0": ("ours-0.ksplat", "0"),
    "`.ksplat` level 1": ("ours-1.ksplat", "1"),
    "`.ksplat` level 2": ("ours-2.ksplat", "2"),
    "`.spz` version 2": ("ours-2.spz", "2"),
    "`.spz` version 3": ("ours-3.spz", "3"),
    "`.spz` version 4": ("ours-4.spz", "4"),
    "`.sog`": ("ours.sog", None),
    "streamed SOG": ("ours-streamed/lod-meta.json", None),
    "`.glb`": ("ours.glb", None),
    "`.glb` with SPZ": ("ours-spz.glb", "spz"),
}
# file and options of splat-transform
TRANSFORMED: dict[str, tuple[str, list[str]]] = {
    "`.ply`": ("st.ply", []),
    "`.compressed.ply`": ("st.compressed.ply", []),
    "`.spz` version 3": ("st-3.spz", ["--spz-version", "3"]),
    "`.spz` version 4": ("st-4.spz", []),
    "`.sog`": ("st.sog", ["-g", "cpu"]),
    "`.glb`": ("st.glb", []),
    "streamed SOG": ("st-streamed/lod-meta.json", ["-g", "cpu"]),
}
KSPLAT_LEVELS = (0, 1, 2)


@dataclass(frozen=True)
class Peers:
    """The folder of the peers, and how many Gaussians with SH their SOG writer gets."""

    folder: Path
    slow_rows: int

    @property
    def modules(self) -> Path:
        """Where npm put them."""
        return self.folder / "node_modules"

    def transform(self, *arguments: str | Path) -> str:
        """Runs splat-transform; what it complains of, empty when it went well."""
        cli = self.modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
        return _run(["node", str(cli), "-w", "-q", *map(str, arguments)])

    def transform_read(self, file: Path, folder: Path) -> Reading | str:
        """What splat-transform reads, by way of a .ply in `folder`; or why it does not."""
        if file.is_dir():
            file = file / "meta.json"
        finest = ["-L", "0"] if file.name == "lod-meta.json" else []
        out = folder / "read.ply"
        out.unlink(missing_ok=True)
        said = self.transform(*finest, file, out)
        return reading_of(read_ply(out).splats) if out.is_file() else said[-200:] or "no output"


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr or done.stdout or "failed").strip() if done.returncode else ""


def thin(splats: Splats, most: int) -> Splats:
    """At most so many Gaussians, evenly out of all."""
    return splats.select(np.unique(np.linspace(0, splats.n - 1, min(most, splats.n)).astype(int)))


def write_ours(splats: Splats, folder: Path) -> None:
    """The scene in all our formats."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, variant in OURS.values():
        if name.endswith("lod-meta.json"):
            half = splats.select(np.arange(0, splats.n, 2))
            files, _ = write_levels([splats, half], leaf=splats.n // 4, file=splats.n // 2)
            _write_folder((folder / name).parent, files)
        else:
            write_scene(splats, folder / name, variant=variant, force=True)


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def write_theirs(splats: Splats, folder: Path, peers: Peers) -> None:
    """The scene as the peers write it.

    Raises:
        SystemExit: one of them failed.
    """
    source = folder / "ours.ply"
    slow = thin(splats, peers.slow_rows if splats.degree else splats.n)
    write_ply(folder / "slow.ply", slow, force=True)
    for name, options in TRANSFORMED.values():
        is_slow = "-g" in options
        (folder / name).parent.mkdir(exist_ok=True)
        lods = ["-l", "0"] if name.endswith("lod-meta.json") else []
        said = peers.transform(
            folder / "slow.ply" if is_slow else source, *lods, *options, folder / name
        )
        if said:
            raise SystemExit(f"splat-transform, {name}: {said}")
    two = lower_degree(splats, 2)[0]
    write_ply(folder / "two.ply", two, force=True)
    for level in KSPLAT_LEVELS:
        command = ["node", str(peers.folder / "mkksplat.mjs"), str(folder / "two.ply")]
        said = _run([*command, str(folder / f"g3d-{level}.ksplat"), str(level), str(two.degree)])
        if said:
            raise SystemExit(f"GaussianSplats3D, .ksplat: {said}")


def our_reading(file: Path) -> Reading:
    """What we read."""
    return reading_of(read_scene(file))
