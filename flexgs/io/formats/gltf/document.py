# SPDX-License-Identifier: Apache-2.0
"""The parts of a glTF file: its JSON, its buffers, views of them, and arrays of numbers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.io.cameras.values import Fields, parse_json
from flexgs.io.formats.gltf.layout import (
    BINARY_CHUNK,
    COMPONENTS,
    GLB_CHUNK,
    GLB_HEADER,
    GLB_MAGIC,
    GLB_VERSION,
    JSON_CHUNK,
    KNOWN_EXTENSIONS,
    WIDTHS,
)
from flexgs.limits import MAX_GLTF_JSON_BYTES

F32 = npt.NDArray[np.float32]

_NAME = "glTF"  # in errors, until somebody knows the path
_DATA_URI = re.compile(r"data:[\w/.+-]*;base64,")


@dataclass(frozen=True)
class Accessor:
    """Where numbers lie; checked against the buffers."""

    count: int
    values: npt.NDArray[np.generic]  # (count, width) as stored, a view
    divisor: float  # that normalises them

    def read(self) -> F32:  # (count, width)
        """The numbers; normalised integers are in -1..1 or 0..1."""
        values = self.values.astype(np.float32)
        if self.divisor != 1:
            values /= np.float32(self.divisor)
            np.maximum(values, -1, out=values)
        return values


class Document:
    """A glTF file whose buffers are at hand."""

    def __init__(self, table: object, load: Callable[[int, str | None], bytes]) -> None:
        """`load` gives the bytes of a buffer by its number and its URI."""
        self.fields = Fields(table, _NAME, "document")
        self._load = load
        self._buffers: dict[int, bytes] = {}
        required = self.items("extensionsRequired")
        for name in required:
            if name not in KNOWN_EXTENSIONS:
                raise Unsupported(
                    "the file requires an extension that is not known here",
                    section="extensionsRequired",
                    expected=", ".join(KNOWN_EXTENSIONS),
                    found=repr(name)[:80],
                )

    @property
    def loaded_bytes(self) -> int:
        """Of all buffers that were needed so far."""
        return sum(len(buffer) for buffer in self._buffers.values())

    def items(self, kind: str) -> list[Any]:
        """A list at the top of the JSON, empty where there is none."""
        found = self.fields.table.get(kind, [])
        if not isinstance(found, list):
            self.fields.fail(f"{kind} is not a list")
        return found

    def item(self, kind: str, index: int) -> Fields:
        """One object of such a list.

        Raises:
            Corrupt: there is none.
        """
        found = self.items(kind)
        if not 0 <= index < len(found):
            self.fields.fail(
                f"no such item in {kind}", expected=f"0..{len(found) - 1}", found=index
            )
        return Fields(found[index], _NAME, f"{kind} {index}")

    def view(self, index: int) -> tuple[memoryview, int]:
        """(bytes of a buffer view, its stride or 0)."""
        fields = self.item("bufferViews", index)
        start, length = size_of(fields, "byteOffset", 0), size_of(fields, "byteLength")
        number = size_of(fields, "buffer")
        if number not in self._buffers:
            self._buffers[number] = self._read_buffer(number)
        buffer = self._buffers[number]
        if start + length > len(buffer):
            fields.fail(
                "a view reaches beyond its buffer",
                expected=f"at most {len(buffer)} bytes",
                found=start + length,
            )
        return memoryview(buffer)[start : start + length], size_of(fields, "byteStride", 0)

    def _read_buffer(self, number: int) -> bytes:
        fields = self.item("buffers", number)
        uri = fields.text("uri") if "uri" in fields else None
        data = self._load(number, uri)
        length = size_of(fields, "byteLength")
        if length > len(data):
            raise Truncated(
                "a buffer is shorter than it says",
                section=f"buffers {number}",
                expected=f"{length} bytes",
                found=len(data),
            )
        return data[:length] if length < len(data) else data

    def accessor(self, index: int, kind: str) -> Accessor:
        """Numbers of a type: SCALAR, VEC3 or VEC4.

        Raises:
            Corrupt: another type, or bytes beyond the view. Unsupported: sparse, compressed.
        """
        fields = self.item("accessors", index)
        if "sparse" in fields or "bufferView" not in fields:
            raise Unsupported(
                "sparse and compressed accessors are not read", section=fields.section
            )
        if fields.text("type") != kind:
            fields.fail("an attribute of another type", expected=kind, found=fields.text("type"))
        component = fields.integer("componentType")
        if component not in COMPONENTS:
            fields.fail("no such component type", expected=list(COMPONENTS), found=component)
        name, largest = COMPONENTS[component]
        view, stride = self.view(size_of(fields, "bufferView"))
        count, offset = size_of(fields, "count"), size_of(fields, "byteOffset", 0)
        dtype, width = np.dtype(name), WIDTHS[kind]
        element = dtype.itemsize * width
        stride = stride or element
        if stride < element or offset + max(count - 1, 0) * stride + element > len(view):
            fields.fail(
                "an accessor reaches beyond its view",
                expected=f"{count} times {element} bytes in {len(view)}",
                found=f"offset {offset}, stride {stride}",
            )
        values: npt.NDArray[np.generic] = np.ndarray(
            (count, width), dtype, view, offset, (stride, dtype.itemsize)
        )
        return Accessor(count, values, largest if fields.table.get("normalized") is True else 1.0)


def size_of(fields: Fields, name: str, default: int | None = None) -> int:
    """A whole number that is not negative; `default` where there is none.

    Raises:
        Corrupt: another value.
    """
    if default is not None and name not in fields:
        return default
    number = fields.integer(name)
    if number < 0:
        fields.fail(f"{name} is negative", expected="at least 0", found=number)
    return number


def parse_document(data: bytes) -> Any:
    """JSON of bounded length.

    Raises:
        TooLarge, Corrupt: it is longer, or not JSON.
    """
    if len(data) > MAX_GLTF_JSON_BYTES:
        raise TooLarge(
            "the JSON is too long for one of Gaussians",
            section="JSON",
            expected=f"at most {MAX_GLTF_JSON_BYTES} bytes",
            found=len(data),
        )
    return parse_json(data, _NAME)


def split_glb(data: bytes) -> tuple[bytes, bytes | None]:
    """(JSON, the binary chunk or None) of a .glb.

    Raises:
        Corrupt, Truncated, Unsupported: header or chunks do not agree with the file.
    """
    if len(data) < GLB_HEADER.size:
        raise Truncated("the file ends inside its header", section="header", offset=len(data))
    magic, version, length = GLB_HEADER.unpack_from(data)
    if magic != GLB_MAGIC:
        raise Corrupt("not a .glb file", section="header", offset=0, found=magic)
    if version != GLB_VERSION:
        raise Unsupported(
            "another version of .glb", section="header", offset=4, expected=2, found=version
        )
    if length != len(data):
        error: type[FormatError] = Truncated if length > len(data) else Corrupt
        raise error(
            "the file does not have its length",
            section="header",
            offset=8,
            expected=length,
            found=len(data),
        )
    chunks = _split_chunks(data)
    if not chunks or chunks[0][0] != JSON_CHUNK:
        raise Corrupt("the first chunk is not JSON", section="chunks", offset=GLB_HEADER.size)
    has_binary = len(chunks) > 1 and chunks[1][0] == BINARY_CHUNK
    return chunks[0][1], chunks[1][1] if has_binary else None


def _split_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, content) of the first two; the rest is for others, but has to have its length."""
    chunks: list[tuple[bytes, bytes]] = []
    at = GLB_HEADER.size
    while at < len(data):
        if at + GLB_CHUNK.size > len(data):
            raise Truncated("a chunk ends early", section="chunks", offset=at)
        length, kind = GLB_CHUNK.unpack_from(data, at)
        at += GLB_CHUNK.size
        if at + length > len(data):
            raise Truncated(
                "a chunk ends early",
                section="chunks",
                offset=at,
                expected=f"{length} bytes",
                found=len(data) - at,
            )
        if len(chunks) < 2:
            chunks.append((kind, data[at : at + length]))
        at += length
    return chunks


def decode_data_uri(uri: str) -> bytes | None:
    """The bytes of a data: URI, None when it is another URI.

    Raises:
        Corrupt: not base64.
    """
    match = _DATA_URI.match(uri)
    if match is None:
        return None
    try:
        return base64.b64decode(uri[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Corrupt(f"a data URI is not base64: {error}", section="buffers") from error
