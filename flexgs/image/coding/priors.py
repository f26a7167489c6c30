# SPDX-License-Identifier: Apache-2.0
"""What the coder believes before the first Gaussian: learned once, the same for all files.

A file of a few hundred Gaussians ends before a model that knows nothing has learned. `priors.bin`
was made by `scripts/train_image_priors` and belongs to the format: it can never change within a
version (docs/format.md).
"""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.entropy.contexts import NODES, new_model
from flexgs.entropy.contexts.model import COUNT_BITS, COUNT_MASK, SLOT_START
from flexgs.image.coding.attributes import ATTRIBUTE_CONTEXTS, ATTRIBUTE_MIXERS
from flexgs.image.coding.cells import CELL_CONTEXTS, CELL_MIXERS

U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
Model = tuple[U32, I32]

PATH = Path(__file__).with_name("priors.bin")
CONTEXTS = CELL_CONTEXTS + ATTRIBUTE_CONTEXTS
SLOTS = CONTEXTS * NODES
COUNT_MOST = 24  # so soon does a file's own law outweigh the prior
_PROBABILITY_SHIFT = 16  # of a slot's 22 bits the upper 11
_UNKNOWN = 0  # a slot that no training picture used


def pack_slots(slots: U32) -> bytes:
    """(SLOTS,) as a file: two bytes a slot, probability above count, as one zlib stream."""
    counts = np.minimum(slots & COUNT_MASK, COUNT_MOST)
    packed = np.where(counts > 0, (slots >> (COUNT_BITS + 11)) << 5 | counts, _UNKNOWN)
    return zlib.compress(packed.astype("<u2").tobytes(), 9)


@cache
def _first_slots() -> U32:
    raw = zlib.decompress(PATH.read_bytes())
    packed = np.frombuffer(raw, "<u2").astype(np.uint32)
    slots = ((packed >> 5) << 11 | 1 << 10) << COUNT_BITS | (packed & 31)
    return np.where(packed == _UNKNOWN, np.uint32(SLOT_START), slots).astype(np.uint32)


def first_models() -> tuple[Model, Model]:
    """Slots and weights of cells, then of attributes."""
    cells = new_model(CELL_CONTEXTS, CELL_MIXERS)
    attributes = new_model(ATTRIBUTE_CONTEXTS, ATTRIBUTE_MIXERS)
    known = _first_slots()
    cells[0][:] = known[: len(cells[0])]
    attributes[0][:] = known[len(cells[0]) :]
    return cells, attributes
