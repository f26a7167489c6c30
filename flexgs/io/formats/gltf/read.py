# SPDX-License-Identifier: Apache-2.0
"""glTF files with KHR_gaussian_splatting -> a scene."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import logit
from flexgs.core.joining import join_splats
from flexgs.core.transforms import place
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported, UsageError
from flexgs.io.cameras.values import Fields
from flexgs.io.files import read_limited, safe_join
from flexgs.io.formats.bounds import check_expansion
from flexgs.io.formats.gltf.document import (
    Document,
    decode_data_uri,
    parse_document,
    size_of,
    split_glb,
)
from flexgs.io.formats.gltf.layout import (
    FRAME_SIGNS,
    MAX_DEGREE,
    OPACITY,
    POSITION,
    ROTATION,
    SCALE,
    SPLATTING,
    SPZ,
    sh_names,
)
from flexgs.io.formats.gltf.nodes import decompose, shown_meshes
from flexgs.io.formats.spz import read_spz
from flexgs.io.ply import SceneFile
from flexgs.limits import DEFAULT_LIMITS, MAX_GLTF_JSON_BYTES, MAX_GLTF_PARTS, Limits

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_OURS: F64 = np.diag(FRAME_SIGNS).astype(np.float64)  # from glTF's frame to ours, and back
_SPZ_FRAME = "RUB"  # of SPZ inside glTF: there the format's own frame is demanded
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def read_glb(data: bytes, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """All Gaussians that a .glb shows, placed by their nodes, in our frame.

    Raises:
        FormatError: `Truncated`, `Corrupt`, `Unsupported` or `TooLarge`.
    """
    text, binary = split_glb(data)

    def load(number: int, uri: str | None) -> bytes:
        if uri is not None:
            inside = decode_data_uri(uri)
            if inside is None:
                raise Unsupported(
                    "a .glb with buffers in other files", section="buffers", found=uri[:80]
                )
            return inside
        if number != 0 or binary is None:
            raise Corrupt("a buffer has no bytes", section=f"buffers {number}")
        return binary

    return _read(text, load, limits)


def read_gltf(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> SceneFile:
    """The same of a .gltf: JSON with its buffers inside, or in files beside it.

    Raises:
        UsageError: the file cannot be read.
        FormatError: `Truncated`, `Corrupt`, `Unsupported` or `TooLarge`; also for a buffer that is
            missing, or whose name leads out of the folder.
    """
    text = read_limited(path, MAX_GLTF_JSON_BYTES)
    try:
        return _read(text, _buffers_beside(Path(path), limits), limits)
    except FormatError as error:
        error.path = str(path)
        raise


def _buffers_beside(path: Path, limits: Limits) -> Callable[[int, str | None], bytes]:
    def load(number: int, uri: str | None) -> bytes:
        if uri is None:
            raise Corrupt("a buffer has no URI", path=path, section=f"buffers {number}")
        inside = decode_data_uri(uri)
        if inside is not None:
            return inside
        raw = _PERCENT.sub(lambda m: bytes([int(m[1], 16)]), uri.encode("utf-8"))
        name = raw.decode("utf-8", "surrogateescape")
        try:
            return read_limited(safe_join(path.parent, name), limits.max_raw_bytes)
        except UsageError as error:
            raise Truncated(
                "a buffer is missing", section=f"buffers {number}", expected=repr(name[:80])
            ) from error

    return load


def _read(text: bytes, load: Callable[[int, str | None], bytes], limits: Limits) -> SceneFile:
    document = Document(parse_document(text), load)
    parts: list[Splats] = []
    kinds: set[str] = set()
    notes: set[str] = set()
    count, raw = 0, 0
    others = 0
    for shown in shown_meshes(document):
        mesh = document.item("meshes", shown.mesh)
        primitives = mesh.table.get("primitives")
        if not isinstance(primitives, list):
            mesh.fail("primitives is not a list")
        for primitive in primitives:
            fields = Fields(primitive, mesh.path, mesh.section)
            extension = _extension(fields, SPLATTING)
            if extension is None:
                others += 1
                continue
            if len(parts) == MAX_GLTF_PARTS:
                raise TooLarge(
                    "too many meshes of Gaussians", section="nodes", expected=MAX_GLTF_PARTS
                )
            splats, axes, said = _read_primitive(document, fields, extension, limits)
            kinds.add("plain" if _extension(extension, SPZ) is None else "spz")
            count, raw = count + splats.n, raw + splats.nbytes
            check_expansion(count, raw, len(text) + document.loaded_bytes, limits)
            rotation, scale, translation = decompose(shown)
            with np.errstate(all="ignore"):  # NaN are the caller's to find
                parts.append(place(splats, _OURS @ rotation @ axes, scale, _OURS @ translation))
            notes.update(said)
    if not parts:
        raise Corrupt(
            "no Gaussians in this glTF file",
            section="meshes",
            expected=SPLATTING,
            found=f"{others} other meshes",
            hint="a plain mesh or point cloud has no Gaussians to read",
        )
    if others:
        notes.add(f"{others} meshes without Gaussians left out")
    return SceneFile(_join(parts), tuple(sorted(notes)), " and ".join(sorted(kinds)), "y up")


def _extension(fields: Fields, name: str) -> Fields | None:
    extensions = fields.table.get("extensions")
    if not isinstance(extensions, dict) or name not in extensions:
        return None
    return Fields(extensions[name], fields.path, f"{fields.section}, {name}")


def _read_primitive(
    document: Document, fields: Fields, extension: Fields, limits: Limits
) -> tuple[Splats, F64, tuple[str, ...]]:
    """Gaussians, what takes their frame to that of glTF, (3, 3), and notes on them."""
    kernel = extension.table.get("kernel", "ellipse")
    if kernel != "ellipse":
        raise Unsupported(
            "an unknown kind of Gaussians",
            section=extension.section,
            expected="kernel ellipse",
            found=repr(kernel)[:40],
        )
    notes: tuple[str, ...] = ()
    if extension.table.get("colorSpace") == "lin_rec709_display":
        notes = ("colours are linear Rec. 709, and kept as they are",)
    packed = _extension(extension, SPZ)
    if packed is not None:
        view, _ = document.view(size_of(packed, "bufferView"))
        found = read_spz(bytes(view), limits, _SPZ_FRAME)
        return found.splats, _OURS, notes + found.notes
    attributes = Fields(fields.table.get("attributes"), fields.path, fields.section)
    return _read_attributes(document, attributes, limits), np.eye(3), notes


def _degree(attributes: Fields) -> int:
    """The highest degree that is there; a degree is there as a whole, and the lower ones too."""
    present = [name for name in sh_names(MAX_DEGREE) if name in attributes]
    for degree in range(MAX_DEGREE + 1):
        if present == sh_names(degree):
            return degree
    missing = next((name for name in sh_names(MAX_DEGREE) if name not in present), "")
    attributes.fail("SH coefficients are missing", expected=missing, found=f"{len(present)} others")


def _read_attributes(document: Document, attributes: Fields, limits: Limits) -> Splats:
    """Gaussians in glTF's frame."""
    kinds = {POSITION: "VEC3", ROTATION: "VEC4", SCALE: "VEC3", OPACITY: "SCALAR"}
    degree = _degree(attributes)
    names = sh_names(degree)
    kinds |= dict.fromkeys(names, "VEC3")
    accessors = {
        name: document.accessor(size_of(attributes, name), kind) for name, kind in kinds.items()
    }
    n = accessors[POSITION].count
    for name, accessor in accessors.items():
        if accessor.count != n:
            attributes.fail(f"{name} has another count", expected=n, found=accessor.count)
    check_expansion(n, 0, 0, limits)
    sh = np.empty((n, len(names), 3), np.float32)
    for k, name in enumerate(names):
        sh[:, k] = accessors[name].read()
    return Splats(
        accessors[POSITION].read(),
        _to_logs(accessors[SCALE].read(), attributes),
        accessors[ROTATION].read()[:, [3, 0, 1, 2]],
        _to_logits(accessors[OPACITY].read()[:, 0], attributes),
        sh,
    )


def _to_logs(scales: F32, attributes: Fields) -> F32:
    if (scales < 0).any():
        attributes.fail("a scale is negative", expected="at least 0", found=scales.min())
    with np.errstate(divide="ignore"):
        return np.log(scales)


def _to_logits(opacities: F32, attributes: Fields) -> F32:
    if ((opacities < 0) | (opacities > 1)).any():
        attributes.fail("an opacity is out of range", expected="0 to 1")
    with np.errstate(divide="ignore"):
        return np.asarray(logit(opacities), np.float32)


def _join(parts: list[Splats]) -> Splats:
    """One scene. Mixed models are a mix that one scene cannot say."""
    if len({part.model for part in parts}) > 1:
        raise Unsupported("some of the Gaussians are antialiased, some are not", section="meshes")
    return join_splats(parts)
