# SPDX-License-Identifier: Apache-2.0
"""The first bytes of a file, and words for files that hold no scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flexgs.errors import Corrupt, FormatError, Truncated, Unsupported
from flexgs.io.files import file_size, read_start
from flexgs.limits import MAX_PLY_HEADER_BYTES

FGS_MAGIC = b"\x89FGS\r\n\x1a\n"
_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")


@dataclass(frozen=True)
class Probe:
    """What a format is recognised by."""

    path: Path
    start: bytes  # as many as the longest header of a .ply has; empty for a folder
    size: int  # bytes; 0 for a folder
    is_folder: bool = False

    @property
    def suffix(self) -> str:
        """The end of the name, `.ply` for `a.compressed.PLY`."""
        return self.path.suffix.lower()

    @property
    def is_ply(self) -> bool:
        """Whether the first line is that of a PLY file."""
        return self.start.startswith((b"ply\n", b"ply\r\n", b"ply \n"))


def probe_file(path: str | Path) -> Probe:
    """A look at a file or folder.

    Raises:
        UsageError: it cannot be read.
    """
    file = Path(path)
    try:
        if file.is_dir():
            return Probe(file, b"", 0, is_folder=True)
    except (OSError, ValueError):  # a NUL in the name, a loop of links: said below
        pass
    size = file_size(path)
    return Probe(file, read_start(path, MAX_PLY_HEADER_BYTES), size)


def _is_checkpoint(probe: Probe) -> bool:
    start = probe.start
    pickled = len(start) > 1 and start[0] == 0x80 and 2 <= start[1] <= 5
    zipped = start.startswith(b"PK\x03\x04") and b"data.pkl" in start[:1024]
    return pickled or zipped or probe.suffix in _CHECKPOINTS


def _known(probe: Probe) -> tuple[type[FormatError], str, str | None] | None:
    """(error, what, hint) for well-known files that are no scene."""
    start = probe.start
    text = start[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if probe.is_folder:
        return FormatError, "a folder without a scene in it", "name the file"
    if not start:
        return Truncated, "the file is empty", "copy or download it again"
    if start.startswith(b"version https://git-lfs"):
        return FormatError, "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        hint = "the download gave an error or login page; download it again"
        return FormatError, "a web page, not a scene", hint
    if _is_checkpoint(probe):
        hint = "such files can run code when loaded; let the trainer export a .ply"
        return Unsupported, "a training checkpoint (pickle)", hint
    if start.startswith(b"\x1f\x8b"):
        return FormatError, "gzip-compressed", "unpack it with gunzip first"
    if start.startswith(b"PK\x03\x04"):
        return Unsupported, "a zip archive", "unpack it and name the scene inside"
    if start.startswith(b"\x89FGS"):
        hint = "it went through a text-mode transfer; copy it again in binary mode"
        return Corrupt, "a .fgs file whose line ends were changed", hint
    return None


def known_stranger(probe: Probe) -> FormatError | None:
    """Words for what is certainly no scene: empty, a web page, a pickle, a Git LFS pointer."""
    known = _known(probe)
    return None if known is None else _error(probe, *known)


def stranger(probe: Probe) -> FormatError:
    """Words for a file of no known format."""
    return known_stranger(probe) or _error(probe, FormatError, "of no known scene format", None)


def _error(probe: Probe, error: type[FormatError], what: str, hint: str | None) -> FormatError:
    return error(
        what,
        path=probe.path,
        section="magic",
        offset=0,
        expected="a scene file",
        found="a folder" if probe.is_folder else repr(probe.start[:12]),
        hint=hint,
    )
