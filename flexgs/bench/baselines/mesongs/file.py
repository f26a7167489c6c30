# SPDX-License-Identifier: Apache-2.0
"""A pruned scene <-> the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.bench.baselines.arrays import open_arrays, pack_arrays, read_array, require_members
from flexgs.bench.baselines.mesongs.angles import angles_to_quats, quats_to_angles
from flexgs.bench.baselines.mesongs.codebook import MAX_ENTRIES, fit_codebook
from flexgs.bench.baselines.mesongs.octree import MAX_DEPTH, occupancy, read_occupancy
from flexgs.bench.baselines.mesongs.raht import inverse, plan_levels, transform
from flexgs.bench.baselines.mesongs.voxels import centres, voxelise
from flexgs.bench.baselines.minmax import Quantised, dequantise, quantise, segment_count
from flexgs.bench.baselines.model import Encoded, require_bounded, require_legal
from flexgs.core import Splats
from flexgs.core.splats import MODELS, SH_COEFFICIENTS
from flexgs.errors import Corrupt, Unsupported

F64 = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

BLOCKS = 66
BITS = 8
VERSION = 1
HEAD = "mesongs"
_HEAD_FIELDS = 7  # version, n, k, model, depth, bytes of the octree, entries of the codebook
_KEYS = 7  # opacity, three angles, three base colours


@dataclass(frozen=True)
class Head:
    """What the sizes of all arrays follow from."""

    n: int
    k: int  # SH coefficients, with the base colour's
    model: int  # index in MODELS
    depth: int
    octree: int  # bytes
    entries: int

    def schema(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """dtype and shape of every array but the head."""
        coefficients = ("<f4", (segment_count(self.n - 1, BLOCKS), _KEYS))
        scales = ("<f4", (segment_count(self.n, BLOCKS), 3))
        return {
            "box": ("<f4", (2, 3)),
            "octree": ("|u1", (self.octree,)),
            "root": ("<f4", (_KEYS,)),
            "raht": ("|u1", (_KEYS, self.n - 1)),
            "raht_scale": coefficients,
            "raht_zero": coefficients,
            "log_scales": ("|u1", (3, self.n)),
            "log_scales_scale": scales,
            "log_scales_zero": scales,
            "codebook": ("<f2", (self.entries, 3 * (self.k - 1))),
            "entries": ("<u2", (self.n,)),
        }


def encode(splats: Splats, importance: F64, *, depth: int, codebook: int) -> Encoded:
    """The file of at least one Gaussian; `importance` (n,) weighs the codebook."""
    voxels = voxelise(splats, importance, depth)
    merged = voxels.splats
    angles = quats_to_angles(merged.quats.astype(np.float64))
    keys = np.column_stack([merged.opacity_logits, angles, merged.sh[:, 0]])
    coefficients = transform(keys, plan_levels(voxels.codes, depth)).astype(np.float32)
    raht = quantise(coefficients[1:], BLOCKS, BITS)
    scales = quantise(merged.log_scales, BLOCKS, BITS)
    rest = merged.sh[:, 1:].reshape(merged.n, 3 * (merged.sh.shape[1] - 1))
    book, entries = fit_codebook(rest, voxels.weights, codebook)
    octree = occupancy(voxels.codes, depth)
    model, k = MODELS.index(splats.model), splats.sh.shape[1]
    head = np.array([VERSION, merged.n, k, model, depth, len(octree), len(book)], "<i8")
    arrays = {
        "box": voxels.box,
        "octree": octree,
        "root": coefficients[0],
        "raht": raht.symbols.T,
        "raht_scale": raht.scales,
        "raht_zero": raht.zeros,
        "log_scales": scales.symbols.T,
        "log_scales_scale": scales.scales,
        "log_scales_zero": scales.zeros,
        "codebook": book,
        "entries": entries,
    }
    data = pack_arrays({HEAD: head, **arrays}, deflate=True)
    return Encoded(data, _stored_bytes(data))


def _stored_bytes(data: bytes) -> dict[str, int]:
    with open_arrays(data) as archive:
        sizes = {
            info.filename.removesuffix(".npy"): info.compress_size for info in archive.filelist
        }
    del sizes[HEAD]
    return sizes


def decode(data: bytes) -> Splats:
    """The scene in a file, in Morton order.

    Raises:
        FormatError: it is no such file, is damaged, or holds what cannot be Gaussians.
    """
    with open_arrays(data) as archive:
        head = _check_head(read_array(archive, HEAD, "<i8", (_HEAD_FIELDS,)))
        require_bounded(head.n, head.k, data)
        schema = head.schema()
        require_members(archive, {HEAD: None, **schema})
        arrays = {name: read_array(archive, name, *kind) for name, kind in schema.items()}
    codes = read_occupancy(arrays["octree"], head.depth, head.n)
    keys = inverse(_coefficients(arrays), plan_levels(codes, head.depth))
    if arrays["entries"].max() >= head.entries:
        raise Corrupt("an entry is not in the codebook", section="entries")
    rest = arrays["codebook"][arrays["entries"]].reshape(head.n, head.k - 1, 3)
    with np.errstate(over="ignore"):
        keys32 = keys.astype(np.float32)
    splats = Splats(
        centres(codes, arrays["box"], head.depth),
        _dequantised(arrays, "log_scales"),
        angles_to_quats(keys[:, 1:4]).astype(np.float32),
        keys32[:, 0],
        np.concatenate([keys32[:, None, 4:], rest.astype(np.float32)], axis=1),
        MODELS[head.model],
    )
    return require_legal(splats)


def _dequantised(arrays: Mapping[str, Array], name: str) -> npt.NDArray[np.float32]:
    ranges = arrays[f"{name}_scale"], arrays[f"{name}_zero"]
    return dequantise(Quantised(arrays[name].T, *ranges))


def _coefficients(arrays: Mapping[str, Array]) -> F64:  # (n, 7)
    whole = np.concatenate([arrays["root"][None], _dequantised(arrays, "raht")])
    if not np.isfinite(whole).all():
        raise Corrupt("a coefficient is not a number", section="raht")
    return whole.astype(np.float64)


def _check_head(fields: Array) -> Head:
    version, n, k, model, depth, octree, entries = fields.tolist()
    if version != VERSION:
        raise Unsupported("another version of this baseline's file", section=HEAD, found=version)
    legal = (
        n >= 1
        and k in SH_COEFFICIENTS
        and 0 <= model < len(MODELS)
        and 1 <= depth <= MAX_DEPTH
        and depth <= octree <= n * depth
        and 1 <= entries <= MAX_ENTRIES
    )
    if not legal:
        raise Corrupt("the head contradicts itself", section=HEAD, found=fields.tolist())
    return Head(n, k, model, depth, octree, entries)
