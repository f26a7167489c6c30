# SPDX-License-Identifier: Apache-2.0
"""Scenes x settings as jobs, each with what the journal knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.batch.facts import files_hold, job_key, look_at_scene
from flexgs.batch.journal import NAME, read_journal
from flexgs.batch.model import BatchScene, Job, Row, SceneFacts, Setting, State, plain_error
from flexgs.errors import FlexgsError
from flexgs.pipeline.formats.choice import choose_format
from flexgs.progress import SILENT, Progress

MEASURED_MARGIN = 1.1  # on the memory that an earlier job of the scene took


@dataclass(frozen=True)
class Plan:
    """All jobs, in order, and what is known of them.

    `unreadable` are jobs that cannot even start, by id: their scene or its cameras are broken.
    """

    jobs: tuple[Job, ...]
    facts: Mapping[tuple[str, str], SceneFacts]
    unreadable: Mapping[tuple[str, str], Row]
    rows: Mapping[tuple[str, str], Row]  # of the journal
    notes: tuple[str, ...] = ()

    @property
    def todo(self) -> tuple[Job, ...]:
        """Jobs that have to run."""
        return tuple(job for job in self.jobs if job.state != "done")

    @property
    def done(self) -> tuple[Job, ...]:
        """Jobs whose results are there, whole and up to date."""
        return tuple(job for job in self.jobs if job.state == "done")


def plan_batch(
    scenes: Sequence[BatchScene],
    settings: Sequence[Setting],
    folder: Path,
    *,
    again: bool = False,
    progress: Progress = SILENT,
) -> Plan:
    """Looks at every scene and at the journal in `folder`; writes nothing.

    Args:
        again: run what is done, too.

    Raises:
        UsageError, FormatError: the journal cannot be read. What is wrong with a scene is a row.
    """
    journal = read_journal(folder / NAME)
    jobs: list[Job] = []
    facts: dict[tuple[str, str], SceneFacts] = {}
    unreadable: dict[tuple[str, str], Row] = {}
    looks: dict[tuple[object, ...], SceneFacts | FlexgsError] = {}
    with progress.stage("look at the scenes", total=len(scenes)) as advance:
        for scene in scenes:
            for setting in settings:
                what = (scene.name, *_view_options(setting))
                if what not in looks:
                    looks[what] = _look(scene, setting)
                found = looks[what]
                job = _job(scene, setting, found, journal.rows, folder, again)
                jobs.append(job)
                if isinstance(found, SceneFacts):
                    facts[job.id] = found
                else:
                    unreadable[job.id] = Row(*job.id, job.key, 0.0, 1, error=plain_error(found))
            advance(1)
    return Plan(tuple(jobs), facts, unreadable, journal.rows, journal.notes)


def _view_options(setting: Setting) -> tuple[object, ...]:
    """Options that what is read of a scene depends on."""
    options = setting.options
    return options.max_side, options.cameras == "none", options.images == "none"


def _look(scene: BatchScene, setting: Setting) -> SceneFacts | FlexgsError:
    try:
        return look_at_scene(scene, setting)
    except FlexgsError as error:
        return error


def _job(
    scene: BatchScene,
    setting: Setting,
    found: SceneFacts | FlexgsError,
    rows: Mapping[tuple[str, str], Row],
    folder: Path,
    again: bool,
) -> Job:
    output = f"{scene.name}/{setting.name}{choose_format(setting.options, None).suffixes[0]}"
    row = rows.get((scene.name, setting.name))
    if isinstance(found, FlexgsError):
        state: State = "new" if row is None else "failed"
        return Job(scene, setting, "", output, 0, 0, state)
    key = job_key(found, setting)
    memory = found.memory_bytes
    if scene.memory_bytes is None:
        memory = _measured(scene.name, found.size_bytes, rows) or memory
        memory = min(memory, setting.options.max_memory or memory)  # in blocks
    state = _state(row, key, folder, again)
    return Job(scene, setting, key, output, found.size_bytes, memory, state)


def _state(row: Row | None, key: str, folder: Path, again: bool) -> State:
    if row is None:
        return "new"
    if row.error is not None:
        return "failed"
    if row.key != key:
        return "changed"
    if not files_hold(folder, row.files):
        return "lost"
    return "again" if again else "done"


def _measured(scene: str, size_bytes: int, rows: Mapping[tuple[str, str], Row]) -> int | None:
    """The most memory that a job of this very scene took, with a margin."""
    results = [row.result for row in rows.values() if row.scene == scene and row.result]
    peaks = [
        peak
        for result in results
        if isinstance(peak := result.get("peak_memory_bytes"), int)
        and result.get("source_bytes") == size_bytes
    ]
    return round(MEASURED_MARGIN * max(peaks)) if peaks else None
