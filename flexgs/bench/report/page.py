# SPDX-License-Identifier: Apache-2.0
"""The benchmark as one self-contained HTML page: no scripts, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from flexgs.batch.summary import first_line
from flexgs.bench.planning import Plan
from flexgs.bench.report.outcome import OURS, Outcome
from flexgs.bench.report.plots import DARK, LIGHT, css_variables, plot_svg
from flexgs.bench.report.strips import Strip
from flexgs.bench.report.tables import (
    equal_drop_tables,
    missing_table,
    points_tables,
    reported_table,
)
from flexgs.bench.running.showing import NAMES
from flexgs.report.model import format_bytes

TEMPLATE = "bench.html"


def outcome_to_html(outcome: Outcome, strips: Sequence[Strip]) -> str:
    """The whole page as text."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loaders = [PackageLoader("flexgs.bench.report"), PackageLoader("flexgs.report")]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        outcome=outcome,
        facts=scene_facts(outcome.plan),
        figures=key_figures(outcome),
        plots=[(name, Markup(plot_svg(outcome, name))) for name in outcome.groups()],
        test_tables=equal_drop_tables(outcome, "report"),
        search_tables=equal_drop_tables(outcome, "search"),
        points=points_tables(outcome),
        reported=reported_table(),
        missing=missing_table(outcome),
        failures=[(j, first_line(r)) for j, r in outcome.pairs if r.error is not None],
        strips=strips,
        commands=commands(outcome),
        names=NAMES,
        light=Markup(css_variables(LIGHT)),
        dark=Markup(css_variables(DARK)),
    )


def key_figures(outcome: Outcome) -> list[tuple[str, str]]:
    """How much smaller flexgs is than the next best, at every drop, over all scenes."""
    scenes = outcome.plan.scenes
    ours = next((m for m in outcome.plan.methods if m.name == OURS), None)
    others = [m for m in outcome.plan.methods if m.kind != "flexgs"]
    if ours is None or not others:
        return []
    figures = []
    for drop in outcome.drops:
        own = outcome.size(scenes, ours, drop, "report")
        found = [(outcome.size(scenes, other, drop, "report").size, other) for other in others]
        best = min(((size, m) for size, m in found if size), key=lambda each: each[0], default=None)
        if own.size and best is not None:
            words = f"at {drop:g} dB: {format_bytes(own.size)} where {best[1].title}, the next"
            figures.append(
                (f"{best[0] / own.size:.1f}×", f"{words} best, takes {format_bytes(best[0])}")
            )
    return figures


def scene_facts(plan: Plan) -> list[tuple[str, str]]:
    """A line a scene: what it is, and which views it was judged on."""
    lines = []
    for scene in plan.scenes:
        facts = plan.facts.get(scene.name)
        if facts is None:
            error = plan.unreadable.get(scene.name, {})
            lines.append((scene.name, str(error.get("message", "not read"))))
            continue
        views = f"{facts.views} views" if facts.views else "invented views"
        size = f" of {facts.size[0]}x{facts.size[1]}" if facts.size else ""
        photos = "with photographs" if facts.photographs else "no photographs: drops are estimates"
        tests = f"{facts.report_views} of them for tests (every 8th)" if facts.report_views else ""
        notes = "; ".join(facts.notes)
        parts = [format_bytes(facts.size_bytes), views + size, photos, tests, notes]
        lines.append((scene.name, ", ".join(part for part in parts if part)))
    return lines


def commands(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """Scene, method, version, commands of every file."""
    lines = []
    for job, row in outcome.pairs:
        shown = (row.result or row.error or {}).get("commands") or {}
        words = "\n".join(
            line for step in ("encode", "decode", "measure") for line in shown.get(step, ())
        )
        version = job.method.version(outcome.plan.setup)
        title = f"{job.method.title}, {job.point.words}"
        lines.append((job.scene.name, title, version, words))
    return lines
