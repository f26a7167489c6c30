# SPDX-License-Identifier: Apache-2.0
"""The connection to a Ray cluster, which is an extra: `flexgs[cluster]`."""

from __future__ import annotations

import os
from typing import Any

from flexgs.errors import UsageError

_RETRIES = "RAY_NUM_REDIS_GET_RETRIES"  # of connecting, about 40 s each


def connect(address: str) -> Any:
    """Ray, connected; `shutdown()` of it ends that.

    Args:
        address: "auto" for the cluster that this machine is part of, or host:port.

    Raises:
        UsageError: Ray is not installed, or no cluster answers there.
    """
    os.environ.setdefault(_RETRIES, "2")  # else a wrong address is said after a quarter hour
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--ray needs Ray", hint="pip install 'flexgs[cluster]', or leave --ray out"
        ) from error
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise UsageError(
            f"no Ray cluster answers: {error}",
            found=address,
            hint="`ray start --head` starts one on this machine",
        ) from error
    return ray
