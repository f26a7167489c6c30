# SPDX-License-Identifier: Apache-2.0
"""Choosing a renderer, on machines without CUDA above all."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from flexgs.errors import UsageError
from flexgs.render import get_renderer
from flexgs.render.cuda_support import why_no_cuda

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")


def test_an_unknown_device_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        get_renderer("gpu")


@no_cuda
def test_cuda_without_a_gpu_is_a_usage_error_that_says_what_to_install() -> None:
    with pytest.raises(UsageError) as caught:
        get_renderer("cuda")
    assert "flexgs[cuda]" in str(caught.value)
    assert caught.value.found == why_no_cuda()


@no_cuda
def test_the_cuda_renderer_itself_refuses_too() -> None:
    from flexgs.render.cuda import CudaRenderer

    with pytest.raises(UsageError, match="cannot render with CUDA"):
        CudaRenderer()


def test_auto_falls_back_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexgs.render.cuda_support.why_no_cuda", lambda: "no device")
    assert get_renderer("auto", threads=1).name == "cpu"


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexgs.render.cuda_support.find_spec", lambda name: None)
    assert why_no_cuda() == "torch is not installed"


def test_importing_the_renderers_imports_neither_torch_nor_gsplat() -> None:
    code = (
        "import sys, flexgs.render; print(sorted({'torch', 'gsplat', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_cuda_renderer_does_not_import_gsplat() -> None:
    code = "import sys, flexgs.render.cuda; print('gsplat' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
