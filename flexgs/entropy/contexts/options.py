# SPDX-License-Identifier: Apache-2.0
"""How every kernel that codes is compiled."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import types
from numba.extending import intrinsic

from flexgs.compiling import CACHE

Int: TypeAlias = int | np.int64  # one type to the compiler: int64


CODING: dict[str, Any] = {"cache": CACHE, "error_model": "numpy", "nogil": True}
INLINED: dict[str, Any] = {**CODING, "forceinline": True}


def _pointer(typingctx: Any, array: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, value=args[0]).data

    if not isinstance(array, types.Array) or array.layout != "C":
        return None
    item: Any = types.CPointer
    return item(array.dtype)(array), codegen


# pointer(array) in a kernel: the address of the first item, indexable; the caller keeps the array
# alive. Passing arrays down costs two atomic operations a call and array, more than the coding.
pointer: Any = intrinsic(_pointer)


def _highest_bit(typingctx: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zeros = builder.ctlz(args[0], context.get_constant(types.boolean, True))
        return builder.sub(context.get_constant(types.int64, 63), zeros)

    return (types.int64(types.int64), codegen) if value == types.int64 else None


# highest_bit(value) in a kernel: floor(log2 value) of an int64 >= 1.
highest_bit: Any = intrinsic(_highest_bit)
