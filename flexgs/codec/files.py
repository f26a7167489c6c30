# SPDX-License-Identifier: Apache-2.0
"""`.fgs` files on disk."""

from __future__ import annotations

from pathlib import Path

from flexgs.codec.decode import decode_splats
from flexgs.core import Splats
from flexgs.errors import FlexgsError, FormatError, TooLarge, UsageError
from flexgs.limits import DEFAULT_LIMITS, Limits


def write_fgs(path: str | Path, data: bytes) -> None:
    """Writes a file image whole or not at all, and reads it back before it takes its place.

    Raises:
        FlexgsError: the system refused, or what came back differs; the old file is untouched.
    """
    from flexgs.io.files import atomic_write  # flexgs.io loads plyfile: decoding does without

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
    """The file image.

    Raises:
        UsageError: no such regular file, or it cannot be read.
        TooLarge: longer than all it could hold.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise UsageError("no such file", path=path)
        if file.stat().st_size > limits.max_raw_bytes:
            raise TooLarge(
                "the file is too large",
                path=path,
                expected=f"at most {limits.max_raw_bytes} bytes",
                found=file.stat().st_size,
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UsageError(f"cannot be read: {error}", path=repr(str(path))) from error
