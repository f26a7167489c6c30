# SPDX-License-Identifier: Apache-2.0
"""What a batch is made of: scenes, settings, jobs, and what became of them. Plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flexgs.errors import FlexgsError, UsageError
from flexgs.options import CompressOptions, Source

State = Literal["new", "changed", "lost", "failed", "again", "done"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def check_name(name: str, what: str) -> str:
    """A name that is also that of a file or folder of the results.

    Raises:
        UsageError: it cannot be one.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UsageError(
            f"not a usable name of a {what}",
            expected="letters, digits and . _ + - behind the first",
            found=repr(name[:120]),
        )
    return name


@dataclass(frozen=True)
class BatchScene:
    """A scene, where its views are, and what a job of it needs where that is declared."""

    name: str
    path: Path
    cameras: Source = None  # None: found beside the scene, else invented
    images: Source = None
    memory_bytes: int | None = None  # declared; None: estimated
    notes: tuple[str, ...] = ()  # on what was chosen, and why

    def __post_init__(self) -> None:
        check_name(self.name, "scene")


@dataclass(frozen=True)
class Setting:
    """Options of a compression, by a name. `options` knows nothing of scenes, threads and files."""

    name: str
    options: CompressOptions

    def __post_init__(self) -> None:
        check_name(self.name, "setting")


@dataclass(frozen=True)
class SceneFacts:
    """What is known of a scene before any work.

    `digest` is a SHA-256 over all that a compression reads: the scene's bytes, every camera's
    numbers, every photograph's bytes.
    """

    digest: str
    size_bytes: int
    cameras: str  # where they come from
    views: int  # 0: they will be invented
    report_views: int
    photographs: int
    size: tuple[int, int] | None  # width, height of the first view
    memory_bytes: int  # what a job needs: declared or estimated
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One compression: a scene at a setting."""

    scene: BatchScene
    setting: Setting
    key: str  # SHA-256 of the scene's digest, the setting and the versions that matter
    output: str  # below the batch's folder, with slashes
    size_bytes: int  # of the scene: how long it may take, relative to others
    memory_bytes: int
    state: State

    @property
    def id(self) -> tuple[str, str]:
        """What rows of the journal are found by."""
        return self.scene.name, self.setting.name

    @property
    def report(self) -> str:
        """The JSON report beside the output."""
        return f"{self.output}.report.json"


@dataclass(frozen=True)
class Row:
    """A job that ended, as the journal has it. Exactly one of `result` and `error` is there."""

    scene: str
    setting: str
    key: str
    seconds: float
    attempts: int = 1
    files: Mapping[str, str] = field(default_factory=dict)  # path below the folder: SHA-256
    result: Mapping[str, Any] | None = None  # JSON values, see `work.summarise`
    error: Mapping[str, Any] | None = None  # kind, message, exit_code

    @property
    def id(self) -> tuple[str, str]:
        """The job's id."""
        return self.scene, self.setting

    @property
    def missed(self) -> bool:
        """The nearest file was written, short of the target (`best_effort`)."""
        return self.result is not None and self.result.get("reached") is False


def plain_error(error: BaseException) -> dict[str, Any]:
    """What a row says of an exception."""
    exit_code = error.exit_code if isinstance(error, FlexgsError) else FlexgsError.exit_code
    return {"kind": type(error).__name__, "message": str(error), "exit_code": exit_code}
