# SPDX-License-Identifier: Apache-2.0
"""`-`: a scene from standard input, or to standard output. Commands see files only.

Standard input is put into a temporary file, recognised as any other; standard output gets its
bytes when the whole scene is written.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexgs.errors import FlexgsError, FormatError, TooLarge, UsageError

_STREAM = "-"
_PIECE = 1 << 20


def is_stream(path: Path | None) -> bool:
    """Whether a path means standard input or output."""
    return str(path) == _STREAM


def shown(path: Path) -> str:
    """An output as messages name it."""
    return "standard output" if is_stream(path) else str(path)


@contextmanager
def scene_input(path: Path, origin: str | None) -> Iterator[Path]:
    """The file of a scene: `path` itself, or a temporary one that holds standard input.

    Args:
        path: of a scene, or `-`.
        origin: id of the format of standard input, where its content does not say it.

    Raises:
        UsageError: standard input is a terminal; `origin` with a file, or an unknown one.
        FormatError: standard input is of another format than `origin`. TooLarge: it is too long.
    """
    if not is_stream(path):
        if origin is not None:
            raise UsageError("--from is for a scene from standard input", expected="-", found=path)
        yield path
        return
    from flexgs.io.formats.table import find_format, scene_formats

    entry = None if origin is None else scene_formats.get(origin)
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal", hint="pipe a scene into it")
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        file = Path(folder, "stdin" + ("" if entry is None else entry.suffixes[0]))
        with _named(file, "standard input"):
            _spool(file)
            found = find_format(file)
            if entry is not None and found is not entry:
                raise FormatError(
                    "not of the format that --from says",
                    path=file,
                    expected=entry.name,
                    found=found.name,
                )
            yield file


@contextmanager
def scene_output(path: Path, format: str | None, as_json: bool = False) -> Iterator[Path]:
    """The file to write a scene to: `path` itself, or a temporary one that goes to standard output.

    Args:
        path: of the output, or `-`.
        format: id of the format; needed for `-`, else it must be the one that the name says.
        as_json: JSON goes to standard output, too.

    Raises:
        UsageError: no format, one that the name contradicts, a terminal, or JSON in the same place.
    """
    from flexgs.io.formats.table import format_of_name, scene_formats

    entry = None if format is None else scene_formats.get(format)
    if not is_stream(path):
        if entry is not None and format_of_name(path) is not entry:
            raise UsageError(
                f"the output is a {entry.suffixes[0]} file",
                path=path,
                expected=f"a name that ends in {' or '.join(entry.suffixes)}",
            )
        yield path
        return
    if entry is None:
        raise UsageError("standard output has no name that says the format", expected="--format")
    if as_json:
        raise UsageError("--json and the scene cannot both go to standard output")
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal", hint="pipe or redirect it")
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        file = Path(folder, "stdout" + entry.suffixes[0])
        with _named(file, "standard output"):
            yield file
            if file.exists():  # not after a dry run
                with open(file, "rb") as whole:
                    shutil.copyfileobj(whole, sys.stdout.buffer, _PIECE)
                sys.stdout.buffer.flush()


@contextmanager
def _named(file: Path, name: str) -> Iterator[None]:
    """Errors speak of the stream, not of the file that stands for it."""
    try:
        yield
    except FlexgsError as error:
        if error.path == str(file):
            error.path = name
        raise


def _spool(file: Path) -> None:
    """All of standard input, as long as a scene file may be."""
    from flexgs.io import atomic_write
    from flexgs.limits import DEFAULT_LIMITS

    limit = DEFAULT_LIMITS.max_raw_bytes
    with atomic_write(file) as target:
        size = 0
        while piece := sys.stdin.buffer.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise TooLarge("too long for a scene", path=file, expected=f"at most {limit} bytes")
            target.write(piece)
