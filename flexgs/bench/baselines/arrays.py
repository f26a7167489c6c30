# SPDX-License-Identifier: Apache-2.0
"""Arrays in one .npz: the same bytes every time, and read as a file that may be hostile.

An .npz is a zip of .npy files, as `numpy.savez` writes it. Reading here evaluates nothing,
unpickles nothing, and allocates nothing before the sizes in zip, header and schema agree.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt, FormatError, TooLarge
from flexgs.limits import DEFAULT_LIMITS

Array = npt.NDArray[Any]

_END = b"PK\5\6"  # of central directory, 22 bytes from the end where there is no comment
_ZIP64 = b"PK\6\7"
_END_BYTES, _LOCATOR_BYTES = 22, 20
_MAX_DIRECTORY_BYTES = 4096  # of 50 bytes a member
_MAX_HEADER_BYTES = 1024  # of an .npy; numpy's own have 128
_START = re.compile(rb"\x93NUMPY\x01\x00(..)", re.DOTALL)
_HEADER = re.compile(
    rb"\{'descr': '([<|][a-z]\d)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n"
)


def pack_arrays(arrays: Mapping[str, Array], *, deflate: bool) -> bytes:
    """One .npz; `deflate` as `numpy.savez_compressed` does it, else stored.

    >>> data = pack_arrays({"a": np.arange(3, dtype=np.int32)}, deflate=True)
    >>> np.load(io.BytesIO(data))["a"].tolist()
    [0, 1, 2]
    """
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method, compresslevel=9) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                whole = np.ascontiguousarray(array)
                np.lib.format.write_array(member, whole, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


@contextlib.contextmanager
def open_arrays(data: bytes) -> Iterator[zipfile.ZipFile]:
    """The zip in `data`; what is wrong with it, found now or by the block, is a Corrupt.

    Raises:
        FormatError: it is no such zip, or the block raises one.
    """
    end = data[-_END_BYTES:]
    if len(end) < _END_BYTES or not end.startswith(_END):
        raise Corrupt("not a complete .npz", expected="a zip's directory at the end")
    located = data[-_END_BYTES - _LOCATOR_BYTES :].startswith(_ZIP64)
    if located or struct.unpack_from("<I", end, 12)[0] > _MAX_DIRECTORY_BYTES:
        raise TooLarge("the .npz has a directory of too many members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except FormatError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError) as error:
        raise Corrupt(f"the .npz is damaged: {error}") from error
    except (
        ValueError,
        KeyError,
        RuntimeError,
        OverflowError,
    ) as error:  # what zipfile lets through
        raise Corrupt(f"the .npz is damaged: {error}") from error


def require_members(archive: zipfile.ZipFile, names: Mapping[str, object]) -> None:
    """Refuses anything but one array of each name.

    Raises:
        Corrupt: one is missing, doubled or unknown.
    """
    found = sorted(archive.namelist())
    wanted = sorted(f"{name}.npy" for name in names)
    if found != wanted:
        raise Corrupt("not the arrays of such a file", expected=wanted, found=found[: len(wanted)])


def read_array(
    archive: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]
) -> Array:  # of that dtype ("<f4") and shape
    """One array, which must be exactly of the dtype and shape asked for. Call in `open_arrays`.

    Raises:
        Corrupt: it is not.
        TooLarge: it claims to expand further than a zip of arrays would.
    """
    try:
        info = archive.getinfo(f"{name}.npy")
    except KeyError:
        hint = "It may be the file of another method."
        raise Corrupt("an array is missing", section=name, hint=hint) from None
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Corrupt("an array is packed in an unknown way", section=name)
    if not size < info.file_size <= size + _MAX_HEADER_BYTES:
        raise Corrupt(
            "an array has the wrong size", section=name, expected=size, found=info.file_size
        )
    if size > DEFAULT_LIMITS.max_ratio * info.compress_size:
        raise TooLarge("an array expands too far", section=name, found=info.file_size)
    with archive.open(info) as member:
        raw = member.read(info.file_size)
    start = _check_header(raw, name, dtype, shape)
    if len(raw) - start != size:
        raise Corrupt("an array is cut short", section=name, expected=size, found=len(raw) - start)
    return np.frombuffer(raw, dtype, offset=start).reshape(shape)


def _check_header(raw: bytes, name: str, dtype: str, shape: tuple[int, ...]) -> int:
    """Where the values start."""
    start = _START.match(raw)
    stop = start.end() + int.from_bytes(start[1], "little") if start else 0
    header = _HEADER.fullmatch(raw, start.end(), stop) if start else None
    if header is None:
        raise Corrupt("not an .npy of plain values", section=name)
    sides = tuple(int(side) for side in header[2].split(b",") if side.strip())
    if header[1].decode("ascii") != dtype or sides != shape:
        raise Corrupt(
            "an array is not what the file's head says",
            section=name,
            expected=f"{dtype} {shape}",
            found=f"{header[1].decode('ascii')} {sides}"[:80],
        )
    return stop
