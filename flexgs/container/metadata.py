# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: one byte string per value, and no value that JSON readers disagree about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flexgs.errors import Corrupt, TooLarge, UsageError
from flexgs.limits import MAX_METADATA_BYTES


def dump_metadata(values: Mapping[str, object]) -> bytes:
    """Sorted keys, no spaces, ASCII only, no NaN.

    Raises:
        UsageError: a value is not JSON, or all of it is over 1 MiB.

    >>> dump_metadata({"b": 1, "a": [0.5, None]})
    b'{"a":[0.5,null],"b":1}'
    """
    try:
        text = json.dumps(values, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"metadata is not JSON: {error}", section="metadata") from error
    if len(text) > MAX_METADATA_BYTES:
        raise UsageError(
            "metadata is too long", section="metadata", expected=MAX_METADATA_BYTES, found=len(text)
        )
    return text.encode("ascii")


def load_metadata(payload: bytes) -> dict[str, Any]:
    """The object that `payload` holds, when it is the canonical form of it.

    Raises:
        Corrupt: not canonical JSON of an object (NaN, doubled keys, too deep nesting ...).
        TooLarge: over 1 MiB.
    """
    if len(payload) > MAX_METADATA_BYTES:
        raise TooLarge(
            "metadata is too long",
            section="metadata",
            expected=f"at most {MAX_METADATA_BYTES} bytes",
            found=len(payload),
        )
    try:
        values = json.loads(payload.decode("ascii"))
        if isinstance(values, dict) and dump_metadata(values) == payload:
            return values
    except UsageError as error:
        raise Corrupt(error.what, section="metadata") from error
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"metadata is not JSON: {error}", section="metadata") from error
    raise Corrupt("metadata is not a JSON object in canonical form", section="metadata")
