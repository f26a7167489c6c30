# SPDX-License-Identifier: Apache-2.0
"""Many scenes at many settings: found, planned, run somewhere, journalled, resumed."""

from flexgs.batch.inputs import find_scenes, make_setting, make_settings, read_manifest
from flexgs.batch.model import BatchScene, Job, Row, SceneFacts, Setting
from flexgs.batch.planning import Plan, plan_batch
from flexgs.batch.runner import Step, batch_folder, exit_code, run_plan
from flexgs.batch.summary import table_rows, write_summary

__all__ = [
    "BatchScene",
    "Job",
    "Plan",
    "Row",
    "SceneFacts",
    "Setting",
    "Step",
    "batch_folder",
    "exit_code",
    "find_scenes",
    "make_setting",
    "make_settings",
    "plan_batch",
    "read_manifest",
    "run_plan",
    "table_rows",
    "write_summary",
]
