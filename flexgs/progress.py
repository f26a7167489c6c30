# SPDX-License-Identifier: Apache-2.0
"""How long-running functions say where they are, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Something that shows, logs or ignores progress."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open a stage of `total` units (None: unknown); call the value with n to advance by n."""


def _ignore(_count: int) -> None:
    """Drop the message."""


class SilentProgress:
    """Tells nobody.

    >>> with SilentProgress().stage("score", total=3) as advance:
    ...     advance(1)
    """

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """A stage that nobody sees."""
        return nullcontext(_ignore)


SILENT = SilentProgress()
