# SPDX-License-Identifier: Apache-2.0
"""Reports of a compression: the data, and JSON, HTML and terminal views of it."""

from flexgs.report.model import (
    Picture,
    RepairFacts,
    RepairRound,
    Report,
    SceneFacts,
    SearchStep,
    TargetFacts,
    views_to_picture,
)
from flexgs.report.write import ensure_report, write_report

__all__ = [
    "Picture",
    "RepairFacts",
    "RepairRound",
    "Report",
    "SceneFacts",
    "SearchStep",
    "TargetFacts",
    "ensure_report",
    "views_to_picture",
    "write_report",
]
