# SPDX-License-Identifier: Apache-2.0
"""The journal: what was appended is read; what is damaged is never read as something else."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from flexgs.batch.journal import append_row, mend_journal, read_journal, row_to_line
from flexgs.batch.model import Row
from flexgs.errors import TooLarge, Unsupported, UsageError
from flexgs.io.appending import cut_torn_end, locked

GOOD = Row("ash", "drop-1", "k1", 1.5, 1, {"ash/drop-1.fgs": "a" * 64}, {"bytes": 7, "psnr": 0.1})
BAD = Row("birch", "drop-1", "k2", 0.25, 2, error={"kind": "SceneError", "message": "naïve\n"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_rows_come_back_and_the_last_of_a_job_counts(path: Path) -> None:
    assert read_journal(path).rows == {}
    for row in (BAD, GOOD, Row(*GOOD.id, "k3", 2.0, result={"bytes": 8})):
        append_row(path, row)
    found = read_journal(path)
    assert found.notes == ()
    assert found.rows == {BAD.id: BAD, GOOD.id: Row(*GOOD.id, "k3", 2.0, result={"bytes": 8})}


def test_lines_are_json_that_others_can_read(path: Path) -> None:
    append_row(path, GOOD)
    line = json.loads(path.read_text())
    assert line["row"]["result"]["bytes"] == 7
    assert len(line["crc32"]) == 8


def test_a_line_torn_anywhere_is_recognised_and_the_rest_kept(path: Path) -> None:
    first, second = row_to_line(GOOD) + b"\n", row_to_line(BAD)
    for cut in range(1, len(second) + 1):
        path.write_bytes(first + second[:cut])
        found = read_journal(path)
        assert found.rows == {GOOD.id: GOOD}
        assert "torn" in found.notes[0]
    mend_journal(path)
    assert path.read_bytes() == first
    append_row(path, BAD)
    assert set(read_journal(path).rows) == {GOOD.id, BAD.id}


def test_every_flipped_bit_is_detected(path: Path) -> None:
    line = row_to_line(GOOD)
    flips = [bytearray(line) for _ in range(8 * len(line))]
    for at, damaged in enumerate(flips):
        damaged[at // 8] ^= 1 << at % 8
    path.write_bytes(b"\n".join([*flips, row_to_line(BAD), b""]))
    found = read_journal(path)
    assert found.rows == {BAD.id: BAD}
    assert "damaged" in found.notes[0]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'{"version":1}',
        b'{"version":1,"scene":1,"setting":"b","key":"k","seconds":1,"attempts":1,"files":{},'
        b'"result":{},"error":null}',
        b'{"version":1,"scene":"a","setting":"b","key":"k","seconds":1,"attempts":1,'
        b'"files":{"../x":"no sha"},"result":{},"error":null}',
        b'{"version":1,"scene":"a","setting":"b","key":"k","seconds":NaN,"attempts":1,"files":{},'
        b'"result":{},"error":null}',
        b'{"version":1,"scene":"a","setting":"b","key":"k","seconds":1,"attempts":1,"files":{},'
        b'"result":null,"error":null}',
        b"[" * 100_000,
    ],
)
def test_lines_of_right_checksum_and_wrong_content_are_left_out(path: Path, body: bytes) -> None:
    path.write_bytes(b'{"row":%b,"crc32":"%08x"}\n' % (body, zlib.crc32(body)))
    found = read_journal(path)
    assert found.rows == {}
    assert len(found.notes) == 1


def test_a_newer_journal_is_refused(path: Path) -> None:
    body = b'{"version":2}'
    path.write_bytes(b'{"row":%b,"crc32":"%08x"}\n' % (body, zlib.crc32(body)))
    with pytest.raises(Unsupported, match="newer"):
        read_journal(path)


def test_an_endless_journal_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexgs.batch.journal.MAX_BYTES", 10)
    path.write_bytes(b"x" * 11)
    with pytest.raises(TooLarge):
        read_journal(path)


def test_a_long_torn_end_is_cut(path: Path) -> None:
    path.write_bytes(b"one\n" + b"x" * 200_000)
    assert cut_torn_end(path) == 200_000
    assert path.read_bytes() == b"one\n"
    assert cut_torn_end(path) == 0
    path.write_bytes(b"torn")
    assert cut_torn_end(path) == 4
    assert cut_torn_end(path.parent / "none") == 0


def test_a_lock_keeps_others_out_until_it_is_given_back(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", "batch"),
        pytest.raises(UsageError, match="another batch"),
        locked(tmp_path / "lock", "batch"),
    ):
        pass
    with locked(tmp_path / "lock", "batch"):
        pass
