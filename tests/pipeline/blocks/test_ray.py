# SPDX-License-Identifier: Apache-2.0
"""Blocks on a real Ray cluster of two machines' worth of workers."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (flexgs[cluster])"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster of two nodes, one CPU each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(num_cpus=1)
            yield cluster.address
        finally:
            cluster.shutdown()


@pytest.mark.timeout(1800)
def test_the_bytes_are_those_of_a_local_run(model: Path, tmp_path: Path, address: str) -> None:
    words = [sys.executable, "-m", "flexgs", "compress", str(model), "--quiet", "--threads", "1"]
    words += ["--blocks", "2", "--effort", "3", "--repair", "1", "--max-evaluations", "1"]
    for name, more in (("here", []), ("there", ["--ray", address])):
        output = ["-o", str(tmp_path / f"{name}.fgs"), "--best-effort"]
        done = subprocess.run([*words, *output, *more], capture_output=True, text=True)
        assert done.returncode in (0, 4), done.stderr
    assert (tmp_path / "here.fgs").read_bytes() == (tmp_path / "there.fgs").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here.fgs", "there.fgs"]
