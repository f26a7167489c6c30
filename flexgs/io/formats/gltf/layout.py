# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of glTF 2.0, its binary container, and its extensions for Gaussians.

Source: the glTF 2.0 specification; KHR_gaussian_splatting (release candidate);
KHR_gaussian_splatting_compression_spz_2 (draft).
"""

from __future__ import annotations

import struct

GLB_HEADER = struct.Struct("<4sII")  # magic, version, bytes of the file
GLB_CHUNK = struct.Struct("<I4s")  # bytes that follow, type
GLB_MAGIC = b"glTF"
GLB_VERSION = 2
JSON_CHUNK = b"JSON"
BINARY_CHUNK = b"BIN\0"
ALIGNMENT = 4

SPLATTING = "KHR_gaussian_splatting"
SPZ = "KHR_gaussian_splatting_compression_spz_2"
KNOWN_EXTENSIONS = (SPLATTING, SPZ)

POINTS = 0  # mode of a primitive
FLOAT = 5126
UNSIGNED_BYTE = 5121
# componentType -> numpy's name, and what a normalised one is divided by
COMPONENTS = {
    5120: ("i1", 127.0),
    UNSIGNED_BYTE: ("u1", 255.0),
    5122: ("<i2", 32767.0),
    5123: ("<u2", 65535.0),
    FLOAT: ("<f4", 1.0),
}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}

POSITION = "POSITION"
COLOR = "COLOR_0"  # for software that shows points only
ROTATION = f"{SPLATTING}:ROTATION"  # x, y, z, w
SCALE = f"{SPLATTING}:SCALE"  # not the logarithm
OPACITY = f"{SPLATTING}:OPACITY"  # 0 to 1
MAX_DEGREE = 3

# x left, y up, z to the front, as SPZ names it and splat-transform writes it: ours by half a turn
# about z.
FRAME_SIGNS = (-1, -1, 1)


def sh_name(degree: int, order: int) -> str:
    """Attribute of a coefficient, `order` 0 to 2 degree.

    >>> sh_name(2, 4)
    'KHR_gaussian_splatting:SH_DEGREE_2_COEF_4'
    """
    return f"{SPLATTING}:SH_DEGREE_{degree}_COEF_{order}"


def sh_names(degree: int) -> list[str]:
    """All attributes up to a degree, in our order of coefficients."""
    return [sh_name(d, order) for d in range(degree + 1) for order in range(2 * d + 1)]
