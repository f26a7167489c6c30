# SPDX-License-Identifier: Apache-2.0
"""A name -> entry table, filled at import and read-only in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from flexgs.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries by id. Ids are stable for ever once released; a duplicate id is an error.

    >>> codecs: Registry[int] = Registry("codec")
    >>> _ = codecs.add("zstd", 3)
    >>> codecs.get("zstd"), codecs.ids()
    (3, ['zstd'])
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Put `entry` under `name`; raises ValueError when the name is taken."""
        if name in self._entries:
            raise ValueError(f"duplicate {self.kind} id {name!r}")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """`add` as a decorator."""
        return lambda entry: self.add(name, entry)

    def get(self, name: str) -> T:
        """The entry; raises UsageError with the known ids when there is none."""
        if name not in self._entries:
            raise UsageError(
                f"unknown {self.kind} {name!r}", expected=" | ".join(self.ids()), found=name
            )
        return self._entries[name]

    def ids(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids())
