# SPDX-License-Identifier: Apache-2.0
"""A pruned scene <-> the file: mixed precision, or plain float32 for the ablation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.bench.baselines.arrays import open_arrays, pack_arrays, read_array, require_members
from flexgs.bench.baselines.minmax import Quantised, dequantise, quantise, segment_count
from flexgs.bench.baselines.model import Encoded, require_bounded, require_legal
from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats
from flexgs.core.splats import MODELS, SH_COEFFICIENTS
from flexgs.errors import Corrupt, Unsupported
from flexgs.quant.packing import pack_bits, packed_size, unpack_bits

F32 = npt.NDArray[np.float32]
Array = npt.NDArray[Any]

SEGMENTS = 1000
VERSION = 1
HEAD = "flexgaussian"
_HEAD_FIELDS = 6  # version, n, Gaussians with SH, k, model, whether quantised
_LARGEST_HALF = float(np.finfo(np.float16).max)
_INT8, _INT4 = ("dc", "log_scales", "quats"), ("opacity", "sh")
_CHANNELS = {"dc": 3, "log_scales": 3, "quats": 4, "opacity": 1}


@dataclass(frozen=True)
class Head:
    """What the sizes of all arrays follow from."""

    n: int
    with_sh: int  # so many of the first Gaussians have SH beyond the base colour
    k: int  # SH coefficients, with the base colour's
    model: int  # index in MODELS
    quantised: bool

    def schema(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """dtype and shape of every array but the head."""
        rest = 3 * (self.k - 1)
        if not self.quantised:
            kinds = {name: ("<f4", (self.n, c)) for name, c in _CHANNELS.items()}
            return {"xyz": ("<f4", (self.n, 3)), **kinds, "sh": ("<f4", (self.with_sh, rest))}
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {"xyz": ("<f2", (self.n, 3))}
        for name in (*_INT8, *_INT4):
            rows, channels = (self.with_sh, rest) if name == "sh" else (self.n, _CHANNELS[name])
            packed = (packed_size(rows * channels, 4),)
            shapes[name] = ("|u1", (rows, channels) if name in _INT8 else packed)
            ranges = ("<f4", (segment_count(rows, SEGMENTS), channels))
            shapes |= {f"{name}_scale": ranges, f"{name}_zero": ranges}
        return shapes


def encode(splats: Splats, with_sh: int, *, quantised: bool) -> Encoded:
    """The file of a scene whose first `with_sh` Gaussians have SH beyond the base colour."""
    model, k = MODELS.index(splats.model), splats.sh.shape[1]
    head = np.array([VERSION, splats.n, with_sh, k, model, quantised], "<i8")
    values = {
        "dc": splats.sh[:, 0],
        "log_scales": splats.log_scales,
        "quats": normalize_quats(splats.quats),
        "opacity": splats.opacity_logits[:, None],
        "sh": splats.sh[:with_sh, 1:].reshape(with_sh, 3 * (k - 1)),
    }
    if quantised:
        halves = np.clip(splats.means, -_LARGEST_HALF, _LARGEST_HALF).astype("<f2")
        arrays = {"xyz": halves, **_quantised(values)}
    else:
        arrays = {"xyz": splats.means, **values}
    parts = {name: array.nbytes for name, array in arrays.items()}
    return Encoded(pack_arrays({HEAD: head, **arrays}, deflate=False), parts)


def _quantised(values: Mapping[str, F32]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for name, rows in values.items():
        group = quantise(rows, SEGMENTS, 8 if name in _INT8 else 4)
        symbols = group.symbols if name in _INT8 else pack_bits(group.symbols.reshape(-1), 4)
        arrays |= {name: symbols, f"{name}_scale": group.scales, f"{name}_zero": group.zeros}
    return arrays


def decode(data: bytes) -> Splats:
    """The scene in a file.

    Raises:
        FormatError: it is no such file, is damaged, or holds what cannot be Gaussians.
    """
    with open_arrays(data) as archive:
        head = _check_head(read_array(archive, HEAD, "<i8", (_HEAD_FIELDS,)))
        require_bounded(head.n, head.k, data)
        schema = head.schema()
        require_members(archive, {HEAD: None, **schema})
        arrays = {name: read_array(archive, name, *kind) for name, kind in schema.items()}
    values = {name: _values(arrays, name, head) for name in (*_INT8, *_INT4)}
    sh = np.zeros((head.n, head.k, 3), np.float32)
    sh[:, 0] = values["dc"]
    sh[: head.with_sh, 1:] = values["sh"].reshape(head.with_sh, head.k - 1, 3)
    splats = Splats(
        arrays["xyz"],
        values["log_scales"],
        values["quats"],
        values["opacity"][:, 0],
        sh,
        MODELS[head.model],
    )
    return require_legal(splats)


def _values(arrays: Mapping[str, Array], name: str, head: Head) -> F32:
    symbols = arrays[name]
    if not head.quantised:
        return symbols
    scales, zeros = arrays[f"{name}_scale"], arrays[f"{name}_zero"]
    if name in _INT4:
        rows = head.with_sh if name == "sh" else head.n
        symbols = unpack_bits(symbols, 4, rows * scales.shape[1]).reshape(rows, scales.shape[1])
    return dequantise(Quantised(symbols, scales, zeros))


def _check_head(fields: Array) -> Head:
    version, n, with_sh, k, model, quantised = fields.tolist()
    if version != VERSION:
        raise Unsupported("another version of this baseline's file", section=HEAD, found=version)
    if not 0 <= with_sh <= n or k not in SH_COEFFICIENTS or model not in range(len(MODELS)):
        raise Corrupt("the head contradicts itself", section=HEAD, found=fields.tolist())
    if quantised not in (0, 1):
        raise Corrupt("the head has an unknown kind of file", section=HEAD, found=quantised)
    return Head(n, with_sh, k, model, bool(quantised))
