# SPDX-License-Identifier: Apache-2.0
"""The tables of `cross_reading.py`: what they gather, how they are printed, when they fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from peers.browser import Job, Result
from peers.files import OURS
from peers.readings import FIELDS

TRANSFORM, SPARK, SPLATS3D = "splat-transform 3.7.0", "Spark 2.2.0", "GaussianSplats3D 0.4.7"
TOLERANCE = 1.001  # steps; a byte that is truncated may be a whole step off
VIEWERS = (SPARK, SPLATS3D)
LEAST_DB = 30.0  # of a picture against that of the .ply

# What a peer does not read, and where it reads something else than its format says.
UNREAD = {
    (TRANSFORM, "`.glb`"),
    (TRANSFORM, "`.glb` with SPZ"),
    (SPARK, "`.spz` version 4"),
    (SPARK, "streamed SOG"),
    (SPARK, "`.glb`"),
    (SPARK, "`.glb` with SPZ"),
    (SPLATS3D, "`.spz` version 3"),
    (SPLATS3D, "`.spz` version 4"),
    (SPLATS3D, "`.sog`"),
    (SPLATS3D, "streamed SOG"),
    (SPLATS3D, "`.glb`"),
    (SPLATS3D, "`.glb` with SPZ"),
}
# Its function for whole files fails without an element of SH; its viewer takes another one.
UNREAD_WITHOUT_SH = {(SPLATS3D, "`.compressed.ply`")}
_ANGLE = (
    "it takes the angle from the stored w alone, whatever the length of the quaternion: small "
    "rotations are off by up to 10 degrees (.splat) and 2.5 degrees (.ksplat)"
)
KNOWN = {
    (SPARK, name, "rotations"): _ANGLE
    for name in ("`.splat`", "`.ksplat` level 1", "`.ksplat` level 2")
}
NOTES = (
    f"{TRANSFORM} reads a byte of a `.splat` rotation as u/255 * 2 - 1, others, and we, as "
    "(u - 128)/128.",
    f"{SPARK}'s ExtSplats hold the three channels of a SH coefficient with the exponent of the "
    "power of two below the largest, and so cut off up to half of it; compared is what they can "
    "hold.",
    f"{SPLATS3D} has bytes of colours and opacities, truncated, from 0 to 1. It shows a "
    "`.compressed.ply` without SH, but its function for whole files fails on all of them, also "
    "SuperSplat's: numbers are of scenes with SH.",
)


@dataclass
class Table:
    """Rows of one table: the largest difference of every field so far, or what went wrong."""

    title: str
    reader: str
    rows: dict[str, dict[str, float] | str] = field(default_factory=dict)

    def add(self, name: str, found: dict[str, float] | str) -> None:
        """What one scene's file of a row came to."""
        before = self.rows.get(name)
        if isinstance(before, str):
            return
        if before and not isinstance(found, str):
            found = {key: max(before.get(key, 0.0), found.get(key, 0.0)) for key in FIELDS}
        self.rows[name] = found

    def print(self) -> None:
        """In Markdown."""
        print(f"\n{self.title}:\n\n| file | {' | '.join(FIELDS)} |\n|---|{'---|' * len(FIELDS)}")
        for name, found in self.rows.items():
            if isinstance(found, str):
                print(f"| {name} | not read {'| ' * len(FIELDS)}|")
            else:
                print(f"| {name} | {' | '.join(f'{found[key]:.2f}' for key in FIELDS)} |")

    def unexpected(self) -> list[str]:
        """Rows that should not look like that."""
        bad = []
        for name, found in self.rows.items():
            if isinstance(found, str):
                if (self.reader, name) not in UNREAD:
                    bad.append(f"{self.reader} did not read {name}: {found}")
                continue
            bad += [
                f"{self.reader}, {name}: {key} differ by {found[key]:.3g} steps"
                for key in FIELDS
                if found[key] > TOLERANCE and (self.reader, name, key) not in KNOWN
            ]
        return bad


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures in bytes."""
    error = np.mean(np.square(a.astype(np.float64) - b))
    return float(-10 * np.log10(max(error, 1e-9) / 255**2))


class Pictures:
    """Of each viewer and file: the worst PSNR against the same viewer's picture of the .ply."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Path, int], np.ndarray | str] = {}
        self.rows: list[tuple[str, str, Job]] = []

    def add(self, viewer: str, name: str, job: Job, found: Result) -> None:
        """Keeps one; an empty one shows nothing."""
        empty = isinstance(found, np.ndarray) and np.ptp(found) == 0
        self.kept[viewer, job.file, job.degree] = "an empty picture" if empty else found
        if job.file.name == OURS[name][0]:
            self.rows.append((viewer, name, job))

    def worst(self) -> dict[tuple[str, str], float | str]:
        """By (viewer, row)."""
        found: dict[tuple[str, str], float | str] = {}
        for viewer, name, job in self.rows:
            mine = self.kept[viewer, job.file, job.degree]
            plain = self.kept[viewer, job.file.parent / "ours.ply", job.degree]
            if isinstance(mine, str) or isinstance(plain, str):
                found[viewer, name] = next(x for x in (mine, plain) if isinstance(x, str))
            elif not isinstance(found.get((viewer, name)), str):
                found[viewer, name] = min(found.get((viewer, name), np.inf), psnr(mine, plain))
        return found

    def print(self) -> list[str]:
        """In Markdown; what should not look like that."""
        found = self.worst()
        head = f"| file | {' | '.join(VIEWERS)} |\n|---|{'---|' * len(VIEWERS)}"
        print(
            f"\nA picture, by the same viewer, against that of the `.ply` of that degree:\n\n{head}"
        )
        for name in OURS:
            if name == "`.ply`" or not any((viewer, name) in found for viewer in VIEWERS):
                continue
            cells = [found.get((viewer, name), "") for viewer in VIEWERS]
            shown = [cell if isinstance(cell, str) else f"{cell:.1f} dB" for cell in cells]
            print(f"| {name} | {' | '.join(shown)} |")
        return [
            f"{viewer}, picture of {name}: {value}"
            for (viewer, name), value in found.items()
            if isinstance(value, str) or value < LEAST_DB
        ]


class Tables:
    """All that is printed."""

    def __init__(self) -> None:
        readers = (TRANSFORM, *VIEWERS)
        self.ours = {reader: Table(f"Ours, read by {reader}", reader) for reader in readers}
        self.theirs = Table("Written by others, read by us and by their writer", TRANSFORM)
        self.pictures = Pictures()

    def print(self) -> list[str]:
        """In Markdown; what should not look like that."""
        bad = []
        for table in (*self.ours.values(), self.theirs):
            table.print()
            bad += table.unexpected()
        bad += self.pictures.print()
        print()
        for why in dict.fromkeys(KNOWN.values()):
            names = [(reader, name) for (reader, name, _), own in KNOWN.items() if own == why]
            print(f"- {names[0][0]} reads {', '.join(name for _, name in names)} wrongly: {why}.")
        for note in NOTES:
            print(f"- {note}")
        return bad
