# SPDX-License-Identifier: Apache-2.0
"""Integers <-> bytes by adaptive, context-mixing binary range coding (docs/entropy-coder.md).

Needs numba, so `flexgs.entropy` does not import it. One kernel serves both directions.

>>> import numpy as np
>>> slots, weights = new_model(contexts=3, mixers=1)
>>> coder, data = start_encoder(capacity_bytes=64)
>>> for v in (-3, 0, 12345):
...     _ = code_int(coder, data, slots, weights, 0, 1, 2, 0, v)
>>> payload = finish_encoder(coder, data)
>>> slots, weights = new_model(contexts=3, mixers=1)
>>> coder, data = start_decoder(payload)
>>> [int(code_int(coder, data, slots, weights, 0, 1, 2, 0, 0)) for _ in range(3)]
[-3, 0, 12345]
>>> check_decoder(coder, data)
"""

from flexgs.entropy.contexts.calls import (
    code_bit,
    code_int,
    code_uint,
    cost_bit,
    cost_int,
    cost_uint,
)
from flexgs.entropy.contexts.coder import (
    check_decoder,
    finish_encoder,
    start_decoder,
    start_encoder,
)
from flexgs.entropy.contexts.integers import VALUE_MAX
from flexgs.entropy.contexts.model import NODES, K, new_model
from flexgs.entropy.contexts.options import CODING

__all__ = [
    "CODING",
    "NODES",
    "VALUE_MAX",
    "K",
    "check_decoder",
    "code_bit",
    "code_int",
    "code_uint",
    "cost_bit",
    "cost_int",
    "cost_uint",
    "finish_encoder",
    "new_model",
    "start_decoder",
    "start_encoder",
]
