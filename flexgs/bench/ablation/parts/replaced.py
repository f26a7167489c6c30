# SPDX-License-Identifier: Apache-2.0
"""Functions of modules replaced for a while: flexgs itself has no switches for its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

Replacement = tuple[ModuleType, str, object]


@contextmanager
def replaced(*replacements: Replacement) -> Iterator[None]:
    """While this lasts, `name` of each module is something else.

    Raises:
        AttributeError: a module has no such name.

    >>> import math
    >>> with replaced((math, "pi", 3)):
    ...     math.pi
    3
    >>> math.pi > 3
    True
    """
    before = [(module, name, getattr(module, name)) for module, name, _ in replacements]
    try:
        for module, name, value in replacements:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in reversed(before):
            setattr(module, name, value)
