# SPDX-License-Identifier: Apache-2.0
"""The examples run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compress_scene(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, restored = tmp_path / "small.fgs", tmp_path / "restored.ply"
    load("compress_scene").main(model, small, restored, drop_db=3.0)
    assert small.stat().st_size < restored.stat().st_size
    assert "times smaller" in capsys.readouterr().out


def test_errors() -> None:
    assert load("errors").describe(__file__).startswith("exit code 3: ")
