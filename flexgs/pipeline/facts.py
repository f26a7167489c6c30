# SPDX-License-Identifier: Apache-2.0
"""What is in a file, and whether all of it can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flexgs.codec import describe, verify
from flexgs.codec.files import read_bytes
from flexgs.core import Splats
from flexgs.errors import FormatError
from flexgs.io import read_ply
from flexgs.io.formats.table import find_format
from flexgs.io.ply_header import PlyHeader, read_header
from flexgs.scenes import open_scene, scene_bytes

# how properties of the layout begin -> attribute
_ATTRIBUTES = {
    "f_dc": "dc",
    "f_rest": "sh",
    "scale": "log_scales",
    "rot": "quats",
    "opacity": "opacity_logits",
}


@dataclass(frozen=True)
class FileFacts:
    """A scene file. `bytes_by_attribute` adds up to `size_bytes`."""

    name: str
    kind: str  # the format: ply, fgs, spz, ...
    size_bytes: int
    gaussians: int
    dimensions: int
    sh_degree: int
    model: str
    bytes_by_attribute: Mapping[str, int]
    details: Mapping[str, Any]  # what only this kind of file has, JSON values
    notes: tuple[str, ...] = ()  # what was odd and how that was handled

    def summary(self) -> dict[str, str | int]:
        """The plain values, in reading order."""
        return {
            "name": self.name,
            "kind": self.kind,
            "size_bytes": self.size_bytes,
            "gaussians": self.gaussians,
            "dimensions": self.dimensions,
            "sh_degree": self.sh_degree,
            "model": self.model,
        }


def file_facts(path: str | Path) -> FileFacts:
    """What a scene's file holds. Its structure is checked; but for a .fgs its values are too.

    Raises:
        UsageError, FormatError, SceneError: it cannot be read.
    """
    return _facts(Path(path), whole=False)


def verify_file(path: str | Path) -> FileFacts:
    """`file_facts` after reading everything: checksums, lengths, streams and ranges.

    Raises:
        UsageError, FormatError, SceneError: it is not sound.
    """
    return _facts(Path(path), whole=True)


def _facts(path: Path, whole: bool) -> FileFacts:
    kind = find_format(path).name
    if kind == "ply":
        return _ply_facts(path)
    return _fgs_facts(path, whole) if kind == "fgs" else _other_facts(path, kind)


def value_ranges(splats: Splats) -> dict[str, list[float]]:
    """Smallest and largest value of every field; empty without Gaussians."""
    if splats.n == 0:
        return {}
    arrays = {
        "means": splats.means,
        "log_scales": splats.log_scales,
        "quats": splats.quats,
        "opacity_logits": splats.opacity_logits,
        "sh": splats.sh,
    }
    return {name: [float(np.min(a)), float(np.max(a))] for name, a in arrays.items()}


def _fgs_facts(path: Path, whole: bool) -> FileFacts:
    data = read_bytes(path)
    try:
        info = verify(data) if whole else describe(data)
    except FormatError as error:
        error.path = str(path)
        raise
    details: dict[str, Any] = {
        "profile": info.profile,
        "format_version": ".".join(str(part) for part in info.version),
        "writer": info.writer,
        "chunks": info.chunks,
        "metadata": info.metadata,
    }
    if info.plan is not None:
        details |= {"segments": info.segments, "plan": info.plan.to_dict()}
    if whole:
        details["ranges"] = value_ranges(open_scene(path).splats)
    return FileFacts(
        name=path.name,
        kind="fgs",
        size_bytes=len(data),
        gaussians=info.n,
        dimensions=info.d,
        sh_degree=info.degree,
        model=info.model,
        bytes_by_attribute=info.bytes_by_attribute,
        details=details,
    )


def _ply_facts(path: Path) -> FileFacts:
    header, scene = read_header(path), read_ply(path)
    size_bytes = path.stat().st_size
    return FileFacts(
        name=path.name,
        kind="ply",
        size_bytes=size_bytes,
        gaussians=header.count,
        dimensions=scene.splats.d,
        sh_degree=scene.splats.degree,
        model=scene.splats.model,
        bytes_by_attribute=_column_bytes(header, size_bytes),
        details={
            "encoding": header.encoding,
            "properties": list(header.names),
            "comments": list(header.comments),
            "ranges": value_ranges(scene.splats),
        },
        notes=scene.notes,
    )


def _other_facts(path: Path, kind: str) -> FileFacts:
    """Of other tools' formats: what their reader gives."""
    scene, size_bytes = open_scene(path), scene_bytes(path)
    return FileFacts(
        name=path.name,
        kind=kind,
        size_bytes=size_bytes,
        gaussians=scene.splats.n,
        dimensions=scene.splats.d,
        sh_degree=scene.splats.degree,
        model=scene.splats.model,
        bytes_by_attribute={"all": size_bytes},
        details={"ranges": value_ranges(scene.splats)},
        notes=scene.notes,
    )


def _column_bytes(header: PlyHeader, size_bytes: int) -> dict[str, int]:
    """Bytes of a .ply by attribute; text has no fixed columns."""
    if header.encoding == "ascii":
        return {"header": header.offset, "text": size_bytes - header.offset}
    parts = {"header": header.offset}
    for name in header.names:
        stem = next((a for start, a in _ATTRIBUTES.items() if name.startswith(start)), None)
        attribute = stem or ("means" if name in ("x", "y", "z") else "other properties")
        parts[attribute] = parts.get(attribute, 0) + header.count * header.row[name].itemsize
    rest = size_bytes - sum(parts.values())
    return parts | ({"other elements": rest} if rest else {})
