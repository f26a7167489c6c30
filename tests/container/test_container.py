# SPDX-License-Identifier: Apache-2.0
"""The container accepts exactly what `pack` writes; tests are named by the lie in the file."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.container import (
    ENTRY,
    HEADER_BYTES,
    Section,
    dump_metadata,
    load_metadata,
    pack,
    unpack,
)
from flexgs.container.layout import HEADER
from flexgs.entropy import byte_codecs
from flexgs.errors import Corrupt, TooLarge, Truncated, Unsupported, UsageError
from flexgs.limits import Limits

KNOWN = frozenset(range(10))
ZLIB = byte_codecs.get("zlib")


def sample(**changes):
    text = b"abc" * 50
    packed = Section(2, 0, ZLIB.encode(text, None, "best"), len(text), ZLIB.code, tag=7)
    sections = [Section(1, 1, b"hello", 5), packed, Section(3, 0, b"", 0, **changes)]
    return pack(sections)


def repaired(data: bytes, **fields) -> bytes:
    """The file with header fields changed and all CRCs of header and table made right again."""
    names = ("magic", "major", "minor", "count", "length", "table", "crc")
    values = dict(zip(names, HEADER.unpack_from(data), strict=True)) | fields
    values["crc"] = fields.get("crc", zlib.crc32(data[values["table"] :]))
    header = HEADER.pack(*(values[name] for name in names))
    return header + struct.pack("<I", zlib.crc32(header)) + data[HEADER_BYTES:]


def with_entry(data: bytes, row: int, **fields) -> bytes:
    """The file with one entry of its table changed, CRCs right."""
    table = HEADER.unpack_from(data)[5]
    at = table + row * ENTRY.size
    names = ("kind", "flags", "codec", "index", "tag", "crc", "stored", "raw")
    values = dict(zip(names, ENTRY.unpack_from(data, at), strict=True)) | fields
    entry = ENTRY.pack(*(values[name] for name in names))
    return repaired(data[:at] + entry + data[at + ENTRY.size :])


def test_round_trip():
    container = unpack(sample(), KNOWN)
    assert [(e.index, e.kind) for e in container.entries] == [(0, 2), (0, 3), (1, 1)]
    assert container.read(container.require(2, 0)) == b"abc" * 50
    assert container.require(2, 0).tag == 7
    assert container.read(container.require(1, 1)) == b"hello"
    assert container.find(9, 9) is None
    with pytest.raises(Corrupt):
        container.require(9, 9)


def test_a_file_without_sections_is_a_file():
    assert unpack(pack([]), KNOWN).entries == ()


def read_all(data):
    container = unpack(data, KNOWN)
    return [container.stored(entry) for entry in container.entries]


def test_every_single_bit_flip_is_detected():
    data = sample()
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Corrupt, Truncated, Unsupported)):
            read_all(bytes(broken))


def test_every_truncation_and_any_appended_byte_is_detected():
    data = sample()
    for length in range(len(data)):
        with pytest.raises((Truncated, Corrupt)):
            unpack(data[:length], KNOWN)
    with pytest.raises(Corrupt, match="goes on"):
        unpack(data + b"\0", KNOWN)
    with pytest.raises(Truncated, match="ends"):
        unpack(data[:-1], KNOWN)


def test_another_file_type_is_named_as_such():
    with pytest.raises(Corrupt, match=r"not a \.fgs file"):
        unpack(b"ply\nformat ascii 1.0\n" * 10, KNOWN)


def test_line_end_conversion_is_detected():
    with pytest.raises(Corrupt, match=r"not a \.fgs file"):
        unpack(sample().replace(b"\r\n", b"\n"), KNOWN)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"major": 2}, Unsupported),
        ({"count": 2}, Corrupt),
        ({"count": 2**32 - 1}, Corrupt),
        ({"length": 10**6}, Truncated),
        ({"length": 50}, Corrupt),
        ({"table": 0}, Corrupt),
        ({"table": 2**63}, Corrupt),
    ],
)
def test_a_lie_in_the_header_is_detected(changes, error):
    with pytest.raises(error):
        unpack(repaired(sample(), **changes), KNOWN)


def test_a_newer_minor_is_fine():
    assert unpack(repaired(sample(), minor=9), KNOWN).version == (1, 9)


@pytest.mark.parametrize(
    ("row", "changes", "error"),
    [
        (0, {"kind": 4}, Corrupt),  # out of order
        (1, {"kind": 2}, Corrupt),  # doubled
        (2, {"kind": 999}, Unsupported),
        (0, {"flags": 3}, Unsupported),
        (0, {"codec": 77}, Unsupported),
        (0, {"stored": 10**9}, Corrupt),
        (0, {"stored": 0}, Corrupt),
        (0, {"raw": 2**32 - 1}, TooLarge),
    ],
)
def test_a_lie_in_the_table_is_detected(row, changes, error):
    with pytest.raises(error):
        unpack(with_entry(sample(), row, **changes), KNOWN)


@pytest.mark.parametrize("changes", [{"raw": 149}, {"raw": 151}, {"codec": 2}, {"codec": 0}])
def test_a_wrong_length_or_codec_is_detected_on_reading(changes):
    container = unpack(with_entry(sample(), 0, **changes), KNOWN)
    with pytest.raises(Corrupt) as caught:
        container.read(container.entries[0])
    assert caught.value.section is not None
    assert caught.value.offset == HEADER_BYTES


def test_an_unknown_optional_section_is_skipped_whatever_its_codec():
    data = with_entry(sample(critical=False), 1, kind=999, codec=200)
    data = repaired(data)
    assert unpack(data, KNOWN).find(2, 0) is not None


def test_limits_hold_before_anything_is_expanded():
    big = ZLIB.encode(bytes(5_000_000), None, "best")
    data = pack([Section(1, 0, big, 5_000_000, ZLIB.code)])
    assert len(unpack(data, KNOWN).read(unpack(data, KNOWN).entries[0])) == 5_000_000
    with pytest.raises(TooLarge):
        unpack(data, KNOWN, Limits(max_raw_bytes=4_999_999))
    with pytest.raises(TooLarge):
        unpack(data, KNOWN, Limits(max_ratio=100))


def test_doubled_sections_cannot_be_written():
    with pytest.raises(ValueError, match="same index"):
        pack([Section(1, 0, b"", 0), Section(1, 0, b"x", 1)])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_metadata_round_trips_in_one_form(values):
    payload = dump_metadata(values)
    assert load_metadata(payload) == values
    assert dump_metadata(load_metadata(payload)) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[1]",
        b"{",
        b'{"a": 1}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a":1.0e0}',
        b'{"a":"\xc3\xa4"}',
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1}\n',
    ],
)
def test_json_that_readers_disagree_about_is_refused(payload):
    with pytest.raises(Corrupt):
        load_metadata(payload)


def test_long_metadata_is_refused_both_ways():
    with pytest.raises(TooLarge):
        load_metadata(b'{"a":"' + b"x" * 2**20 + b'"}')
    with pytest.raises(UsageError):
        dump_metadata({"a": "x" * 2**20})
    with pytest.raises(UsageError):
        dump_metadata({"a": float("nan")})
    with pytest.raises(UsageError):
        dump_metadata({"a": object()})
