# SPDX-License-Identifier: Apache-2.0
"""Scene files in and out, whatever their format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from flexgs.codec import decode_parts, encode_splats, read_bytes, read_fgs
from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.errors import FlexgsError, FormatError, Unsupported, UsageError
from flexgs.io import SceneFile, atomic_write, ensure_output, ensure_suffix, write_ply
from flexgs.io.files import file_size
from flexgs.io.formats.fit import encode_scene, fit_scene
from flexgs.io.formats.losses import Encoded, Loss
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.spz.layout import FRAMES
from flexgs.io.formats.table import find_format, format_of_name
from flexgs.io.ply import read_raw_ply, write_ply_parts
from flexgs.io.validate import validate_splats
from flexgs.limits import DEFAULT_LIMITS, Limits
from flexgs.quant import SegmentPlan

_FINEST = SegmentPlan(means=16, dc=16, opacity=16, scales=16, quats=16, sh=16)


def open_scene(
    path: str | Path,
    *,
    drop_invalid: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    level: int = 0,
    frame: str | None = None,
) -> SceneFile:
    """A scene of any format, chosen by content, with notes on what was odd about it.

    Args:
        level: of detail, of a streamed SOG; 0 is the finest.
        frame: the axes of an .spz that does not say which it has, as in SPZ's own names: RUB is x
            right, y up, z back. None: RDF, the .ply's, as most writers leave them.

    Raises:
        UsageError, FormatError, SceneError: see `read_ply` and `read_fgs`; no such level or frame.
    """
    entry, file = open_unchecked(path, limits=limits, level=level, frame=frame)
    if entry.name == "fgs":  # nothing else can be in it
        return file
    is_raw = entry.name == "ply"
    splats, changes = validate_splats(file.splats, path, drop_invalid, raw=is_raw)
    return replace(file, splats=splats, notes=(*file.notes, *changes))


def open_unchecked(
    path: str | Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    level: int = 0,
    frame: str | None = None,
) -> tuple[SceneFormat, SceneFile]:
    """The format of a file, and the scene in it, whatever its numbers are.

    Raises:
        UsageError, FormatError: the file cannot be read. SceneError: see `read_raw_ply`.
    """
    entry = find_format(path)
    if level and entry.read_level is None:
        raise UsageError(f"{entry.name} files have no levels of detail", path=path, found=level)
    if frame is not None:
        _check_frame(frame, entry, path)
    if entry.name == "ply":
        return entry, read_raw_ply(path, limits)
    if entry.name == "fgs":
        return entry, SceneFile(read_fgs(path, limits))
    if entry.read is None:
        raise Unsupported(f"{entry.name} files are written only", path=path)
    if level and entry.read_level is not None:
        return entry, entry.read_level(Path(path), limits, level)
    if frame is not None and entry.read_frame is not None:
        return entry, entry.read_frame(Path(path), limits, frame)
    return entry, entry.read(Path(path), limits)


def _check_frame(frame: str, entry: SceneFormat, path: str | Path) -> None:
    if entry.read_frame is None:
        raise UsageError(f"the axes of {entry.name} files are known", path=path, found=frame)
    if frame not in FRAMES[1:]:
        raise UsageError("no such frame", expected=" | ".join(FRAMES[1:]), found=frame)


def read_scene(path: str | Path) -> Splats:
    """The Gaussians of a scene of any format.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene`.
    """
    return open_scene(path).splats


def scene_bytes(path: str | Path) -> int:
    """Bytes of a scene's file, or of all files of its folder.

    Raises:
        UsageError: it cannot be read.
    """
    file = Path(path)
    if not file.is_dir() and file.suffix.lower() != ".json":
        return file_size(path)
    try:
        if file.is_dir():
            files = [each for each in file.rglob("*") if each.is_file()]
        else:  # the pictures beside and below the JSON that names them
            files = [file, *file.parent.rglob("*.webp")]
        return sum(each.stat().st_size for each in files)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def write_scene(
    splats: Splats,
    path: str | Path,
    *,
    force: bool = False,
    inputs: Iterable[str | Path] = (),
    variant: str | None = None,
    plain: bool = False,
) -> tuple[Loss, ...]:
    """Writes the format that the name says, as exactly as it can; returns what it could not hold.

    A .ply has INRIA's layout; a .fgs is not reduced, only rounded to 16 bits. `flexgs.compress`
    makes it small.

    Args:
        variant: of the format (see `docs/formats.md`); None for the default.
        plain: see `encode_scene`.

    Raises:
        UsageError: no format has such a name or variant, or the output cannot be written.
        SceneError: the format cannot hold such a scene.
        FlexgsError: the system refused a write; what was there is untouched.
    """
    entry = format_of_name(path)
    ensure_output(path, force, inputs)
    try:
        if entry.name not in ("ply", "fgs"):
            encoded = encode_scene(splats, entry, variant=variant, plain=plain)
        elif variant is not None:
            raise UsageError(f"{entry.name} files have no variants", found=variant)
        else:
            fitting, losses = fit_scene(splats, entry, plain)
            if entry.name == "ply":
                write_ply(path, fitting, force=force, inputs=inputs)
                return tuple(losses)
            encoded = Encoded(encode_splats(fitting, _FINEST), tuple(losses))
    except FlexgsError as error:
        error.path = error.path or str(path)
        raise
    with atomic_write(path) as file:
        file.write(encoded.data)
    return encoded.losses


def decompress(
    path: str | Path, output: str | Path | None = None, *, force: bool = False
) -> Splats:
    """Decodes a scene of any format; writes a .ply, too, when `output` is given.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene` and `write_ply`.
    """
    if output is not None:
        ensure_suffix(output, ".ply")
        ensure_output(output, force, [path])
    splats = read_scene(path)
    if output is not None:
        write_ply(output, splats, force=force, inputs=[path])
    return splats


@dataclass(frozen=True)
class Unpacked:
    """What `unpack` wrote."""

    gaussians: int
    sh_degree: int


def unpack(path: str | Path, output: str | Path, *, force: bool = False) -> Unpacked:
    """`decompress` to a .ply, a chunk of a .fgs at a time: memory does not grow with the scene.

    Raises:
        UsageError, FormatError, SceneError: see `decompress`.
    """
    ensure_suffix(output, ".ply")
    ensure_output(output, force, [path])
    if find_format(path).name == "fgs":
        try:
            found = decode_parts(read_bytes(path))
            if found.n:
                write_ply_parts(output, found.n, found.parts, force=force, inputs=[path])
                return Unpacked(found.n, SH_COEFFICIENTS.index(found.coefficients))
        except FormatError as error:
            error.path = error.path or str(path)
            raise
    splats = decompress(path, output, force=force)
    return Unpacked(splats.n, splats.degree)


@dataclass(frozen=True)
class Conversion:
    """What `convert` did."""

    source_format: str
    source_bytes: int
    output_format: str
    output_bytes: int
    gaussians: int
    sh_degree: int  # of the output
    notes: tuple[str, ...]  # what was odd about the source and how that was handled
    losses: tuple[Loss, ...]  # what the output could not hold


def convert(
    path: str | Path,
    output: str | Path,
    *,
    force: bool = False,
    variant: str | None = None,
    plain: bool = False,
    drop_invalid: bool = False,
    level: int = 0,
    frame: str | None = None,
) -> Conversion:
    """Rewrites a scene in the format that the output's name says, as exactly as that format can.

    Args:
        variant, plain: see `write_scene`.
        drop_invalid: leave Gaussians with unusable values out instead of refusing the scene.
        level, frame: see `open_scene`.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene` and `write_scene`.
    """
    target = format_of_name(output)
    ensure_output(output, force, [path])
    file = open_scene(path, drop_invalid=drop_invalid, level=level, frame=frame)
    splats = file.splats
    losses = write_scene(splats, output, force=force, inputs=[path], variant=variant, plain=plain)
    return Conversion(
        source_format=find_format(path).name,
        source_bytes=scene_bytes(path),
        output_format=target.name,
        output_bytes=scene_bytes(output),
        gaussians=splats.n,
        sh_degree=min(splats.degree, target.max_degree),
        notes=file.notes,
        losses=losses,
    )
