# SPDX-License-Identifier: Apache-2.0
"""SOG scenes: pictures -> Gaussians."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import Corrupt
from flexgs.io.cameras.values import parse_json
from flexgs.io.files import read_start
from flexgs.io.formats.bounds import check_expansion
from flexgs.io.formats.sog.meta import COEFFICIENTS, MAX_PALETTE, Meta, Rest, parse_meta
from flexgs.io.formats.sog.pictures import U8, Place, decode_picture
from flexgs.io.formats.sog.source import Files, FolderFiles, open_archive
from flexgs.io.formats.sog.streamed import LOD_META, read_level
from flexgs.io.ply import SceneFile
from flexgs.io.ply_variants import add_flat_scale
from flexgs.limits import DEFAULT_LIMITS, MAX_LOD_META_BYTES, MAX_METADATA_BYTES, Limits

F32 = npt.NDArray[np.float32]

META = "meta.json"
ROW = 64  # entries of the palette in a row of its picture
_SPARE_PIXELS = 65536  # that a picture may have beyond twice what it needs
_SPARE_BYTES = 65536  # of a picture beyond its raw pixels
_FLOATS = 14  # of a Gaussian of degree 0


def read_sog(
    source: str | Path | bytes, *, level: int = 0, limits: Limits = DEFAULT_LIMITS
) -> SceneFile:
    """Reads a SOG scene, version 1 or 2, plain or streamed.

    Args:
        source: a .sog file (zip) or its bytes; meta.json or lod-meta.json; or the folder of one.
        level: of detail, of a streamed scene; 0 is the finest.
        limits: what the file may make us allocate.

    Raises:
        UsageError: the file cannot be read, or has no such level of detail.
        FormatError: it is no such scene.
    """
    if not isinstance(source, bytes):
        path = Path(source)
        if path.is_dir():
            name = LOD_META if (path / LOD_META).is_file() else META
            return _read_named(FolderFiles(path), name, level, limits)
        if not read_start(path, 4).startswith(b"PK"):
            return _read_named(FolderFiles(path.parent), path.name, level, limits)
    with open_archive(source) as files:
        name = LOD_META if files.has(LOD_META) else META
        return _read_named(files, name, level, limits)


def _read_named(files: Files, name: str, level: int, limits: Limits) -> SceneFile:
    table = parse_json(files.read(name, MAX_LOD_META_BYTES), files.origin)
    if isinstance(table, dict) and "lodLevels" in table:
        return replace(read_level(table, files, level, limits, read_unit), variant="streamed")
    file = _read_table(table, files, name, limits)
    version = table.get("version", 1) if isinstance(table, dict) else 1
    return replace(file, variant=f"version {int(version)}")


def read_unit(files: Files, name: str, limits: Limits) -> SceneFile:
    """The scene of one meta.json, called `name` among the files.

    Raises:
        FormatError: it is no such scene.
    """
    table = parse_json(files.read(name, MAX_METADATA_BYTES), files.origin)
    return _read_table(table, files, name, limits)


def _check_size(meta: Meta, files: Files, name: str, limits: Limits) -> None:
    """Whether the scene may be as large as it says, before a picture is decoded."""
    rest = meta.rest
    used = {*meta.means, meta.quats, meta.scales[0], meta.sh0[0]}
    used |= set() if rest is None else {rest.centroids, rest.labels}
    folder = posixpath.dirname(name)
    stored = sum(files.stored_bytes(posixpath.join(folder, each)) for each in used)
    bands = 0 if rest is None else (rest.bands or len(COEFFICIENTS) - 1)
    raw = meta.count * 4 * (_FLOATS + 3 * COEFFICIENTS[bands])
    check_expansion(meta.count, raw, stored + files.stored_bytes(name), limits)


def _read_table(table: object, files: Files, name: str, limits: Limits) -> SceneFile:
    """The scene of a parsed meta.json, called `name` among the files."""
    meta = parse_meta(table, files.origin, limits)
    _check_size(meta, files, name, limits)
    pictures = _Pictures(files, posixpath.dirname(name), meta.count)
    low, high = (pictures.rows(name) for name in meta.means)
    quats = pictures.rows(meta.quats)
    scales, sh0 = pictures.rows(meta.scales[0]), pictures.rows(meta.sh0[0])
    rest = None if meta.rest is None else _decode_palette(meta.rest, pictures)
    labels = None if meta.rest is None else pictures.rows(meta.rest.labels)
    opacity, dc = meta.sh0[1][sh0[:, 3], 3], _look_up(meta.sh0[1], sh0)
    log_scales = _look_up(meta.scales[1], scales)
    if meta.model == "2dgs":
        log_scales = add_flat_scale(log_scales[:, :2])
    unit, odd = decode_quats(quats)
    sh = dc[:, None]
    notes = list(meta.notes)
    if odd:
        notes.append(f"{odd} rotations without a valid tag read as none")
    if rest is not None and labels is not None:
        numbers = labels[:, 0].astype(np.int32) | labels[:, 1].astype(np.int32) << 8
        beyond = numbers >= len(rest)
        if beyond.any():
            notes.append(f"{int(beyond.sum())} Gaussians name no palette entry: no view dependence")
        rest = np.concatenate([rest, np.zeros((1, *rest.shape[1:]), np.float32)])
        sh = np.concatenate([sh, rest[np.minimum(numbers, len(rest) - 1)]], axis=1)
    splats = Splats(decode_means(meta, low, high), log_scales, unit, opacity, sh, meta.model)
    return SceneFile(splats, tuple(notes))


class _Pictures:
    """Pictures of one scene."""

    def __init__(self, files: Files, folder: str, count: int) -> None:
        self._files = files
        self._folder = folder
        self._count = count

    def load(self, name: str, pixels: tuple[int, int]) -> tuple[int, U8]:
        """(width, (pixels, 4)) of a picture with (at least, at most) so many pixels."""
        path = posixpath.join(self._folder, name)
        data = self._files.read(path, 5 * pixels[1] + _SPARE_BYTES)
        return decode_picture(data, Place(self._files.origin, path), pixels)

    def rows(self, name: str) -> U8:  # -> (count, 4)
        """A picture with one pixel a Gaussian."""
        count = self._count
        return self.load(name, (count, 2 * count + _SPARE_PIXELS))[1][:count]

    def fail(self, what: str, expected: object, found: object) -> Corrupt:
        """An error of this scene."""
        return Corrupt(what, path=self._files.origin, expected=expected, found=found)


def _look_up(table: F32, rows: U8) -> F32:  # (256, >=3), (n, 4) -> (n, 3)
    return np.stack([table[rows[:, channel], channel] for channel in range(3)], axis=1)


def _decode_palette(rest: Rest, pictures: _Pictures) -> F32:  # -> (entries, coefficients, 3)
    most = ROW * max(COEFFICIENTS) * (MAX_PALETTE // ROW)
    width, pixels = pictures.load(rest.centroids, (1, most))
    widths = {ROW * c: c for c in COEFFICIENTS[1:]}
    expected = widths if rest.bands is None else [ROW * COEFFICIENTS[rest.bands]]
    if width not in expected:
        raise pictures.fail(f"{rest.centroids}: wrong width", list(expected), width)
    entries = len(pixels) // widths[width]
    if rest.count is not None and rest.count > entries:
        raise pictures.fail(f"{rest.centroids}: too few entries", rest.count, entries)
    table = rest.values[pixels[:, :3]].reshape(entries, widths[width], 3)
    return table if rest.count is None else table[: rest.count]


def decode_means(meta: Meta, low: U8, high: U8) -> F32:  # (n, 4) twice -> (n, 3)
    """Positions: 16 bits between the ends of sign(x) ln(1 + |x|)."""
    steps = low[:, :3].astype(np.float64) + 256.0 * high[:, :3]
    logs = meta.mins + (meta.maxs - meta.mins) * (steps / 65535)
    return (np.sign(logs) * np.expm1(np.abs(logs))).astype(np.float32)


def decode_quats(rows: U8) -> tuple[F32, int]:  # (n, 4) -> (n, 4) wxyz, rows without a valid tag
    """Unit quaternions: three smallest components, and which of w, x, y, z is not among them."""
    small = (rows[:, :3].astype(np.float32) / 255 * 2 - 1) * np.float32(np.sqrt(0.5))
    largest = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", small, small)))
    tags = rows[:, 3].astype(np.int32) - 252
    quats = np.zeros((len(rows), 4), np.float32)
    quats[:, 0] = 1
    for tag in range(4):
        own = tags == tag
        others = [axis for axis in range(4) if axis != tag]
        quats[np.ix_(own, others)] = small[own]
        quats[own, tag] = largest[own]
    return quats, int((tags < 0).sum())
