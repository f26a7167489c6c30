# SPDX-License-Identifier: Apache-2.0
"""Files on disk: whole or not at all when written, checked before they are read."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from flexgs.errors import Corrupt, FlexgsError, TooLarge, UsageError

_PARTIAL = re.compile(r"\.flexgs-(\d+)-[0-9a-f]+\.partial")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{p}{i}" for p in ("com", "lpt") for i in range(1, 10))}


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # os.kill would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def sweep_partials(folder: Path) -> int:
    """Removes temporary files and folders that killed processes left in `folder`; -> how many."""
    removed = 0
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            match = _PARTIAL.fullmatch(path.name)
            if match and not _is_alive(int(match[1])):
                with contextlib.suppress(OSError):
                    _remove(path)
                    removed += 1
    return removed


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _partial_in(folder: Path) -> Path:
    return folder / f".flexgs-{os.getpid()}-{secrets.token_hex(6)}.partial"


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there; the rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends well, and vanishes when it does not.

    Written to a sibling, fsynced, renamed, folder fsynced: at any moment `path` holds the complete
    old content or the complete new one. Orphans of dead processes in the folder are removed first.

    Raises:
        FlexgsError: the system refused a write; the old file is untouched.
    """
    target = Path(os.path.realpath(path))
    sweep_partials(target.parent)
    partial = _partial_in(target.parent)
    try:
        with open(partial, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        raise FlexgsError(
            f"could not write: {error.strerror or error}",
            path=path,
            hint="what was there before is untouched",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    # The new file is complete and in place: some file systems cannot sync a folder.
    with contextlib.suppress(OSError):
        _sync_folder(target.parent)


@contextlib.contextmanager
def work_folder(beside: str | Path | None) -> Iterator[Path]:
    """A folder for files that are gone when the block ends, however it ends.

    Should the process be killed, the next write beside `beside` removes what it left.

    Args:
        beside: an output whose folder has the room; None: the system's temporary folder.

    Raises:
        FlexgsError: it cannot be made.
    """
    parent = Path(tempfile.gettempdir() if beside is None else Path(beside).resolve().parent)
    sweep_partials(parent)
    folder = _partial_in(parent)
    try:
        folder.mkdir()
    except OSError as error:
        raise FlexgsError(f"cannot be made: {error.strerror}", path=folder) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_folder(path: str | Path, files: Mapping[str, bytes]) -> None:
    """A folder of files that takes the place of `path` when all of them are written.

    Written to a sibling, fsynced, renamed. A folder that was there is moved aside first and removed
    last; should the second rename fail, it is moved back.

    Args:
        files: content by name below the folder, `/` between folders.

    Raises:
        FlexgsError: the system refused a write; what was there is untouched.
    """
    target = Path(os.path.realpath(path))
    sweep_partials(target.parent)
    partial, old = _partial_in(target.parent), _partial_in(target.parent)
    try:
        partial.mkdir()
        for name, data in files.items():
            place = safe_join(partial, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(partial, target)
        except OSError:
            if old.exists():
                os.rename(old, target)
            raise
    except OSError as error:
        raise FlexgsError(
            f"could not write: {error.strerror or error}",
            path=path,
            hint="what was there before is untouched",
        ) from error
    finally:
        for left in (partial, old):
            with contextlib.suppress(OSError):
                if left.exists():
                    _remove(left)
    with contextlib.suppress(OSError):
        _sync_folder(target.parent)


def ensure_suffix(output: str | Path, suffix: str) -> None:
    """Checks that a name says what the file will hold: a .fgs called .ply helps nobody.

    Raises:
        UsageError: it ends otherwise.
    """
    if Path(output).suffix.lower() != suffix:
        raise UsageError(
            f"the output is a {suffix} file", path=output, expected=f"a name that ends in {suffix}"
        )


def ensure_output(output: str | Path, force: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Checks, before any work, that `output` may be written.

    Raises:
        UsageError: it is one of `inputs`, exists without `force`, is no regular file, or its folder
            is missing or not writable.
    """
    path = Path(output)
    try:
        folder = path.resolve().parent
        for source in inputs:
            if path.exists() and Path(source).exists() and path.samefile(source):
                raise UsageError(
                    "the output is the input", path=output, hint="choose another --output"
                )
        if not folder.is_dir():
            raise UsageError(
                "the output's folder does not exist", path=output, hint=f"create {folder}"
            )
        if path.exists() and not path.is_file():
            raise UsageError("the output exists and is no regular file", path=output)
        if path.exists() and not force:
            raise UsageError("the output exists", path=output, hint="--force overwrites it")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError("the output's folder is not writable", path=output)
    except (OSError, ValueError) as error:  # a NUL in the name, a loop of links, a name too long
        raise UsageError(f"not a usable output: {error}", path=repr(str(output))) from error


def file_size(path: str | Path) -> int:
    """Bytes of a regular file.

    Raises:
        UsageError: it is missing, unreadable or not a regular file (pipes and devices never end).
    """
    try:
        found = Path(path)
        if not found.exists():
            raise UsageError("no such file", path=path)
        if not found.is_file():
            raise UsageError("not a regular file", path=path)
        return found.stat().st_size
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read: {error}", path=repr(str(path))) from error


def read_start(path: str | Path, count: int) -> bytes:
    """The first `count` bytes of a regular file, fewer when it is shorter.

    Raises:
        UsageError: it cannot be read.
    """
    file_size(path)
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def read_end(path: str | Path, count: int) -> bytes:
    """The last `count` bytes of a regular file, fewer when it is shorter.

    Raises:
        UsageError: it cannot be read.
    """
    size = file_size(path)
    try:
        with open(path, "rb") as file:
            file.seek(max(0, size - count))
            return file.read(count)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


@contextlib.contextmanager
def opened_at_random(path: str | Path) -> Iterator[tuple[Callable[[int, int], bytes], int]]:
    """(what reads so many bytes from an offset on, size in bytes) of a regular file.

    Raises:
        UsageError: it cannot be opened.
    """
    size = file_size(path)
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error
    with file:

        def read(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        yield read, size


def read_limited(path: str | Path, limit_bytes: int) -> bytes:
    """All bytes of a regular file that may not be longer than `limit_bytes`.

    Raises:
        UsageError: it cannot be read.
        TooLarge: it is longer.
    """
    size = file_size(path)
    data = b"" if size > limit_bytes else read_start(path, limit_bytes + 1)
    if max(size, len(data)) > limit_bytes:
        raise TooLarge(
            "the file is too large for what it should hold",
            path=path,
            expected=f"at most {limit_bytes} bytes",
            found=max(size, len(data)),
        )
    return data


def safe_join(root: str | Path, name: str) -> Path:
    """`root`/`name` for a `name` that came out of a file.

    Raises:
        Corrupt: the name is empty, absolute, has a drive, `..`, a NUL or a device's name, or leads
            out of `root` through a symbolic link.

    >>> safe_join("scene", "images/a.jpg").as_posix()
    'scene/images/a.jpg'
    """
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    parts = windows.parts  # splits at both kinds of slash
    bad = (
        not parts
        or "\0" in name
        or any("\ud800" <= letter <= "\udfff" for letter in name)  # no file system takes them
        or windows.drive != ""
        or windows.root != ""
        or posix.is_absolute()
        or ".." in parts
        or any(part.split(".")[0].rstrip().lower() in _DEVICES for part in parts)
    )
    joined = Path(root, *parts) if not bad else Path(root)
    try:
        inside = not bad and joined.resolve().is_relative_to(Path(root).resolve())
    except (OSError, RuntimeError):  # a loop of links, a name too long
        inside = False
    if not inside:
        raise Corrupt(
            "a name in the file leads out of its folder", path=root, found=repr(name[:200])
        )
    return joined
