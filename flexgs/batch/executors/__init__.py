# SPDX-License-Identifier: Apache-2.0
"""Where jobs run: in this process, in processes of this machine, on a Ray cluster."""

from flexgs.batch.executors.inline import InlineExecutor
from flexgs.batch.executors.processes import ProcessExecutor
from flexgs.batch.executors.protocol import Executor

__all__ = ["Executor", "InlineExecutor", "ProcessExecutor"]
