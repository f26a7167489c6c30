# SPDX-License-Identifier: Apache-2.0
"""3DGS scenes in .ply files, in INRIA's layout and its dialects. plyfile (GPL-3) stays in here."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyElement

from flexgs.core import Splats
from flexgs.errors import Corrupt, SceneError, Truncated, Unsupported, UsageError
from flexgs.io.files import atomic_write, ensure_output
from flexgs.io.ply_header import PlyHeader, read_header
from flexgs.io.ply_variants import (
    add_flat_scale,
    comments_of_model,
    fuse_filter,
    model_from_comments,
)
from flexgs.io.validate import validate_splats
from flexgs.limits import DEFAULT_LIMITS, Limits

F32 = npt.NDArray[np.float32]

DEGREE_OF_REST = {0: 0, 9: 1, 24: 2, 45: 3}  # number of f_rest_* properties -> SH degree
_REST_OF_DEGREE_4 = 72
PIECE_ROWS = 1 << 15  # of `read_ply_pieces`
_BLOCK_ROWS = 4096  # about 1 MB of rows: a block stays in the cache while its columns are taken


@dataclass(frozen=True)
class SceneFile:
    """A scene as read, and what was done to its numbers on the way (clamped, dropped, fused)."""

    splats: Splats
    notes: tuple[str, ...] = ()
    variant: str = ""  # of the format, in words
    axes: str = ""  # that the file says it has; it was turned to ours


def _numbered(stem: str, count: int) -> list[str]:
    return [f"{stem}_{i}" for i in range(count)]


def _wanted_columns(header: PlyHeader, path: str | Path) -> dict[str, list[str]]:
    """Property names of every field, looked up by name.

    Raises:
        Corrupt: a needed property is missing. Unsupported: SH of degree 4.
    """
    names = set(header.names)
    rest = sum(name.startswith("f_rest_") for name in names)
    if rest not in DEGREE_OF_REST:
        is_degree_4 = rest == _REST_OF_DEGREE_4
        raise (Unsupported if is_degree_4 else Corrupt)(
            "spherical harmonics of degree 4" if is_degree_4 else "f_rest properties are missing",
            path=path,
            section="header",
            offset=0,
            expected="0, 9, 24 or 45 f_rest properties",
            found=rest,
        )
    columns = {
        "means": ["x", "y", "z"],
        "log_scales": _numbered("scale", 3 if "scale_2" in names else 2),
        "quats": _numbered("rot", 4),
        "opacity_logits": ["opacity"],
        "dc": _numbered("f_dc", 3),
        "rest": _numbered("f_rest", rest),
    }
    if "filter_3D" in names:
        columns["filter_3d"] = ["filter_3D"]
    missing = [name for group in columns.values() for name in group if name not in names]
    if missing:
        raise Corrupt(
            "not a 3DGS scene: properties are missing",
            path=path,
            section="header",
            offset=0,
            expected=", ".join(missing[:8]),
            found=", ".join(header.names[:12]),
            hint="a plain point cloud or mesh has no Gaussians to compress",
        )
    return columns


def _binary_blocks(path: str | Path, header: PlyHeader) -> Iterator[npt.NDArray[np.void]]:
    with open(path, "rb") as file:
        file.seek(header.offset)
        for start in range(0, header.count, _BLOCK_ROWS):
            count = min(_BLOCK_ROWS, header.count - start)
            block = np.frombuffer(file.read(count * header.row.itemsize), np.uint8)
            if len(block) != count * header.row.itemsize:  # it shrank since its size was checked
                raise Truncated("the file ends early", path=path, section="vertex", offset=start)
            yield block.view(header.row)


def _ascii_blocks(path: str | Path, header: PlyHeader) -> Iterator[npt.NDArray[np.void]]:
    width = len(header.names)
    row = np.dtype([(name, np.float64) for name in header.names])
    with open(path, encoding="latin-1") as file:
        file.seek(header.offset)
        for start in range(0, header.count, _BLOCK_ROWS):
            wanted = min(_BLOCK_ROWS, header.count - start)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # "no data": found out below
                    block = np.loadtxt(file, comments=None, ndmin=2, max_rows=wanted)
            except (ValueError, OverflowError) as error:
                raise Corrupt(
                    f"not rows of {width} numbers: {error}",
                    path=path,
                    section=f"vertex rows from {start}",
                    offset=header.offset,
                ) from error
            if block.shape != (wanted, width):
                raise Truncated(
                    "rows are missing or of the wrong length",
                    path=path,
                    section=f"vertex rows from {start}",
                    offset=header.offset,
                    expected=f"{wanted} rows of {width} numbers",
                    found=block.shape,
                )
            yield np.ascontiguousarray(block).view(row)[:, 0]


def _blocks(path: str | Path, header: PlyHeader) -> Iterator[npt.NDArray[np.void]]:
    return (_ascii_blocks if header.encoding == "ascii" else _binary_blocks)(path, header)


def _read_columns(
    blocks: Iterable[npt.NDArray[np.void]], count: int, columns: dict[str, list[str]]
) -> dict[str, F32]:
    """Every field of `count` rows as (count, number of its properties) float32."""
    fields = {name: np.empty((count, len(group)), np.float32) for name, group in columns.items()}
    start = 0
    with np.errstate(over="ignore", invalid="ignore"):  # a double too large: inf, refused later
        for block in blocks:
            stop = start + len(block)
            for name, group in columns.items():
                for j, column in enumerate(group):
                    fields[name][start:stop, j] = block[column]
            start = stop
    return fields


def _sh_from_channels(dc: F32, rest: F32) -> F32:  # (n, 3), (n, 3 (k - 1)) -> (n, k, 3)
    """f_rest is channel-major on disk: all of red, then green, then blue."""
    n, k = len(dc), rest.shape[1] // 3 + 1
    sh = np.empty((n, k, 3), np.float32)
    sh[:, 0] = dc
    sh[:, 1:] = rest.reshape(n, 3, k - 1).transpose(0, 2, 1)
    return sh


def _check_filter(values: F32, path: str | Path) -> None:
    bad = ~((values >= 0) & np.isfinite(values))
    if bad.any():
        row = int(np.argmax(bad))
        raise SceneError(
            f"filter_3D of Gaussian {row} is not usable",
            path=path,
            section="filter_3D",
            expected="a finite number >= 0",
            found=values[row],
        )


def read_ply(
    path: str | Path, *, drop_invalid: bool = False, limits: Limits = DEFAULT_LIMITS
) -> SceneFile:
    """Reads a 3DGS scene: INRIA, gsplat, SuperSplat, 2DGS and Mip-Splatting files, any encoding.

    Properties are looked up by name; others are ignored. The filter of Mip-Splatting is fused into
    scales and opacities; 2DGS surfels get a flat third axis.

    Raises:
        UsageError: the file cannot be read.
        FormatError: its bytes are not such a scene (`Truncated`, `Corrupt`, `Unsupported`,
            `TooLarge`).
        SceneError: its numbers cannot be Gaussians (see `validate_splats`).
    """
    file = read_raw_ply(path, limits)
    splats, changes = validate_splats(file.splats, path, drop_invalid)
    return replace(file, splats=splats, notes=(*file.notes, *changes))


def read_raw_ply(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """`read_ply` of whatever numbers the file holds: NaN and activated values, too.

    Raises:
        UsageError, FormatError: see `read_ply`. SceneError: a `filter_3D` that cannot be fused.
    """
    header = read_header(path, limits)
    columns = _wanted_columns(header, path)
    try:
        fields = _read_columns(_blocks(path, header), header.count, columns)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error
    return _as_scene(header, fields, path)


def read_ply_pieces(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[SceneFile]:
    """`read_raw_ply` of PIECE_ROWS Gaussians at a time, in their order.

    Raises:
        UsageError, FormatError, SceneError: see `read_raw_ply`.
    """
    header = read_header(path, limits)
    columns = _wanted_columns(header, path)
    blocks = _blocks(path, header)
    try:
        while some := list(islice(blocks, PIECE_ROWS // _BLOCK_ROWS)):
            count = sum(len(block) for block in some)
            yield _as_scene(header, _read_columns(some, count, columns), path)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def _as_scene(header: PlyHeader, fields: dict[str, F32], path: str | Path) -> SceneFile:
    """Columns in our conventions, whatever the dialect."""
    notes: list[str] = []
    model = model_from_comments(header.comments)
    log_scales, logits = fields["log_scales"], fields["opacity_logits"][:, 0]
    if log_scales.shape[1] == 2:
        log_scales, model = add_flat_scale(log_scales), "2dgs"
    if "filter_3d" in fields:
        filter_3d = fields["filter_3d"][:, 0]
        _check_filter(filter_3d, path)
        log_scales, logits = fuse_filter(log_scales, logits, filter_3d)
        model = "mip"
        notes.append("Mip-Splatting's 3D filter fused into scales and opacities")
    sh = _sh_from_channels(fields["dc"], fields["rest"])
    splats = Splats(fields["means"], log_scales, fields["quats"], logits, sh, model)
    return SceneFile(splats, tuple(notes), header.encoding.replace("_", " "))


def _rows(splats: Splats) -> npt.NDArray[np.void]:  # (n,) one field a property
    """INRIA's rows: x y z, zero normals, colours channel-major, opacity, scales, rotation."""
    rest = splats.sh[:, 1:].transpose(0, 2, 1).reshape(splats.n, 3 * (splats.sh.shape[1] - 1))
    scales = splats.log_scales[:, :2] if splats.model == "2dgs" else splats.log_scales
    names = [
        *("x", "y", "z", "nx", "ny", "nz"),
        *_numbered("f_dc", 3),
        *_numbered("f_rest", rest.shape[1]),
        "opacity",
        *_numbered("scale", scales.shape[1]),
        *_numbered("rot", 4),
    ]
    normals = np.zeros((splats.n, 3), np.float32)
    opacity = splats.opacity_logits[:, None]
    table = np.concatenate(
        [splats.means, normals, splats.sh[:, 0], rest, opacity, scales, splats.quats], axis=1
    )
    return table.view(np.dtype([(name, "<f4") for name in names]))[:, 0]


