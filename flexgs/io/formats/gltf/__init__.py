# SPDX-License-Identifier: Apache-2.0
"""glTF 2.0 with KHR_gaussian_splatting: .glb and .gltf."""

from flexgs.io.formats.gltf.read import read_glb, read_gltf
from flexgs.io.formats.gltf.write import write_glb

__all__ = ["read_glb", "read_gltf", "write_glb"]
