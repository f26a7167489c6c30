# SPDX-License-Identifier: Apache-2.0
"""The one tree of exceptions. Each says what, where, what was expected and found, what to do.

Exit codes of the command line follow the tree: see `exit_code`.
"""

from __future__ import annotations

from pathlib import Path


class FlexgsError(Exception):
    """Base of everything flexgs raises on purpose.

    Attributes:
        what: one sentence that says what is wrong.
        path: the file concerned, where there is one.
        section: the part of the file (a section id, a header, a field), where there is one.
        offset: byte offset in the file, where it is known.
        expected: what a correct input would have held.
        found: what was there instead.
        hint: what the user can do about it.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        section: str | None = None,
        offset: int | None = None,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.path = None if path is None else str(path)
        self.section = section
        self.offset = offset
        self.expected = expected
        self.found = found
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        where = [] if self.path is None else [self.path]
        if self.section is not None:
            where.append(f"[{self.section}]")
        if self.offset is not None:
            where.append(f"at byte {self.offset}")
        text = f"{' '.join(where)}: {self.what}" if where else self.what
        known = (("expected", self.expected), ("found", self.found))
        facts = ", ".join(f"{name} {value}" for name, value in known if value is not None)
        if facts:
            text += f" ({facts})"
        return text if self.hint is None else f"{text}\n{self.hint}"


class UsageError(FlexgsError):
    """The call itself is wrong: options that contradict, an output that exists, a missing input."""

    exit_code = 2


class SceneError(FlexgsError):
    """The scene, its cameras or its photographs cannot be used as they are."""

    exit_code = 3


class FormatError(FlexgsError):
    """A file's bytes are not what its format demands."""

    exit_code = 3


class Truncated(FormatError):
    """The file ends before its content does."""


class Corrupt(FormatError):
    """A checksum, a length or a structure does not agree with the rest of the file."""


class Unsupported(FormatError):
    """A valid file that this version cannot read (a newer version, an unknown codec)."""


class TooLarge(FormatError):
    """A declared size is beyond the limits; raise them only for files you trust."""


class SearchError(FlexgsError):
    """No setting reaches the target; `--best-effort` keeps the nearest one."""

    exit_code = 4
