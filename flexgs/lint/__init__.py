# SPDX-License-Identifier: Apache-2.0
"""What is odd or wrong about a scene, and what other formats would lose of it."""

from flexgs.lint.inspection import inspect
from flexgs.lint.model import Column, Finding, Inspection, Outcome, Range

__all__ = ["Column", "Finding", "Inspection", "Outcome", "Range", "inspect"]
