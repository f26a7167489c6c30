# SPDX-License-Identifier: Apache-2.0
"""Errors say what, where, what was expected and found, and what to do.

python examples/errors.py some-file
"""

from __future__ import annotations

import sys

import flexgs


def describe(path: str) -> str:
    """One line about a scene file, whatever it is."""
    try:
        splats = flexgs.read_scene(path)
    except flexgs.FlexgsError as error:
        return f"exit code {error.exit_code}: {error}"
    return f"{splats.n} Gaussians of degree {splats.degree}"


if __name__ == "__main__":
    print(describe(sys.argv[1] if len(sys.argv) > 1 else __file__))