def write_ply(
    path: str | Path,
    splats: Splats,
    *,
    force: bool = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Writes INRIA's layout, little-endian float32, same SH degree, that any viewer opens.

    Mip-Splatting and 2DGS scenes say so in a comment, and 2DGS is written with its two scales.

    Raises:
        UsageError: `path` exists without `force`, is one of `inputs`, or cannot be written.
        SceneError: the Gaussians are not 3-D, or their SH are of degree 4.
        FlexgsError: the system refused a write; what was there is untouched.
    """
    ensure_output(path, force, inputs)
    _refuse_unfit(splats, path)
    with atomic_write(path) as file:
        _content(splats).write(file)


def _refuse_unfit(splats: Splats, path: str | Path) -> None:
    if splats.d != 3 or splats.degree > 3:
        raise SceneError(
            "a .ply holds 3-D Gaussians with spherical harmonics of degree 0 to 3",
            path=path,
            found=f"{splats.d}-D, degree {splats.degree}",
        )


def write_ply_parts(
    path: str | Path,
    n: int,
    parts: Iterable[Splats],
    *,
    force: bool = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """`write_ply` of a scene that comes in parts, at least one, of one degree and model.

    Args:
        n: Gaussians of all parts.

    Raises:
        UsageError, SceneError, FlexgsError: see `write_ply`; the parts do not have n Gaussians.
    """
    ensure_output(path, force, inputs)
    left = n
    with atomic_write(path) as file:
        for number, part in enumerate(parts):
            _refuse_unfit(part, path)
            if not number:
                header = _content(part.select(slice(0, 0))).header
                file.write(header.replace("vertex 0", f"vertex {n}").encode() + b"\n")
            file.write(_rows(part).tobytes())
            left -= part.n
        if left:
            raise SceneError("parts of the scene are missing", expected=n, found=n - left)


def _content(splats: Splats) -> PlyData:
    vertices = PlyElement.describe(_rows(splats), "vertex")
    return PlyData([vertices], byte_order="<", comments=comments_of_model(splats.model))


def ply_bytes(splats: Splats) -> int:
    """How long the file is that `write_ply` makes of 3-D Gaussians."""
    content = _content(splats)
    return len(content.header) + len("\n") + int(content["vertex"].data.nbytes)
