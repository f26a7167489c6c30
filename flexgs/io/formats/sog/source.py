# SPDX-License-Identifier: Apache-2.0
"""The named files of a SOG scene, out of a zip archive or a folder, each of bounded size."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flexgs.errors import Corrupt, FlexgsError, TooLarge, Truncated, UsageError
from flexgs.io.files import file_size, read_limited, safe_join

_MAX_ENTRIES = 100_000  # files of one archive; a streamed scene has eight a chunk


class Files(Protocol):
    """Files by name, with `/` between folders."""

    @property
    def origin(self) -> str:
        """What errors call the whole."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def stored_bytes(self, name: str) -> int:
        """What a file takes on disk; in an archive, compressed.

        Raises:
            FormatError: it is missing.
        """

    def read(self, name: str, limit_bytes: int) -> bytes:
        """All of it.

        Raises:
            FormatError: missing, broken, or longer than the limit.
        """


def _missing(origin: str, name: str) -> Truncated:
    return Truncated("a file of the scene is missing", path=origin, found=repr(name[:200]))


@dataclass(frozen=True)
class FolderFiles:
    """The files below a folder."""

    folder: Path

    @property
    def origin(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def has(self, name: str) -> bool:
        """See `Files.has`."""
        return safe_join(self.folder, name).is_file()

    def stored_bytes(self, name: str) -> int:
        """See `Files.stored_bytes`."""
        try:
            return file_size(safe_join(self.folder, name))
        except UsageError as error:
            raise _missing(self.origin, name) from error

    def read(self, name: str, limit_bytes: int) -> bytes:
        """See `Files.read`."""
        path = safe_join(self.folder, name)
        try:
            return read_limited(path, limit_bytes)
        except UsageError as error:
            raise _missing(self.origin, name) from error


@dataclass(frozen=True)
class ZipFiles:
    """The files of an open zip archive, below `prefix`."""

    archive: zipfile.ZipFile
    origin: str
    prefix: str = ""

    def has(self, name: str) -> bool:
        """See `Files.has`."""
        return self._key(name) in self.archive.NameToInfo

    def _key(self, name: str) -> str:
        return posixpath.normpath(self.prefix + name)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self.archive.NameToInfo.get(self._key(name))
        if info is None:
            raise _missing(self.origin, name)
        return info

    def stored_bytes(self, name: str) -> int:
        """See `Files.stored_bytes`. No more than the archive has, whatever it declares."""
        return min(self._info(name).compress_size, self.archive.start_dir)

    def read(self, name: str, limit_bytes: int) -> bytes:
        """See `Files.read`. Reads no more than the limit, whatever the archive declares."""
        with self.archive.open(self._info(name)) as file:
            data = file.read(limit_bytes + 1)
        if len(data) > limit_bytes:
            raise TooLarge(
                "a file of the archive is too large for what it should hold",
                path=self.origin,
                section=name[:200],
                expected=f"at most {limit_bytes} bytes",
            )
        return data


def _common_prefix(archive: zipfile.ZipFile) -> str:
    """The one folder that holds everything, where an archive has one: '' or 'name/'."""
    names = archive.NameToInfo
    if "meta.json" in names or "lod-meta.json" in names:
        return ""
    tops = [n[: -len("meta.json")] for n in names if n.count("/") == 1 and n.endswith("/meta.json")]
    return tops[0] if len(tops) == 1 else ""


@contextmanager
def open_archive(source: str | Path | bytes) -> Iterator[ZipFiles]:
    """The files of a zip archive.

    Raises:
        UsageError: the file cannot be read.
        FormatError: it is no zip archive, or reading it inside the block found it broken.
    """
    origin = "(bytes)" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes):
        file_size(source)
    try:
        with zipfile.ZipFile(
            io.BytesIO(source) if isinstance(source, bytes) else source
        ) as archive:
            if len(archive.NameToInfo) > _MAX_ENTRIES:
                raise TooLarge(
                    "too many files in the archive",
                    path=origin,
                    expected=f"at most {_MAX_ENTRIES}",
                    found=len(archive.NameToInfo),
                )
            yield ZipFiles(archive, origin, _common_prefix(archive))
    except FlexgsError:
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen kinds on bad bytes
        raise Corrupt(f"not a readable zip archive: {error}", path=origin) from error
