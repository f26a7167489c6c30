# SPDX-License-Identifier: Apache-2.0
"""What a file is, by its first bytes; the wrong ones get a message that says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from flexgs.errors import Corrupt, FormatError, Truncated, Unsupported
from flexgs.io.files import read_start

Kind = Literal["ply", "fgs"]

FGS_MAGIC = b"\x89FGS\r\n\x1a\n"
_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_START_BYTES = 1024


def _is_checkpoint(start: bytes, suffix: str) -> bool:
    pickled = len(start) > 1 and start[0] == 0x80 and 2 <= start[1] <= 5
    zipped = start.startswith(b"PK\x03\x04") and b"data.pkl" in start
    return pickled or zipped or suffix in _CHECKPOINTS


def _stranger(start: bytes, suffix: str) -> tuple[type[FormatError], str, str | None]:
    """(error, what, hint) for a file that is neither a .ply nor a .fgs."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return Truncated, "the file is empty", "copy or download it again"
    if start.startswith(b"version https://git-lfs"):
        return FormatError, "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        hint = "the download gave an error or login page; download it again"
        return FormatError, "a web page, not a scene", hint
    if _is_checkpoint(start, suffix):
        hint = "such files can run code when loaded; let the trainer export a .ply"
        return Unsupported, "a training checkpoint (pickle)", hint
    if start.startswith(b"\x1f\x8b"):
        return FormatError, "gzip-compressed", "unpack it with gunzip first"
    if start.startswith(b"PK\x03\x04"):
        return Unsupported, "a zip archive", "unpack it and name the .ply inside"
    if start.startswith(b"NGSP"):
        return Unsupported, "an SPZ file", "convert it to .ply first"
    if start.startswith(b"\x89FGS"):
        hint = "it went through a text-mode transfer; copy it again in binary mode"
        return Corrupt, "a .fgs file whose line ends were changed", hint
    return FormatError, "neither a .ply nor a .fgs file", None


def sniff(path: str | Path) -> Kind:
    """The kind of a scene file, by content.

    Raises:
        UsageError: the file cannot be read.
        FormatError: it is something else: empty, a Git LFS pointer, HTML, gzip, zip, a pickle...
    """
    start = read_start(path, _START_BYTES)
    if start.startswith(FGS_MAGIC):
        return "fgs"
    if start.startswith((b"ply\n", b"ply\r\n", b"ply \n")):
        return "ply"
    error, what, hint = _stranger(start, Path(path).suffix.lower())
    raise error(
        what,
        path=path,
        section="magic",
        offset=0,
        expected="'ply' or the .fgs magic",
        found=repr(start[:12]),
        hint=hint,
    )
