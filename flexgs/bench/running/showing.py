# SPDX-License-Identifier: Apache-2.0
"""Commands as reports show them: places of this machine stand behind names like $SCENE."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from flexgs.bench.model import Place, Setup

NAMES = {
    "$SCENE": "the scene's file",
    "$CAMERAS": "its cameras",
    "$IMAGES": "the folder of its photographs",
    "$FILE": "the method's file",
    "$PLY": "what the file is decoded to",
    "$TEMP": "a folder for what is needed in between",
    "$PEERS": "the folder of --peers",
}


def names_of(place: Place, setup: Setup) -> dict[str, str]:
    """Paths of a run and what they are called."""
    paths = {
        "$SCENE": place.scene.path,
        "$CAMERAS": place.scene.cameras,
        "$IMAGES": place.scene.images,
        "$FILE": place.encoded,
        "$PLY": place.decoded,
        "$TEMP": place.folder,
        "$PEERS": setup.peers,
    }
    return {str(path): name for name, path in paths.items() if isinstance(path, Path)}


def show_command(command: Sequence[str], names: Mapping[str, str]) -> str:
    """As one would type it.

    >>> command = [sys.executable, "-m", "flexgs", "info", "/data/a b.ply"]
    >>> show_command(command, {"/data/a b.ply": "$SCENE"})
    'flexgs info $SCENE'
    """
    words = [_word(argument, names) for argument in command]
    if words[:3] == ["python", "-m", "flexgs"]:
        words = words[2:]
    return " ".join(words)


def _word(argument: str, names: Mapping[str, str]) -> str:
    if argument == sys.executable:
        return "python"
    for path in sorted(names, key=len, reverse=True):  # the innermost folder first
        if argument == path:
            return names[path]
        if argument.startswith(f"{path}/"):
            return names[path] + shlex.quote(argument[len(path) :])
    absolute = Path(argument).is_absolute() and len(argument) > 1
    return shlex.quote(Path(argument).name if absolute else argument)
