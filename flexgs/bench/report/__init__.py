# SPDX-License-Identifier: Apache-2.0
"""What a benchmark writes: CSV, Markdown, plots, one HTML page."""

from flexgs.bench.report.outcome import Outcome
from flexgs.bench.report.write import write_reports

__all__ = ["Outcome", "write_reports"]
