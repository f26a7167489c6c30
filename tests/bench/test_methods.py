# SPDX-License-Identifier: Apache-2.0
"""Methods as command lines, and what they need to be run."""

from __future__ import annotations

import json
import shutil
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from flexgs.batch import BatchScene
from flexgs.bench import lpips
from flexgs.bench.methods import METHODS, ORDER, gsplat_codec, gsplat_png
from flexgs.bench.methods.own import count_evaluations
from flexgs.bench.model import Place, Setup
from flexgs.bench.planning import plan_bench
from flexgs.bench.runner import run_bench
from flexgs.errors import Corrupt, UsageError
from flexgs.scenes import read_scene
from tests.batch.conftest import make_splats


@pytest.fixture
def place(tmp_path: Path) -> Place:
    scene = BatchScene("attic", Path("attic.ply"), images=Path("photos"))
    return Place(scene, Path("w/file"), Path("w/decoded.ply"), Path("w"))


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    package = tmp_path / "node_modules/@playcanvas/splat-transform"
    (package / "bin").mkdir(parents=True)
    (package / "bin/cli.mjs").write_text("")
    (package / "package.json").write_text(json.dumps({"version": "3.7.0"}))
    return tmp_path


def test_every_method_has_its_name_and_own_points() -> None:
    assert set(ORDER) == set(METHODS.ids())
    for name in ORDER:
        method = METHODS.get(name)
        names = [point.name for point in method.points(Setup())]
        assert method.name == name
        assert len(set(names)) == len(names) > 0


@pytest.mark.parametrize("name", ["flexgs", "flexgs-renders", "flexgs-segment", "flexgaussian"])
def test_commands_with_a_target(place: Place, name: str) -> None:
    setup = Setup(drops=(0.3,), effort=2, threads=4, max_side=900, device="cpu")
    method = METHODS.get(name)
    (point,) = method.points(setup)
    assert (point.name, point.target_db) == ("drop-0.3", 0.3)
    (command,) = method.encode(point, place, setup)
    text = " ".join(command[1:])
    assert "--target-psnr-drop 0.3" in text
    assert "--max-side 900" in text
    assert "--threads 4" in text
    assert "--best-effort" in text
    assert ("--images none" in text) is (name == "flexgs-renders")
    assert ("--images photos" in text) is (name != "flexgs-renders")
    assert ("--profile segment" in text) is (name == "flexgs-segment")
    assert ("--effort 2" in text) is (name in ("flexgs", "flexgs-renders"))
    (decode,) = method.decode(place, setup)
    assert {"w/file", "w/decoded.ply"} <= set(decode)


def test_splat_transform_merges_by_way_of_a_ply(place: Place, peers: Path) -> None:
    setup = Setup(peers=peers)
    method = METHODS.get("sog")
    assert method.version(setup) == "3.7.0"
    commands = {p.name: method.encode(p, place, setup) for p in method.points(setup)}
    assert commands["sh-1"][0][-4:] == ("attic.ply", "-H", "1", "w/file")
    merge, write = commands["left-50"]
    assert merge[-3:] == ("-d", "50%", "w/merged.ply")
    assert write[-2:] == ("w/merged.ply", "w/file")
    if shutil.which("node"):
        assert method.unavailable(setup) is None
    assert method.unavailable(Setup(peers=peers / "none")) is not None


def test_evaluations_are_counted() -> None:
    assert count_evaluations('{"search": [{}, {}]}') == 2
    assert count_evaluations("no json") is None
    told = METHODS.get("flexgaussian").evaluations('{"evaluations": 7}')
    assert told == 7


def _module(monkeypatch: pytest.MonkeyPatch, name: str, **names: object) -> None:
    module = types.ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, name, module)


def test_gsplat_png_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    method = METHODS.get("gsplat-png")
    monkeypatch.setattr(gsplat_png, "find_spec", lambda name: None if name == "plas" else name)
    assert method.unavailable(Setup()) == "not installed: plas"
    monkeypatch.setattr(gsplat_png, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert method.unavailable(Setup()) == "no CUDA device"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert method.unavailable(Setup()) is None


def test_gsplats_codec_gets_and_gives_whole_scenes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a stand-in for the codec that keeps all values; no GPU is needed."""
    torch = pytest.importorskip("torch")
    from flexgs.io import write_ply

    class PngCompression:
        def __init__(self, verbose: bool) -> None: ...

        def compress(self, folder: str, splats: dict[str, object]) -> None:
            torch.save(splats, f"{folder}/all.pt")

        def decompress(self, folder: str) -> object:
            return torch.load(f"{folder}/all.pt", weights_only=True)

    _module(monkeypatch, "gsplat", PngCompression=PngCompression)
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)
    splats = make_splats(0)
    write_ply(tmp_path / "a.ply", splats)
    gsplat_codec.main(["encode", str(tmp_path / "a.ply"), str(tmp_path / "folder")])
    gsplat_codec.main(["decode", str(tmp_path / "folder"), str(tmp_path / "b.ply")])
    back = read_scene(tmp_path / "b.ply")
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        assert np.array_equal(getattr(back, name), getattr(splats, name)), name
    with pytest.raises(UsageError, match="not understood"):
        gsplat_codec.main(["encode"])


def test_lpips_only_where_its_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class LPIPS(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, **_: object) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3))

        def forward(self, a: object, b: object) -> object:
            return ((a - b).abs() * self.weight[None, :, None, None]).mean()  # type: ignore[operator]

    _module(monkeypatch, "lpips", LPIPS=LPIPS)
    _module(monkeypatch, "torchvision")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    found, words = lpips.find_lpips()
    assert found is None
    assert "not in torch's cache" in words

    np.savez(tmp_path / "w.npz", weight=np.full(3, 2.0, np.float32))
    found, words = lpips.find_lpips(tmp_path / "w.npz")
    assert found is not None
    assert "w.npz" in words
    image = np.full((4, 5, 3), 0.5, np.float32)
    assert found.distance(image, image) == 0
    assert found.distance(image, image + np.float32(0.25)) == pytest.approx(0.5)
    np.savez(tmp_path / "bad.npz", other=np.zeros(3))
    with pytest.raises(Corrupt, match="not the weights"):
        lpips.find_lpips(tmp_path / "bad.npz")
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(Corrupt, match="not weights"):
        lpips.find_lpips(tmp_path / "text.npz")


@pytest.mark.slow
def test_flexgs_and_the_baselines_for_real(scenes: tuple[BatchScene, ...], tmp_path: Path) -> None:
    setup = Setup(drops=(1.0,), effort=1, threads=1, device="cpu")
    methods = [METHODS.get(n) for n in ORDER if METHODS.get(n).kind != "tool"]
    rows = run_bench(plan_bench(scenes, methods, setup, tmp_path), tmp_path)
    for row in rows:
        assert row.result is not None, row.error
        assert row.result["evaluations"] > 0
        assert row.result["encode"]["peak_bytes"] is None or row.result["encode"]["peak_bytes"] > 0
        if not row.result["missed"] and row.setting != "flexgs-renders.drop-1":
            assert row.result["search"]["drop_db"] <= 1.0 + 1e-6
