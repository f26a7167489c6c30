# SPDX-License-Identifier: Apache-2.0
"""A scene -> a .glb with KHR_gaussian_splatting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.sh import SH_C0
from flexgs.core.transforms import mirror_axes
from flexgs.errors import SceneError, TooLarge
from flexgs.io.formats.gltf.layout import (
    ALIGNMENT,
    BINARY_CHUNK,
    COLOR,
    FLOAT,
    FRAME_SIGNS,
    GLB_CHUNK,
    GLB_HEADER,
    GLB_MAGIC,
    GLB_VERSION,
    JSON_CHUNK,
    MAX_DEGREE,
    OPACITY,
    POINTS,
    POSITION,
    ROTATION,
    SCALE,
    SPLATTING,
    SPZ,
    UNSIGNED_BYTE,
    sh_names,
)
from flexgs.io.formats.losses import Encoded
from flexgs.io.formats.parts import unit_quats
from flexgs.io.formats.spz import write_spz

Values = npt.NDArray[np.float32] | npt.NDArray[np.uint8]

_SPZ_VERSION = 2  # the one that the extension is named after
_FROM_RUB = (1, -1, -1)  # signs between SPZ's own frame and ours
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_MAX_BYTES = 2**32 - 1
_SETTINGS = {
    "kernel": "ellipse",
    "colorSpace": "srgb_rec709_display",
    "sortingMethod": "cameraDistance",
    "projection": "perspective",
}


def write_glb(splats: Splats, spz: bool = False) -> Encoded:
    """A .glb with one mesh of Gaussians, y up; its colours are there for viewers of points, too.

    Args:
        splats: at least one valid 3-D Gaussian of SH degree 0 to 3. glTF has no word for
            antialiased scenes, the SPZ in it has.
        spz: compressed, with KHR_gaussian_splatting_compression_spz_2, which is a draft.

    Raises:
        SceneError: not 3-D, degree 4, or no Gaussian. TooLarge: over 4 GiB.
    """
    if splats.d != 3 or splats.degree > MAX_DEGREE or not splats.n:
        raise SceneError(
            "a .glb holds 3-D Gaussians with spherical harmonics of degree 0 to 3",
            found=f"{splats.n} {splats.d}-D ones, degree {splats.degree}",
        )
    turned = mirror_axes(splats, FRAME_SIGNS)
    if not spz:
        table, parts = _with_attributes(turned)
        return Encoded(_glb(table, parts))
    packed = write_spz(mirror_axes(splats, _FROM_RUB), _SPZ_VERSION)
    return Encoded(_glb(*_with_spz(turned, packed.data)), packed.losses)


def _attributes(splats: Splats) -> Iterator[tuple[str, Values]]:  # name, (n, width)
    unit = unit_quats(splats.quats)
    alphas = sigmoid(splats.opacity_logits)[:, None]
    colours = np.concatenate([0.5 + SH_C0 * splats.sh[:, 0], alphas], axis=1)
    yield POSITION, splats.means
    yield COLOR, np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
    yield ROTATION, np.asarray(unit[:, [1, 2, 3, 0]], np.float32)
    yield SCALE, np.exp(splats.log_scales)
    yield OPACITY, alphas
    for k, name in enumerate(sh_names(splats.degree)):
        yield name, splats.sh[:, k]


def _accessor(name: str, values: Values) -> dict[str, Any]:
    table: dict[str, Any] = {
        "componentType": UNSIGNED_BYTE if name == COLOR else FLOAT,
        "count": len(values),
        "type": _TYPES[values.shape[1]],
    }
    if name == COLOR:
        table["normalized"] = True
    if name == POSITION:
        table |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    return table


def _with_attributes(splats: Splats) -> tuple[dict[str, Any], list[bytes]]:
    names: list[str] = []
    accessors: list[dict[str, Any]] = []
    views: list[dict[str, int]] = []
    parts: list[bytes] = []
    offset = 0
    for name, values in _attributes(splats):
        stored = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        accessors.append({"bufferView": len(views), **_accessor(name, values)})
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(stored)})
        names.append(name)
        parts.append(stored)
        offset += len(stored)
    return _document(names, accessors, views, offset), parts


def _with_spz(splats: Splats, packed: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Accessors without bytes say what the SPZ holds."""
    described = [(name, _accessor(name, values)) for name, values in _attributes(splats)]
    view = {"buffer": 0, "byteOffset": 0, "byteLength": len(packed)}
    table = _document(
        [name for name, _ in described], [entry for _, entry in described], [view], len(packed)
    )
    settings = table["meshes"][0]["primitives"][0]["extensions"][SPLATTING]
    settings["extensions"] = {SPZ: {"bufferView": 0}}
    table["extensionsUsed"].append(SPZ)
    table["extensionsRequired"] = [SPLATTING, SPZ]
    return table, [packed]


def _document(
    names: list[str], accessors: list[dict[str, Any]], views: list[dict[str, int]], length: int
) -> dict[str, Any]:
    primitive = {
        "attributes": {name: index for index, name in enumerate(names)},
        "mode": POINTS,
        "extensions": {SPLATTING: dict(_SETTINGS)},
    }
    return {
        "asset": {"version": "2.0", "generator": "flexgs"},
        "extensionsUsed": [SPLATTING],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": length}],
    }


def _glb(table: dict[str, Any], parts: list[bytes]) -> bytes:
    text = json.dumps(table, separators=(",", ":"), allow_nan=False).encode("ascii")
    text += b" " * (-len(text) % ALIGNMENT)
    length = sum(len(part) for part in parts)
    padding = -length % ALIGNMENT
    total = GLB_HEADER.size + 2 * GLB_CHUNK.size + len(text) + length + padding
    if total > _MAX_BYTES:
        raise TooLarge(
            "too many Gaussians for one .glb", expected=f"at most {_MAX_BYTES} bytes", found=total
        )
    head = GLB_HEADER.pack(GLB_MAGIC, GLB_VERSION, total) + GLB_CHUNK.pack(len(text), JSON_CHUNK)
    binary = GLB_CHUNK.pack(length + padding, BINARY_CHUNK)
    return b"".join([head, text, binary, *parts, bytes(padding)])
