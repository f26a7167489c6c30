# SPDX-License-Identifier: Apache-2.0
"""What all edits share: scenes in, one scene out, and what happened on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.core import Splats
from flexgs.io import ensure_output
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.table import find_format, format_of_name
from flexgs.scenes import open_scene, scene_bytes, write_scene

Scene = Splats | str | Path


@dataclass(frozen=True)
class SceneFacts:
    """A scene that went in."""

    name: str  # of the file, without folders
    format: str
    size_bytes: int
    gaussians: int
    sh_degree: int


@dataclass(frozen=True, eq=False)
class Edited:
    """The scene that came out, and what happened on the way."""

    splats: Splats
    sources: tuple[SceneFacts, ...]
    notes: tuple[str, ...] = ()  # what was odd about the sources and how that was handled
    output_format: str | None = None  # None: it was not written
    output_bytes: int | None = None
    losses: tuple[Loss, ...] = ()  # what the file could not hold


def check_output(scenes: Sequence[Scene], output: str | Path | None, force: bool) -> None:
    """Whether `output` may be written, before any work.

    Raises:
        UsageError: no format has its name, or see `ensure_output`.
    """
    if output is not None:
        format_of_name(output)
        ensure_output(output, force, [each for each in scenes if not isinstance(each, Splats)])


def open_source(scene: Scene, drop_invalid: bool) -> Edited:
    """One scene as it is.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene`.
    """
    if isinstance(scene, Splats):
        facts = SceneFacts("(in memory)", "", scene.nbytes, scene.n, scene.degree)
        return Edited(scene, (facts,))
    file = open_scene(scene, drop_invalid=drop_invalid)
    name, format_name = Path(scene).name, find_format(scene).name
    splats = file.splats
    facts = SceneFacts(name, format_name, scene_bytes(scene), splats.n, splats.degree)
    return Edited(splats, (facts,), file.notes)


def save(
    splats: Splats,
    opened: Sequence[Edited],
    output: str | Path | None,
    *,
    force: bool,
    variant: str | None,
    plain: bool,
) -> Edited:
    """Writes the outcome, where there is an output.

    Raises:
        UsageError, SceneError, FlexgsError: see `write_scene`.
    """
    sources = tuple(facts for each in opened for facts in each.sources)
    notes = opened[0].notes
    if len(opened) > 1:
        notes = tuple(f"{each.sources[0].name}: {note}" for each in opened for note in each.notes)
    if output is None:
        return Edited(splats, sources, notes)
    losses = write_scene(splats, output, force=force, variant=variant, plain=plain)
    name = format_of_name(output).name
    return Edited(splats, sources, notes, name, scene_bytes(output), losses)
