# SPDX-License-Identifier: Apache-2.0
"""Several scenes as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flexgs.core import Splats
from flexgs.core.joining import join_splats
from flexgs.editing.files import Edited, Scene, check_output, open_source, save
from flexgs.errors import SceneError, TooLarge, UsageError
from flexgs.limits import DEFAULT_LIMITS


def merge(
    scenes: Sequence[Scene],
    output: str | Path | None = None,
    *,
    force: bool = False,
    variant: str | None = None,
    plain: bool = False,
    drop_invalid: bool = False,
) -> Edited:
    """All Gaussians of all scenes, in their order, with the highest SH degree among them.

    Args:
        scenes: files of any format, or Gaussians; they are taken to stand in one frame.
        output: where the scene goes; its name says the format. None: nowhere.
        variant: of that format, see `write_scene`.
        plain: take antialiased and flat (2DGS) scenes for plain 3DGS where they are mixed with
            others, or where the output cannot say what they are.
        drop_invalid: leave Gaussians with unusable values out instead of refusing the scene.

    Raises:
        UsageError: no scenes, or `output` cannot be written.
        FormatError: a scene cannot be read. TooLarge: more Gaussians than a file may hold.
        SceneError: bad values, or scenes of different models without `plain`.
    """
    if not scenes:
        raise UsageError("nothing to merge", expected="one scene at least")
    check_output(scenes, output, force)
    opened = [open_source(scene, drop_invalid) for scene in scenes]
    merged, unsaid = _join([each.splats for each in opened], plain)
    done = save(merged, opened, output, force=force, variant=variant, plain=plain)
    return replace(done, notes=(*done.notes, *unsaid))


def _join(parts: list[Splats], plain: bool) -> tuple[Splats, tuple[str, ...]]:
    total = sum(part.n for part in parts)
    if total > DEFAULT_LIMITS.max_gaussians:
        raise TooLarge(
            "too many Gaussians for one scene",
            expected=f"at most {DEFAULT_LIMITS.max_gaussians}",
            found=total,
        )
    models = sorted({part.model for part in parts})
    if len(models) == 1:
        return join_splats(parts), ()
    if not plain:
        raise SceneError(
            "the scenes want to be rendered in different ways",
            expected="one of 3dgs | mip | 2dgs",
            found=" and ".join(models),
            hint="--plain takes all of them for plain 3DGS",
        )
    other = sum(part.n for part in parts if part.model != "3dgs")
    named = " or ".join(model for model in models if model != "3dgs")
    return join_splats(parts, "3dgs"), (f"{other} Gaussians of {named} taken for plain 3DGS",)
