# SPDX-License-Identifier: Apache-2.0
"""Reports as JSON: keys sorted and stable (docs/report.md), numbers finite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from flexgs.report.model import Report

VERSION = 1  # of the meaning of the keys; new keys do not raise it


def to_plain(value: object) -> Any:
    """Dataclasses, tuples and mappings as JSON values; infinite numbers and NaN become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)  # type: ignore[arg-type]  # numpy scalars too
    return number if math.isfinite(number) else None


def report_to_plain(report: Report) -> dict[str, Any]:
    """The report without its pictures, as JSON values."""
    plain = {
        f.name: to_plain(getattr(report, f.name)) for f in fields(report) if f.name != "pictures"
    }
    derived = {"ratio": report.ratio, "bits_by_attribute": report.bits_by_attribute}
    return {"flexgs_report": VERSION, **derived, **plain}


def dump_json(plain: object) -> str:
    """Canonical text: sorted keys, two spaces, ASCII, a newline at the end."""
    return json.dumps(plain, indent=2, sort_keys=True, allow_nan=False) + "\n"
