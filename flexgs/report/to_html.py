# SPDX-License-Identifier: Apache-2.0
"""Reports as one self-contained HTML page: no scripts, nothing loaded from anywhere."""

from __future__ import annotations

from flexgs.report.model import Report, describe_target, format_bytes
from flexgs.report.pictures import picture_row
from flexgs.report.plots import plot_bytes, plot_rounds, plot_search
from flexgs.report.rows import (
    describe_repair,
    describe_source,
    quality_columns,
    quality_rows,
    search_columns,
    search_rows,
    summary_rows,
)
from flexgs.report.to_json import dump_json, to_plain

TEMPLATE = "report.html"


def report_to_html(report: Report) -> str:
    """The whole page as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("flexgs.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bytes"] = format_bytes
    environment.filters["source"] = describe_source
    environment.filters["plain_json"] = lambda value: dump_json(to_plain(value)).strip()
    return environment.get_template(TEMPLATE).render(
        report=report,
        target=describe_target(report.target),
        summary=summary_rows(report),
        qualities=[
            (title, quality, quality_columns(quality), quality_rows(quality))
            for title, quality in (
                ("Report views", report.report_quality),
                ("Search views", report.search_quality),
            )
            if quality is not None
        ],
        pictures=[picture_row(picture) for picture in report.pictures],
        # Our own SVG: numbers and attribute names of this package, escaped by matplotlib.
        bytes_plot=Markup(plot_bytes(report.bytes_by_attribute))
        if report.bytes_by_attribute
        else None,
        search_plot=Markup(plot_search(report)) if len(report.search) > 1 else None,
        search_columns=search_columns(report),
        search_rows=search_rows(report),
        repair=describe_repair(report.repair) if report.repair is not None else None,
        repair_plot=Markup(plot_rounds(report.repair))
        if report.repair is not None and len(report.repair.rounds) > 1
        else None,
    )
