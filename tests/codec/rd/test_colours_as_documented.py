# SPDX-License-Identifier: Apache-2.0
"""docs/rd-profile.md says all that a decoder of colours needs."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.codec.rd.colours import code_colours, quantise_colours
from flexgs.quant.adaptive.features import step_classes
from tests.codec.rd.reference_colours import decode_dc, decode_sh, neighbours
from tests.codec.rd.test_colours import scene, whole
from tests.entropy.contexts.reference import Decoder


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_a_second_decoder_finds_the_same_symbols(degree: int) -> None:
    n = 150
    sh, blocks, features, cells = scene(n, degree)
    blocks[60:] *= 40
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(n), 1e-3)
    payloads = code_colours(plan, symbols, features, cells)
    near = [neighbours(i, cells.tolist(), features.tolist()) for i in range(n)]
    decoder = Decoder(payloads["dc"])
    classes = step_classes(features, np.array(plan.dc, np.int32)).tolist()
    shifts, values = decode_dc(decoder, classes, near)
    assert decoder.complete()
    assert shifts == symbols.shifts.tolist()
    assert len(set(shifts)) > 1
    assert values == symbols.dc.tolist()
    decoder = Decoder(payloads["sh"])
    classes = step_classes(features, np.array(plan.sh, np.int32)) + 8 * symbols.shifts
    rest = (degree + 1) ** 2 - 1
    found = decode_sh(decoder, classes.tolist(), near, rest) if rest else []
    assert decoder.complete()
    assert found == (symbols.sh.tolist() if rest else [])
    assert not rest or np.count_nonzero(symbols.sh) > n
