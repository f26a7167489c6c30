# SPDX-License-Identifier: Apache-2.0
"""Files that only ever grow, a whole line at a time, and folders that one process works on."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from flexgs.errors import FlexgsError, UsageError

_LOCK_BYTES = 64  # of the owner's process id


def append_line(path: str | Path, line: bytes) -> None:
    """Adds a line, its newline included, in one write; it is on disk when this returns.

    Raises:
        FlexgsError: the system refused.
    """
    try:
        with open(path, "ab", buffering=0) as file:
            if file.write(line + b"\n") != len(line) + 1:
                raise OSError(0, "the disk is full")
            os.fsync(file.fileno())
    except OSError as error:
        raise FlexgsError(f"could not write: {error.strerror or error}", path=path) from error


def cut_torn_end(path: str | Path) -> int:
    """Cuts off what stands behind the last newline: the start of a line whose writer was killed.

    Returns:
        How many bytes that were.

    Raises:
        FlexgsError: the system refused.
    """
    try:
        with open(path, "r+b") as file:
            size = left = file.seek(0, os.SEEK_END)
            while left > 0:
                start = max(0, left - (1 << 16))
                file.seek(start)
                at = file.read(left - start).rfind(b"\n")
                if at >= 0:
                    left = start + at + 1
                    break
                left = start
            if left < size:
                file.truncate(left)
                os.fsync(file.fileno())
            return size - left
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise FlexgsError(f"could not write: {error.strerror or error}", path=path) from error


@contextlib.contextmanager
def results_folder(folder: Path, journal: str, lock: str, what: str, force: bool) -> Iterator[Path]:
    """Makes and locks a folder of results, which a file called `journal` or `lock` tells.

    Raises:
        UsageError: another process works there; it holds other things and `force` is not given;
            it cannot be made.
    """
    try:
        used = folder.exists() and any(folder.iterdir())
        ours = (folder / journal).is_file() or (folder / lock).is_file()
        if used and not ours and not force:
            raise UsageError(
                f"the folder holds other things than a {what}'s results",
                path=folder,
                hint="choose a new one; --force adds to this one and overwrites",
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"not a usable folder: {error.strerror}", path=folder) from error
    with locked(folder / lock, what):
        yield folder


@contextlib.contextmanager
def locked(path: str | Path, what: str) -> Iterator[None]:
    """Holds the lock file `path` as long as the block runs; a killed process lets go of it.

    Raises:
        UsageError: another process holds it. FlexgsError: the system refused.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FlexgsError(f"could not lock: {error.strerror}", path=path) from error
    try:
        if not _try_lock(handle):
            owner = os.pread(handle, _LOCK_BYTES, 0) if sys.platform != "win32" else b""
            pid = owner.decode("ascii", "replace").strip()
            raise UsageError(
                f"another {what} works here",
                path=path,
                found=f"process {pid}" if pid.isdigit() else None,
                hint="wait for it to end, or choose another folder",
            )
        if sys.platform != "win32":
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)  # and unlocks


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
