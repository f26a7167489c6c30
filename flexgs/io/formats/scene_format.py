# SPDX-License-Identifier: Apache-2.0
"""What a scene format is to the rest of the program: how it is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.splats import Model
from flexgs.errors import FormatError
from flexgs.io.files import read_limited
from flexgs.io.formats.losses import Encoded
from flexgs.io.ply import SceneFile
from flexgs.io.sniff import Probe
from flexgs.limits import Limits

Read = Callable[[Path, Limits], SceneFile]
ReadLevel = Callable[[Path, Limits, int], SceneFile]
ReadFrame = Callable[[Path, Limits, str], SceneFile]
Encode = Callable[[Splats], Encoded]
Weights = npt.NDArray[np.floating]  # (n,): squared error of a Gaussian's removal
Recipe = Callable[[Splats, Weights | None], Encoded]


@dataclass(frozen=True)
class SceneFormat:
    """A format of other tools. Its modules are pure: bytes in, arrays out, and the reverse.

    What `read` gives need not be valid Gaussians (`validate_splats` comes after it), but every byte
    that does not fit the format is a FormatError. Encoders get valid 3-D Gaussians only, of a
    degree and a model that the format can say.
    """

    name: str  # id: spz, splat, ...
    suffixes: tuple[str, ...]  # lower case; the first one is what outputs should be called
    matches: Callable[[Probe], bool]  # by content
    read: Read | None = None
    read_level: ReadLevel | None = None  # of detail; 0, the finest, is what `read` gives
    read_frame: ReadFrame | None = None  # axes that a file has which does not say them
    encoders: Mapping[str, Encode] = field(default_factory=dict)  # variants, the first by default
    recipes: Mapping[str, Recipe] = field(default_factory=dict)  # to a target, fine to coarse
    max_degree: int = 3  # of spherical harmonics
    models: tuple[Model, ...] = ("3dgs",)  # that a file can say it holds
    models_of: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)  # variants that differ
    has_magic: bool = True  # False: the content says it with some likelihood only


def from_bytes(decode: Callable[..., SceneFile]) -> Callable[..., SceneFile]:
    """A reader of files, out of one of bytes; its errors name the path.

    Args:
        decode: of (bytes, limits) and whatever else the reader is to be given.

    Raises:
        UsageError: the file cannot be read. FormatError: its bytes are not of the format.
    """

    def read(path: Path, limits: Limits, *more: str) -> SceneFile:
        try:
            return decode(read_limited(path, limits.max_raw_bytes), limits, *more)
        except FormatError as error:
            error.path = str(path)
            raise

    return read
