# SPDX-License-Identifier: Apache-2.0
"""SPZ of Niantic, versions 1 to 4."""

from flexgs.io.formats.spz.packing import Precision
from flexgs.io.formats.spz.read import read_spz
from flexgs.io.formats.spz.write import PRECISIONS, write_spz

__all__ = ["PRECISIONS", "Precision", "read_spz", "write_spz"]
