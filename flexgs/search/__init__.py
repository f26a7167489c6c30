# SPDX-License-Identifier: Apache-2.0
"""The best setting that meets a target; sees only `distortion(setting)` and `size(setting)`."""

from flexgs.search.evaluator import Budget
from flexgs.search.find import find_setting
from flexgs.search.landing import Measured, find_strength
from flexgs.search.result import Evaluation, SearchResult, TargetUnreachableError
from flexgs.search.setting import Setting, Space
from flexgs.search.target import MaxBytes, MaxDrop, Target, ratio_target

__all__ = [
    "Budget",
    "Evaluation",
    "MaxBytes",
    "MaxDrop",
    "Measured",
    "SearchResult",
    "Setting",
    "Space",
    "Target",
    "TargetUnreachableError",
    "find_setting",
    "find_strength",
    "ratio_target",
]
