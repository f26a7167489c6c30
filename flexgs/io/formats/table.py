# SPDX-License-Identifier: Apache-2.0
"""All scene formats, and which of them a file has: content first, the name second."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path

from flexgs.core.splats import MODELS
from flexgs.errors import UsageError
from flexgs.io.files import read_end
from flexgs.io.formats.compressed_ply import (
    is_compressed_ply,
    read_compressed_ply,
    write_compressed_ply,
)
from flexgs.io.formats.gltf import read_glb, read_gltf, write_glb
from flexgs.io.formats.ksplat import is_likely_ksplat, read_ksplat, write_ksplat
from flexgs.io.formats.scene_format import Encode, Recipe, SceneFormat, from_bytes
from flexgs.io.formats.sog import PRECISIONS as SOG_PRECISIONS
from flexgs.io.formats.sog import read_sog, write_sog
from flexgs.io.formats.splat import is_likely_splat, read_splat, write_splat
from flexgs.io.formats.spz import PRECISIONS as SPZ_PRECISIONS
from flexgs.io.formats.spz import read_spz, write_spz
from flexgs.io.formats.spz.layout import GZIP_MAGIC, PLAIN_MAGIC
from flexgs.io.sniff import FGS_MAGIC, Probe, known_stranger, probe_file, stranger
from flexgs.registry import Registry

scene_formats: Registry[SceneFormat] = Registry("scene format")


def is_spz(probe: Probe) -> bool:
    """Whether it is an SPZ file, or a gzip file that starts with one."""
    if not probe.start.startswith(GZIP_MAGIC):
        return probe.start.startswith(PLAIN_MAGIC)
    try:
        inflated = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(probe.start, len(PLAIN_MAGIC))
    except zlib.error:
        return False
    return inflated == PLAIN_MAGIC


def is_sog(probe: Probe) -> bool:
    """Whether it is a SOG archive, the folder of one, or the JSON file in such a folder."""
    if probe.is_folder:
        return any((probe.path / name).is_file() for name in ("meta.json", "lod-meta.json"))
    if probe.start.startswith(b"PK\x03\x04"):
        return b"meta.json" in read_end(probe.path, _ZIP_DIRECTORY_BYTES)
    names = (b'"means"', b'"scales"', b'"quats"')
    is_json = probe.start.lstrip().startswith(b"{")
    return is_json and (b'"lodLevels"' in probe.start or all(n in probe.start for n in names))


def is_likely_gltf(probe: Probe) -> bool:
    """Whether it is the JSON of a glTF scene of Gaussians."""
    return probe.start.lstrip().startswith(b"{") and b"KHR_gaussian_splatting" in probe.start


def is_plain_ply(probe: Probe) -> bool:
    """Whether it is a PLY file, but not a packed one."""
    return probe.is_ply and not is_compressed_ply(probe)


_ZIP_DIRECTORY_BYTES = 64 * 1024  # the names of an archive's files stand at its end


def _add(entry: SceneFormat) -> None:
    scene_formats.add(entry.name, entry)


def _unweighted(encode: Encode) -> Recipe:
    return lambda splats, _: encode(splats)


_KSPLAT = {str(level): partial(write_ksplat, level=level) for level in range(3)}


_add(
    SceneFormat(
        "compressed-ply",
        (".compressed.ply",),
        is_compressed_ply,
        from_bytes(read_compressed_ply),
        encoders={"": write_compressed_ply},
        models=MODELS,
    )
)
_add(
    SceneFormat(
        "ksplat",
        (".ksplat",),
        is_likely_ksplat,
        from_bytes(read_ksplat),
        encoders=_KSPLAT,
        recipes={f"level {level}": _unweighted(encode) for level, encode in _KSPLAT.items()},
        max_degree=2,
        has_magic=False,
    )
)
_add(
    SceneFormat(
        "splat",
        (".splat",),
        is_likely_splat,
        from_bytes(read_splat),
        encoders={"": write_splat},
        max_degree=0,
        has_magic=False,
    )
)
_add(
    SceneFormat(
        "spz",
        (".spz",),
        is_spz,
        from_bytes(read_spz),
        read_frame=from_bytes(read_spz),
        encoders={version: partial(write_spz, version=int(version)) for version in ("3", "2", "4")},
        recipes={
            f"precision {i}": _unweighted(partial(write_spz, precision=each))
            for i, each in enumerate(SPZ_PRECISIONS)
        },
        models=("3dgs", "mip"),
    )
)
_add(
    SceneFormat(
        "sog",
        (".sog",),
        is_sog,
        lambda path, limits: read_sog(path, limits=limits),
        lambda path, limits, level: read_sog(path, level=level, limits=limits),
        encoders={
            str(i): partial(write_sog, precision=each) for i, each in enumerate(SOG_PRECISIONS)
        },
        recipes={
            f"precision {i}": partial(write_sog, precision=each)
            for i, each in enumerate(SOG_PRECISIONS)
        },
        models=MODELS,
    )
)
_add(
    SceneFormat(
        "glb",
        (".glb",),
        lambda p: p.start.startswith(b"glTF"),
        from_bytes(read_glb),
        encoders={"": write_glb, "spz": partial(write_glb, spz=True)},
        models_of={"spz": ("3dgs", "mip")},  # the .spz inside says it
    )
)
_add(SceneFormat("gltf", (".gltf",), is_likely_gltf, read_gltf, has_magic=False))
# Read and written by flexgs.io.ply and flexgs.codec, with arguments of their own.
_add(SceneFormat("ply", (".ply",), is_plain_ply, models=MODELS))
_add(SceneFormat("fgs", (".fgs",), lambda p: p.start.startswith(FGS_MAGIC), models=MODELS))


def find_format(path: str | Path) -> SceneFormat:
    """The format of a file or folder.

    Raises:
        UsageError: it cannot be read.
        FormatError: it is something else: empty, a Git LFS pointer, HTML, a pickle, a picture...
    """
    return format_of(probe_file(path))


def format_of(probe: Probe) -> SceneFormat:
    """The format of what was probed: by its magic, then by likely content, then by name.

    Raises:
        FormatError: see `find_format`.
    """
    entries = [scene_formats.get(name) for name in scene_formats]
    for entry in entries:
        if entry.has_magic and entry.matches(probe):
            return entry
    error = known_stranger(probe)
    if error is not None:
        raise error
    likely = [entry for entry in entries if not entry.has_magic]
    for entry in likely:
        if entry.matches(probe):
            return entry
    for entry in likely:
        if probe.suffix in entry.suffixes:  # its reader says what is wrong
            return entry
    raise stranger(probe)


def format_of_name(path: str | Path) -> SceneFormat:
    """The format that an output's name asks for; the longest suffix counts.

    Raises:
        UsageError: no format has such a name.
    """
    ends = _suffixes()
    fitting = [suffix for suffix in ends if Path(path).name.lower().endswith(suffix)]
    if not fitting:
        raise UsageError(
            "the name says no scene format",
            path=path,
            expected=f"a name that ends in {', '.join(sorted(ends))}",
        )
    return ends[max(fitting, key=len)]


def has_format_name(path: str | Path) -> bool:
    """Whether a name asks for a format."""
    return Path(path).name.lower().endswith(tuple(_suffixes()))


def _suffixes() -> dict[str, SceneFormat]:
    entries = [scene_formats.get(entry) for entry in scene_formats]
    return {suffix: entry for entry in entries for suffix in entry.suffixes}
