# SPDX-License-Identifier: Apache-2.0
"""The runner with an executor that only pretends: rows, retries, order, locks, time left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flexgs.batch import (
    BatchScene,
    Job,
    Plan,
    Row,
    Step,
    batch_folder,
    exit_code,
    make_setting,
    run_plan,
    table_rows,
    write_summary,
)
from flexgs.batch.executors import ProcessExecutor
from flexgs.batch.executors.protocol import lost_outcome
from flexgs.batch.journal import read_journal
from flexgs.batch.work import Outcome, Task, make_task
from flexgs.errors import UsageError

SETTING = make_setting({})
Answer = Callable[[Task], Outcome]


class Pretender:
    """Answers in the order of starts; keeps what it was given."""

    def __init__(self, answer: Answer, room: int = 1) -> None:
        self.answer, self.room = answer, room
        self.started: list[tuple[str, int]] = []
        self.running: list[Task] = []
        self.closed = False

    def __enter__(self) -> Pretender:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def has_room(self, task: Task) -> bool:
        return len(self.running) < self.room

    def start(self, task: Task) -> None:
        self.started.append((Path(task.scene).stem, task.attempt))
        self.running.append(task)

    def wait(self) -> list[Outcome]:
        return [self.answer(self.running.pop(0))]


def make_plan(*names: str, unreadable: str = "") -> Plan:
    jobs = tuple(
        Job(BatchScene(n, Path(f"{n}.ply")), SETTING, f"key-{n}", f"{n}/drop-1.fgs", 100, 10, "new")
        for n in names
    )
    broken = {j.id: Row(*j.id, "", 0.0, error={"message": "broken"}) for j in jobs}
    broken = {key: row for key, row in broken.items() if key[0] == unreadable}
    return Plan(jobs, {}, broken, {})


def good(task: Task, **more: Any) -> Outcome:
    numbers = {"bytes": 50, "ratio": 2.0, "drop_db": 0.5, "gaussians": 9, "reached": True}
    return Outcome(task, 1.0, {**numbers, **more}, {task.output: "a" * 64})


def test_a_failing_job_is_a_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    def answer(task: Task) -> Outcome:
        if "b.ply" in task.scene:
            return Outcome(task, 2.0, error={"message": "too bad", "exit_code": 3})
        return good(task)

    steps: list[Step] = []
    executor = Pretender(answer)
    plan = make_plan("a", "b", "c", "d", unreadable="d")
    rows = run_plan(plan, tmp_path, executor, threads=1, listener=steps.append)
    assert [row.scene for row in rows] == ["a", "b", "c", "d"]
    assert [row.error is None for row in rows] == [True, False, True, False]
    assert exit_code(rows) == 1
    assert executor.closed
    journal = read_journal(tmp_path / "journal.jsonl").rows
    assert {row.id: row for row in rows} == journal
    assert rows[0].files == {"a/drop-1.fgs": "a" * 64}
    assert [(step.ended, step.total) for step in steps] == [(i, 4) for i in range(1, 5)]
    assert steps[0].left_s is None  # nothing succeeded yet
    assert steps[1].left_s is not None
    assert steps[-1].left_s is None  # nothing is left


def test_a_lost_worker_costs_one_retry_and_no_more(tmp_path: Path) -> None:
    def answer(task: Task) -> Outcome:
        if "b.ply" in task.scene or ("a.ply" in task.scene and task.attempt == 1):
            return lost_outcome(task, 1.0, "killed")
        return good(task)

    executor = Pretender(answer)
    steps: list[Step] = []
    a, b = run_plan(make_plan("a", "b"), tmp_path, executor, threads=1, listener=steps.append)
    assert executor.started == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert (a.attempts, a.error) == (2, None)
    assert b.attempts == 2
    assert b.error is not None
    assert b.error["kind"] == "WorkerLost"
    assert [step.retried for step in steps] == [True, False, True, False]
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 2


def test_what_does_not_fit_is_passed_by_and_done_later(tmp_path: Path) -> None:
    class OnlySmall(Pretender):
        def has_room(self, task: Task) -> bool:
            return not self.running or (self.running[0].memory_bytes + task.memory_bytes <= 100)

    plan = make_plan("a", "b", "c")
    sizes = dict(zip("abc", (60, 60, 40), strict=True))
    jobs = tuple(
        Job(j.scene, j.setting, j.key, j.output, 1, sizes[j.scene.name], "new") for j in plan.jobs
    )
    executor = OnlySmall(good)
    rows = run_plan(Plan(jobs, {}, {}, {}), tmp_path, executor, threads=1)
    assert [name for name, _ in executor.started] == ["a", "c", "b"]
    assert [row.scene for row in rows] == ["a", "b", "c"]


def test_processes_are_bounded_in_number_and_memory() -> None:
    def task(memory: int) -> Task:
        job = Job(BatchScene("a", Path("a.ply")), SETTING, "k", "a/b.fgs", 1, memory, "new")
        return make_task(job, 0, Path("out"), 1, memory)

    class Running:
        def __init__(self, memory: int) -> None:
            self.task = task(memory)

    executor = ProcessExecutor(jobs=2, max_memory_bytes=100)
    assert executor.has_room(task(1000))  # alone
    executor._running = [Running(60)]  # type: ignore[list-item]
    assert executor.has_room(task(40))
    assert not executor.has_room(task(41))
    executor._running = [Running(1), Running(1)]  # type: ignore[list-item]
    assert not executor.has_room(task(1))


def test_a_missed_target_is_exit_code_4(tmp_path: Path) -> None:
    rows = run_plan(
        make_plan("a"), tmp_path, Pretender(lambda t: good(t, reached=False)), threads=1
    )
    assert exit_code(rows) == 4
    assert "target missed" in table_rows(rows)[0][-1]


def test_two_batches_on_one_folder_are_kept_apart(tmp_path: Path) -> None:
    with (
        batch_folder(tmp_path / "out"),
        pytest.raises(UsageError, match="another batch"),
        batch_folder(tmp_path / "out"),
    ):
        pass
    with batch_folder(tmp_path / "out"):
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="other things"), batch_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with batch_folder(tmp_path, force=True):
        pass
    with pytest.raises(UsageError), batch_folder(tmp_path / "thesis.txt"):
        pass


def test_the_summary_has_means_and_errors(tmp_path: Path) -> None:
    rows = (
        Row("a", "s", "k", 1.0, result={"bytes": 1_000_000, "ratio": 10.0, "drop_db": 1.0}),
        Row("b", "s", "k", 3.0, result={"bytes": 3_000_000, "ratio": 20.0, "drop_db": 0.5}),
        Row("c", "s", "k", 1.0, error={"message": "a | b\nc"}),
    )
    mean = table_rows(rows)[-1]
    assert mean[:5] == ("mean", "s", "2.000", "15.0", "0.750")
    assert mean[-1] == "of 2 of 3 scenes"
    write_summary(rows, tmp_path)
    text = (tmp_path / "summary.md").read_text()
    assert "FAILED: a \\| b |" in text
    lines = (tmp_path / "summary.csv").read_text().splitlines()
    assert lines[0].startswith("scene,setting,state,source_bytes,bytes,ratio")
    assert lines[1].startswith("a,s,done,,1000000,10.0")
    assert len(lines) >= 4
