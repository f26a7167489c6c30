# SPDX-License-Identifier: Apache-2.0
"""The .ksplat format of mkkellogg's GaussianSplats3D, version 0.1, levels 0 to 2."""

from flexgs.io.formats.ksplat.layout import is_likely_ksplat
from flexgs.io.formats.ksplat.read import read_ksplat
from flexgs.io.formats.ksplat.write import write_ksplat

__all__ = ["is_likely_ksplat", "read_ksplat", "write_ksplat"]
