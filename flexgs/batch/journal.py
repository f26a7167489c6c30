# SPDX-License-Identifier: Apache-2.0
"""The journal: one line a job that ended, in the order they ended, only ever appended to.

A line is `{"row":{...},"crc32":"89abcdef"}`, the checksum over the bytes of the row. A line that
does not hold is left out and its job runs again: the last one, which a killed process may have left
torn, as well as any other. The last row of a job counts.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flexgs.batch.model import Row
from flexgs.errors import FormatError, Unsupported
from flexgs.io.appending import append_line, cut_torn_end
from flexgs.io.cameras.values import as_number, parse_json
from flexgs.io.files import read_limited

NAME = "journal.jsonl"
VERSION = 1
MAX_BYTES = 256 * 1024 * 1024
MAX_LINE = 1 << 20
_START, _MIDDLE, _END = b'{"row":', b',"crc32":"', b'"}'
_CRC_DIGITS = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Journal:
    """The rows of a journal, the last of each job, and notes on lines that do not hold."""

    rows: Mapping[tuple[str, str], Row]
    notes: tuple[str, ...] = ()

    def done(self, job: tuple[str, str], key: str) -> Row | None:
        """The result of a job, if it is one under this key."""
        row = self.rows.get(job)
        return row if row is not None and row.key == key and row.result is not None else None


def read_journal(path: Path) -> Journal:
    """All of it; an empty one where there is no file.

    Raises:
        UsageError: it cannot be read. TooLarge: it is longer than any journal.
        Unsupported: a newer version wrote it.
    """
    if not path.exists():
        return Journal({})
    data = read_limited(path, MAX_BYTES)
    *lines, torn = data.split(b"\n")
    rows: dict[tuple[str, str], Row] = {}
    damaged = []
    for number, line in enumerate(lines, 1):
        row = _parse_line(line, path)
        if row is None:
            damaged.append(number)
        else:
            rows[row.id] = row
    notes = []
    if damaged:
        where = ", ".join(map(str, damaged[:5])) + (", ..." if len(damaged) > 5 else "")
        notes.append(f"damaged lines of {path.name} are left out: {where}")
    if torn:
        notes.append(f"the last line of {path.name} is torn: its writer was killed")
    return Journal(rows, tuple(notes))


def append_row(path: Path, row: Row) -> None:
    """Adds a row; it is on disk when this returns.

    Raises:
        FlexgsError: the system refused.
    """
    append_line(path, row_to_line(row))


def mend_journal(path: Path) -> None:
    """Cuts a torn last line off, so that the next row gets a line of its own."""
    cut_torn_end(path)


def row_to_line(row: Row) -> bytes:
    """A row as its line, without the newline.

    >>> row_to_line(Row("a", "b", "k", 1.5, error={"kind": "E"}))[:25]
    b'{"row":{"attempts":1,"err'
    """
    plain = {"version": VERSION, **asdict(row)}
    body = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return _START + body + _MIDDLE + b"%08x" % zlib.crc32(body) + _END


def _parse_line(line: bytes, path: Path) -> Row | None:
    tail = len(_MIDDLE) + _CRC_DIGITS + len(_END)
    body = line[len(_START) : -tail]
    if len(line) > MAX_LINE or line != _START + body + _MIDDLE + b"%08x" % zlib.crc32(body) + _END:
        return None
    try:
        table = parse_json(body, path)
    except FormatError:
        return None
    version = table.get("version") if isinstance(table, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise Unsupported(
            "a newer flexgs wrote this journal", path=path, expected=VERSION, found=version
        )
    return _row(table) if version == VERSION else None


def _row(table: dict[str, Any]) -> Row | None:
    """A row of checked types, or None."""
    texts = [table.get(name) for name in ("scene", "setting", "key")]
    seconds, attempts = as_number(table.get("seconds")), table.get("attempts")
    files, result, error = (table.get(name) for name in ("files", "result", "error"))
    if (
        not all(isinstance(text, str) for text in texts)
        or seconds is None
        or not isinstance(attempts, int)
        or not isinstance(files, dict)
        or not all(isinstance(sha, str) and _SHA256.fullmatch(sha) for sha in files.values())
        or not isinstance(result, dict | None)
        or not isinstance(error, dict | None)
        or (result is None) == (error is None)
    ):
        return None
    scene, setting, key = map(str, texts)
    return Row(scene, setting, key, seconds, attempts, files, result, error)
