# SPDX-License-Identifier: Apache-2.0
"""Scenes x methods x points as jobs, each with what the journal knows of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flexgs.batch import BatchScene, Row, SceneFacts, make_setting
from flexgs.batch.facts import files_hold, look_at_scene, versions_that_matter
from flexgs.batch.journal import read_journal
from flexgs.batch.model import State, plain_error
from flexgs.bench.methods import METHODS, ORDER
from flexgs.bench.model import Method, Place, Point, Setup, TimedOut
from flexgs.bench.running.showing import names_of, show_command
from flexgs.errors import FlexgsError, UsageError
from flexgs.progress import SILENT, Progress

JOURNAL = "bench.jsonl"


@dataclass(frozen=True, eq=False)
class Job:
    """One file of one method: made, read, measured."""

    scene: BatchScene
    method: Method
    point: Point
    key: str  # SHA-256 of all that the numbers depend on
    state: State

    @property
    def setting(self) -> str:
        """What rows call method and point."""
        return f"{self.method.name}.{self.point.name}"

    @property
    def id(self) -> tuple[str, str]:
        """What rows of the journal are found by."""
        return self.scene.name, self.setting

    @property
    def output(self) -> str:
        """The file, below the folder of the benchmark."""
        return f"{self.scene.name}/{self.setting}{self.method.suffix}"


@dataclass(frozen=True, eq=False)
class Plan:
    """All jobs in order, and what is known before any work."""

    scenes: tuple[BatchScene, ...]
    methods: tuple[Method, ...]  # those that can be run
    unavailable: Mapping[str, str]  # title: why
    setup: Setup
    jobs: tuple[Job, ...]
    facts: Mapping[str, SceneFacts]  # by scene
    unreadable: Mapping[str, Mapping[str, object]]  # scene: its error
    rows: Mapping[tuple[str, str], Row]  # of the journal
    notes: tuple[str, ...] = ()

    @property
    def todo(self) -> tuple[Job, ...]:
        """Jobs that have to run."""
        return tuple(job for job in self.jobs if job.state != "done")

    @property
    def done_part(self) -> Plan:
        """The plan without jobs that have to run."""
        return replace(self, jobs=tuple(job for job in self.jobs if job.state == "done"))


def choose_methods(names: Sequence[str], setup: Setup) -> tuple[tuple[Method, ...], dict[str, str]]:
    """The methods of these names, all where none is given; and titles of those that cannot run.

    Raises:
        UsageError: an unknown name, or one that was asked for and cannot be run here.
    """
    chosen, missing = [], {}
    for name in dict.fromkeys(names or ORDER):
        method = METHODS.get(name)
        why = method.unavailable(setup)
        if why is None:
            chosen.append(method)
        elif names:
            raise UsageError(f"{name} cannot be run: {why}")
        else:
            missing[method.title] = why
    return tuple(chosen), missing


def plan_bench(
    scenes: Sequence[BatchScene],
    methods: Iterable[Method],
    setup: Setup,
    folder: Path,
    *,
    unavailable: Mapping[str, str] | None = None,
    lpips: str | None = None,
    again: bool = False,
    progress: Progress = SILENT,
) -> Plan:
    """Looks at every scene and at the journal in `folder`; writes nothing.

    Args:
        lpips: the weights it is measured with.
        again: run what is done, too.

    Raises:
        UsageError, FormatError: the journal cannot be read. What is wrong with a scene is kept.
    """
    journal = read_journal(folder / JOURNAL)
    setting = make_setting({"max_side": setup.max_side})
    jobs: list[Job] = []
    facts: dict[str, SceneFacts] = {}
    unreadable: dict[str, Mapping[str, object]] = {}
    methods = tuple(methods)
    with progress.stage("look at the scenes", total=len(scenes)) as advance:
        for scene in scenes:
            try:
                facts[scene.name] = look_at_scene(scene, setting)
                digest = facts[scene.name].digest
            except FlexgsError as error:
                unreadable[scene.name], digest = plain_error(error), ""
            for method in methods:
                for point in method.points(setup):
                    key = _key(digest, scene, method, point, setup, lpips)
                    row = journal.rows.get((scene.name, f"{method.name}.{point.name}"))
                    jobs.append(Job(scene, method, point, key, _state(row, key, folder, again)))
            advance(1)
    return Plan(
        tuple(scenes),
        methods,
        dict(unavailable or {}),
        setup,
        tuple(jobs),
        facts,
        unreadable,
        journal.rows,
        journal.notes,
    )


def _key(
    digest: str,
    scene: BatchScene,
    method: Method,
    point: Point,
    setup: Setup,
    lpips: str | None,
) -> str:
    work = Path("/work")
    place = Place(scene, work / f"file{method.suffix}", work / "decoded.ply", work)
    names = names_of(place, setup)
    commands = [*method.encode(point, place, setup), *method.decode(place, setup)]
    plain = {
        "scene": digest,
        "commands": [show_command(command, names) for command in commands],
        "method": [method.name, point.name, method.version(setup)],
        "versions": versions_that_matter(),
        "views": setup.max_side,
        "lpips": lpips,
        "limit_s": setup.limit_s if method.kind == "tool" else None,
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _state(row: Row | None, key: str, folder: Path, again: bool) -> State:
    if row is None:
        return "new"
    if row.error is not None:
        settled = row.error.get("kind") == TimedOut.__name__ and row.key == key and not again
        return "done" if settled else "failed"
    if row.key != key:
        return "changed"
    if not files_hold(folder, row.files):
        return "lost"
    return "again" if again else "done"
