# SPDX-License-Identifier: Apache-2.0
"""What every other format would make of a scene: encoded in memory, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from flexgs.core import Splats
from flexgs.errors import FormatError, SceneError, UsageError
from flexgs.io.formats.fit import encode_scene, fit_scene
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.table import scene_formats
from flexgs.io.ply import ply_bytes
from flexgs.lint.model import Outcome

SLOW = ("sog",)  # its palette takes many times as long as all others together
_ROUNDED_ONLY = ("fgs",)  # holds everything; how large it gets is a matter of `flexgs compress`


def written_formats() -> list[str]:
    """Formats that scenes can be written in."""
    entries = [scene_formats.get(name) for name in scene_formats]
    return [entry.name for entry in entries if entry.encoders or entry.name in ("ply", "fgs")]


def choose_formats(text: str) -> tuple[str, ...]:
    """Formats to try: "quick" (all but the slow ones), "all", "none", or names with commas.

    Raises:
        UsageError: something else.
    """
    known = written_formats()
    if text in ("quick", "all", "none"):
        return tuple(n for n in known if text == "all" or (text == "quick" and n not in SLOW))
    names = tuple(part.strip() for part in text.split(","))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            "no such format to try",
            expected=f"quick | all | none | {' | '.join(known)}",
            found=unknown[0],
        )
    return names


def try_formats(splats: Splats, names: Sequence[str]) -> tuple[Outcome, ...]:
    """What would become of valid Gaussians in the default variant of each format.

    Formats that are not in `names` are only asked for what degree and model cost.
    """
    return tuple(_outcome(splats, scene_formats.get(n), n in names) for n in written_formats())


def _outcome(splats: Splats, entry: SceneFormat, wanted: bool) -> Outcome:
    degree = min(splats.degree, entry.max_degree)
    try:
        if entry.encoders and wanted:
            encoded = encode_scene(splats, entry)
            return Outcome(entry.name, len(encoded.data), degree, encoded.losses)
        fitting, losses = fit_scene(splats, entry, plain=False)
    except (SceneError, FormatError) as error:
        found = "" if error.found is None else f" ({error.found})"
        return Outcome(entry.name, refused=f"{error.what}{found}")
    is_ply = entry.name == "ply" and wanted
    size = ply_bytes(fitting) if is_ply else None
    tried = is_ply or (wanted and entry.name in _ROUNDED_ONLY)
    return Outcome(entry.name, size, degree, tuple(losses), tried=tried)
