# SPDX-License-Identifier: Apache-2.0
"""Which meshes a glTF scene shows, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core.rotations import quats_to_matrices
from flexgs.errors import Corrupt, TooLarge, Unsupported
from flexgs.io.cameras.values import Fields
from flexgs.io.formats.gltf.document import Document, size_of
from flexgs.limits import MAX_GLTF_NODES

F64 = npt.NDArray[np.float64]

_STRAIGHT = 1e-4  # how far axes may be from orthogonal and of one length, relative


@dataclass(frozen=True)
class Shown:
    """A mesh at its place: p -> matrix p, homogeneous."""

    mesh: int
    matrix: F64  # (4, 4)


def shown_meshes(document: Document) -> list[Shown]:
    """The meshes of the default scene, of all root nodes where there is no scene.

    Raises:
        Corrupt: a node is shown twice (also: its own ancestor), or is not there.
        TooLarge: too many nodes.
    """
    _limit(len(document.items("nodes")))
    roots, identity = _roots(document), np.eye(4)
    _limit(len(roots))
    pending = [(index, identity) for index in reversed(roots)]
    seen: set[int] = set()
    shown: list[Shown] = []
    while pending:
        index, parent = pending.pop()
        if index in seen:
            raise Corrupt("a node has two parents", section=f"nodes {index}")
        seen.add(index)
        node = document.item("nodes", index)
        with np.errstate(over="ignore", invalid="ignore"):  # found out where a mesh is placed
            matrix = parent @ _local(node)
        if "mesh" in node:
            shown.append(Shown(size_of(node, "mesh"), matrix))
        pending += [(child, matrix) for child in reversed(_indices(node, "children"))]
    return shown


def _limit(count: int) -> None:
    if count > MAX_GLTF_NODES:
        raise TooLarge(
            "too many nodes", section="nodes", expected=f"at most {MAX_GLTF_NODES}", found=count
        )


def _indices(fields: Fields, name: str) -> list[int]:
    found = fields.table.get(name, [])
    if not isinstance(found, list) or any(type(index) is not int for index in found):
        fields.fail(f"{name} is not a list of numbers of nodes")
    return found


def _roots(document: Document) -> list[int]:
    if document.items("scenes"):
        scene = document.item("scenes", size_of(document.fields, "scene", 0))
        return _indices(scene, "nodes")
    count = len(document.items("nodes"))
    children = {
        child
        for index in range(count)
        for child in _indices(document.item("nodes", index), "children")
    }
    return [index for index in range(count) if index not in children]


def _local(node: Fields) -> F64:  # (4, 4)
    if "matrix" in node:
        return node.vector("matrix", 16).reshape(4, 4).T
    matrix = np.eye(4)
    if "rotation" in node:
        x, y, z, w = node.vector("rotation", 4)
        if not 0.5 < x * x + y * y + z * z + w * w < 2:
            node.fail("a rotation is not a quaternion of length 1", found=(x, y, z, w))
        matrix[:3, :3] = quats_to_matrices(np.array([[w, x, y, z]]))[0]
    if "scale" in node:
        matrix[:3, :3] *= node.vector("scale", 3)
    if "translation" in node:
        matrix[:3, 3] = node.vector("translation", 3)
    return matrix


def decompose(shown: Shown) -> tuple[F64, float, F64]:
    """(rotation or reflection (3, 3), scale, translation (3,)) of a place.

    Raises:
        Unsupported: it stretches or shears, which would make SH colours wrong.
    """
    axes, translation = shown.matrix[:3, :3], shown.matrix[:3, 3]
    with np.errstate(all="ignore"):
        scale = float(np.sqrt((axes * axes).sum() / 3))
        rotation = axes / scale
        off = np.abs(rotation.T @ rotation - np.eye(3)).max()
    if not (off < _STRAIGHT and np.isfinite(translation).all() and np.isfinite(scale)):
        raise Unsupported(
            "Gaussians are stretched or sheared by their node",
            section=f"mesh {shown.mesh}",
            expected="a rotation, one scale and a translation",
        )
    u, _, vt = np.linalg.svd(rotation)  # exactly orthonormal
    return u @ vt, scale, translation
