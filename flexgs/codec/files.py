# SPDX-License-Identifier: Apache-2.0
"""`.fgs` files on disk."""

from __future__ import annotations

from pathlib import Path

from flexgs.codec.decode import decode_splats
from flexgs.core import Splats
from flexgs.errors import FlexgsError, FormatError
from flexgs.io.files import atomic_write, file_size, read_start
from flexgs.limits import DEFAULT_LIMITS, Limits


def write_fgs(path: str | Path, data: bytes) -> None:
    """Writes a file image whole or not at all, and reads it back before it takes its place.

    Raises:
        FlexgsError: the system refused, or what came back differs; the old file is untouched.
    """
    with atomic_write(path) as file:
        file.write(data)
        file.flush()
        if Path(file.name).read_bytes() != data:
            raise FlexgsError(
                "what was written does not read back", path=path, hint="check the disk"
            )


def read_fgs(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Splats:
    """`decode_splats` of a file; errors name the path.

    Raises:
        UsageError: there is no such file.
        FormatError: it is not sound.
    """
    try:
        return decode_splats(read_bytes(path, limits), limits)
    except FormatError as error:
        error.path = str(path)
        raise


def read_bytes(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The file image."""
    return read_start(path, min(file_size(path), limits.max_raw_bytes) + 1)
