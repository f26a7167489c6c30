# SPDX-License-Identifier: Apache-2.0
"""Every bound used on untrusted input, one named constant each (docs/design.md, "Hostile files").

The semantic ranges hold for all 16 real scenes they were chosen against, with a wide margin.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PLY_HEADER_BYTES = 64 * 1024
MAX_PLY_PROPERTIES = 256
MAX_JSON_BYTES = 64 * 1024 * 1024  # cameras.json, transforms.json
MAX_METADATA_BYTES = 1024 * 1024  # JSON inside .fgs, meta.json of a SOG
MAX_LOD_META_BYTES = 4 * 1024 * 1024  # of a streamed SOG: 40 KB for a million Gaussians
MAX_LOD_NODES = 100_000
MAX_LOD_FILES = 4096  # scenes that one level of detail is made of
MAX_SPZ_EXTENSION_BYTES = 1024 * 1024
MAX_GLTF_JSON_BYTES = 2 * 1024 * 1024  # of splats: a few KB
MAX_GLTF_PARTS = 256  # meshes with Gaussians, each as often as the scene shows it
MAX_GLTF_NODES = 10_000
MAX_IMAGE_PIXELS = 64_000_000
MAX_CAMERAS = 1_000_000
MAX_CAMERA_SIDE = 65_536

MAX_ABS_MEAN = 1e7
MIN_LOG_SCALE = -40.0
MAX_LOG_SCALE = 20.0
MAX_ABS_SH = 1e3
MIN_QUAT_NORM = 1e-8
MAX_ABS_OPACITY_LOGIT = 15.0  # beyond it, and at +-inf, logits are clamped and counted


@dataclass(frozen=True)
class Limits:
    """What a file may make us allocate. Defaults fit the largest public scenes four times over."""

    max_gaussians: int = 20_000_000
    max_raw_bytes: int = 8 * 1024**3
    max_ratio: int = 1024  # raw bytes a stored byte may expand to


DEFAULT_LIMITS = Limits()
