# SPDX-License-Identifier: Apache-2.0
"""Steps: how far apart two numbers are that a file, or a viewer's memory, can tell from each other.

By format they follow from the file's own header; where a format holds float32, or a number went
through exp, log or a sigmoid, a step is eight spacings of float32.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from peers.readings import F64, Numbers, Reading

from flexgs.core.sh import SH_C0
from flexgs.io.formats.compressed_ply.layout import CHUNK
from flexgs.io.formats.ksplat.layout import DEFAULT_RANGE, HEADER, SECTION, SH_DEFAULT
from flexgs.io.formats.spz import layout as spz
from flexgs.io.formats.spz.unpacking import DC_SCALE, QUAT_HALF, QUAT_SCALE, SCALE_STEPS, SH_ZERO
from flexgs.io.formats.table import find_format

_SPACINGS = 8
_BYTE = np.array([1 / 255])
_SPLAT_QUAT = np.array([1 / 128])
# Spark: an axis in 10 + 10 bits on an octahedron, where its faces are stretched most
_OCTAHEDRON = np.array([2 * np.sqrt(18) / 1023])


def float_steps(reading: Reading) -> Numbers:
    """Of float32 for every number."""
    found = {}
    for name in ("positions", "scales", "rotations", "opacities", "colours", "sh"):
        values = np.maximum(np.abs(getattr(reading, name)), 0.5)
        found[name] = _SPACINGS * np.spacing(values.astype(np.float32)).astype(np.float64)
    return found


def file_steps(path: Path, reading: Reading) -> Numbers:
    """Of a file, `reading` being what it holds; never finer than float32."""
    least = float_steps(reading)
    steps = least | _STEPS[find_format(path).name](path, reading)
    return {name: np.maximum(step, least[name]) for name, step in steps.items()}


def _floats(path: Path, reading: Reading) -> Numbers:
    return {}


def _compressed_ply(path: Path, reading: Reading) -> Numbers:
    bits = np.array([11, 10, 11])
    starts = np.arange(0, len(reading.positions), CHUNK)

    def within_chunk(values: F64, levels: Any) -> F64:
        extent = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
        return np.repeat(extent / levels, CHUNK, axis=0)[: len(values)]

    return {
        "positions": within_chunk(reading.positions, 2**bits - 1),
        "scales": within_chunk(reading.scales, 2**bits - 1),
        "rotations": np.array([np.sqrt(2) / 1023]),
        "opacities": _BYTE,
        "colours": within_chunk(reading.colours, 255),
        "sh": np.array([8 / 256]),
    }


def _splat(path: Path, reading: Reading) -> Numbers:
    return {"rotations": _SPLAT_QUAT, "opacities": _BYTE, "colours": _BYTE}


def _half(values: F64) -> F64:
    return np.spacing(np.maximum(np.abs(values), 2.0**-14).astype(np.float16)).astype(np.float64)


def _ksplat(path: Path, reading: Reading) -> Numbers:
    data = path.read_bytes()
    header = np.frombuffer(data, HEADER, 1)[0]
    steps: Numbers = {"opacities": _BYTE, "colours": _BYTE}
    if header["level"] == 0:
        return steps
    section = np.frombuffer(data, SECTION, 1, HEADER.itemsize)[0]
    position = section["block_size"] / 2 / (int(section["range"]) or DEFAULT_RANGE)
    steps["positions"] = np.array([position], np.float64)
    steps["scales"] = np.array([2.0**-10])  # of a half float, in logarithms
    steps["rotations"] = _half(reading.rotations)
    steps["sh"] = _half(reading.sh)
    if header["level"] == 2:
        low = float(header["sh_low"]) or -SH_DEFAULT
        high = float(header["sh_high"]) or SH_DEFAULT
        steps["sh"] = np.array([(high - low) / 255])
    return steps


def _spz(path: Path, reading: Reading) -> Numbers:
    data = path.read_bytes()
    if data.startswith(spz.GZIP_MAGIC):
        data = zlib.decompressobj(31).decompress(data, spz.HEADER.size)
    _, version, _, _, fractional_bits, _, _ = spz.HEADER.unpack(data[: spz.HEADER.size])
    return {
        "positions": np.array([0.5**fractional_bits]),
        "scales": np.array([1 / SCALE_STEPS]),
        "rotations": np.array([1 / QUAT_SCALE if version > 2 else 1 / QUAT_HALF]),
        "opacities": _BYTE,
        "colours": _BYTE / DC_SCALE * SH_C0,
        "sh": np.array([1 / SH_ZERO]),
    }


def _gaps(codebook: list[float], values: F64, scale: float = 1.0) -> F64:
    """To the nearer neighbour in a codebook, for each of the values that come out of it."""
    levels = scale * np.unique(np.array(codebook[1:], np.float64))
    gaps = np.diff(levels, prepend=-np.inf, append=np.inf)
    index = np.abs(np.searchsorted(levels, values)).clip(0, len(levels) - 1)
    return np.minimum(gaps[index], gaps[index + 1])


def _sog(path: Path, reading: Reading) -> Numbers:
    if path.is_dir():
        path = path / "meta.json"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            meta = json.loads(archive.read("meta.json"))
    else:
        meta = json.loads(path.read_text())
    if "means" not in meta:  # streamed: as strict as float32
        return {}
    mins, maxs = (np.array(meta["means"][name]) for name in ("mins", "maxs"))
    steps: Numbers = {
        "positions": (maxs - mins) / 65535 * (1 + np.abs(reading.positions)),
        "rotations": np.array([2 / 255 / np.sqrt(2)]),
        "opacities": _BYTE,
    }
    if meta.get("version", 1) == 1:
        ranges = {n: np.subtract(meta[n]["maxs"], meta[n]["mins"]) for n in ("scales", "sh0")}
        steps |= {"scales": ranges["scales"] / 255, "colours": ranges["sh0"][:3] / 255 * SH_C0}
        steps["opacities"] = ranges["sh0"][3:] / 255 / 4  # of logits, where they count most
        if "shN" in meta:
            steps["sh"] = np.array([(meta["shN"]["maxs"] - meta["shN"]["mins"]) / 255])
        return steps
    steps["scales"] = _gaps(meta["scales"]["codebook"], reading.scales)
    steps["colours"] = _gaps(meta["sh0"]["codebook"], reading.colours - 0.5, SH_C0)
    if "shN" in meta:
        steps["sh"] = _gaps(meta["shN"]["codebook"], reading.sh)
    return steps


_STEPS = {
    "ply": _floats,
    "glb": _floats,
    "compressed-ply": _compressed_ply,
    "splat": _splat,
    "ksplat": _ksplat,
    "spz": _spz,
    "sog": _sog,
}


def _spark_exponents(sh: F64) -> F64:  # (n, 3 k) -> (n, 3 k)
    """The power of two that Spark's ExtSplats give the channels of each coefficient."""
    largest = np.abs(sh).reshape(len(sh), -1, 3).max(axis=2).clip(2.0**-15)
    return np.asarray(np.repeat(2.0 ** np.floor(np.log2(largest)), 3, axis=1))


def held_by_spark(reading: Reading) -> Reading:
    """What its most precise memory, ExtSplats, can hold: SH of which up to half are cut off."""
    most = _spark_exponents(reading.sh)
    return replace(reading, sh=np.clip(reading.sh, -most, most))


def spark_steps(reading: Reading) -> Numbers:
    """Of ExtSplats: 32 bytes a Gaussian, then 4 a SH coefficient."""
    return float_steps(reading) | {
        "scales": _half(reading.scales),
        "rotations": _OCTAHEDRON,
        "opacities": _half(reading.opacities),
        "colours": _half(reading.colours),
        "sh": _spark_exponents(reading.sh) / 255,
    }


def held_by_splats3d(reading: Reading) -> Reading:
    """What GaussianSplats3D can hold: colours from 0 to 1."""
    return replace(reading, colours=np.clip(reading.colours, 0, 1))


def splats3d_steps(reading: Reading) -> Numbers:
    """Of its SplatBuffer: float32, and bytes that it truncates."""
    return float_steps(reading) | {"opacities": _BYTE, "colours": _BYTE}
