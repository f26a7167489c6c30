# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flexgs.errors import FlexgsError


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "bad"),
        ({"found": 3}, "bad (found 3)"),
        ({"expected": "4"}, "bad (expected 4)"),
        ({"expected": 0, "found": 3}, "bad (expected 0, found 3)"),
        ({"path": "a.ply", "section": "header", "offset": 0}, "a.ply [header] at byte 0: bad"),
        ({"hint": "do this"}, "bad\ndo this"),
    ],
)
def test_a_message_says_what_is_known_and_no_more(known: dict[str, object], text: str) -> None:
    error = FlexgsError("bad", **known)  # type: ignore[arg-type]
    assert str(error) == text
    assert "None" not in str(error)
