# SPDX-License-Identifier: Apache-2.0
"""Command lines of methods, each in processes of its own: seconds, memory, what they said."""

from flexgs.bench.running.process import Ran, run_command

__all__ = ["Ran", "run_command"]
