# SPDX-License-Identifier: Apache-2.0
"""Scenes and settings: layouts of releases, data sets, targets, hostile manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexgs.batch import find_scenes, make_setting, make_settings, read_manifest
from flexgs.batch.inputs import options_to_plain
from flexgs.batch.inputs.layouts import IMAGES_OF
from flexgs.errors import Corrupt, FlexgsError, TooLarge, UsageError
from flexgs.options import CompressOptions


def touch(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Two iterations of bonsai, one of garden, something else beside them."""
    for name in ("bonsai", "garden"):
        touch(tmp_path / "models" / name / "point_cloud/iteration_7000/point_cloud.ply")
    touch(tmp_path / "models/bonsai/point_cloud/iteration_30000/point_cloud.ply")
    touch(tmp_path / "models/notes/readme.txt")
    return tmp_path / "models"


def test_a_release_is_found_by_folder_glob_or_file(release: Path) -> None:
    last = release / "bonsai/point_cloud/iteration_30000/point_cloud.ply"
    for pattern in (release, release / "*"):
        scenes = find_scenes([str(pattern)])
        assert [scene.name for scene in scenes] == ["bonsai", "garden"]
        assert scenes[0].path == last
    assert find_scenes([str(last)])[0].name == "bonsai"


def test_files_are_called_by_what_says_more(tmp_path: Path) -> None:
    for name in ("a/scene.ply", "b/room.spz", "b/hall.compressed.ply", "b/notes.txt", "b/x.fgs"):
        touch(tmp_path / name)
    scenes = find_scenes([str(tmp_path / "a"), str(tmp_path / "b" / "*")])
    assert [scene.name for scene in scenes] == ["a", "hall", "room"]
    assert [scene.name for scene in find_scenes([str(tmp_path / "b")])] == ["hall", "room"]


def test_a_linked_scene_keeps_the_name_it_is_given(release: Path, tmp_path: Path) -> None:
    link = tmp_path / "links/attic/point_cloud/iteration_1/point_cloud.ply"
    link.parent.mkdir(parents=True)
    link.symlink_to(release / "bonsai/point_cloud/iteration_30000/point_cloud.ply")
    assert find_scenes([str(tmp_path / "links")])[0].name == "attic"


def test_two_scenes_of_one_name_are_refused(release: Path) -> None:
    with pytest.raises(UsageError, match="two scenes are called 'bonsai'"):
        find_scenes([str(release / "bonsai/point_cloud/iteration_*/point_cloud.ply")])


@pytest.mark.parametrize("pattern", ["none*", "models/notes", "models/notes/*", "a\0b"])
def test_patterns_without_a_scene_are_usage_errors(
    release: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(release.parent)
    with pytest.raises(UsageError):
        find_scenes([pattern])


def test_data_sets_give_the_resolutions_of_the_field(release: Path, tmp_path: Path) -> None:
    for folder in ("bonsai/images", "bonsai/images_2", "bonsai/images_4", "garden/images"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    bonsai, garden = find_scenes([str(release)], [tmp_path / "data"])
    assert bonsai.images == tmp_path / "data/bonsai/images_2"
    assert any("indoor scene of Mip-NeRF 360" in note for note in bonsai.notes)
    assert garden.images == tmp_path / "data/garden/images"
    assert any("images_4, not there" in note for note in garden.notes)
    (tmp_path / "data/garden/images_4").mkdir()
    assert find_scenes([str(release / "garden")], [tmp_path / "data"])[0].images == (
        tmp_path / "data/garden/images_4"
    )


def test_the_fields_thirteen_scenes_are_known() -> None:
    assert len(IMAGES_OF) == 13
    assert sorted(set(IMAGES_OF.values())) == ["images", "images_2", "images_4"]


def test_cfg_args_is_read_as_text(release: Path, tmp_path: Path) -> None:
    model = tmp_path / "models/attic"
    touch(model / "point_cloud/iteration_1/point_cloud.ply")
    witness = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(witness)!r}).touch()"
    touch(model / "cfg_args", f"Namespace(x={code}, images='images_8', source_path='/x')")
    (tmp_path / "data/attic/images_8").mkdir(parents=True)
    (scene,) = find_scenes([str(model)], [tmp_path / "data"])
    assert scene.images == tmp_path / "data/attic/images_8"
    assert not witness.exists()
    (tmp_path / "data/attic/images").mkdir()
    for outside in ("..", "../..", "/", "images_8/.."):
        touch(model / "cfg_args", f"Namespace(images={outside!r})")
        (scene,) = find_scenes([str(model)], [tmp_path / "data"])
        assert scene.images == tmp_path / "data/attic/images"


def test_a_data_set_that_is_not_there_is_said(release: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (scene,) = find_scenes([str(release / "bonsai")], [tmp_path / "data"])
    assert any("none of the --data folders" in note for note in scene.notes)
    with pytest.raises(UsageError, match="no such folder of data"):
        find_scenes([str(release)], [tmp_path / "nowhere"])


def test_settings_are_one_a_target_and_views_those_of_the_field() -> None:
    settings = make_settings({"psnr_drop": [1.0, 0.3], "size": [2000]}, {"effort": 2})
    assert [setting.name for setting in settings] == ["drop-1", "drop-0.3", "size-2000"]
    assert {setting.options.max_side for setting in settings} == {1600}
    assert {setting.options.effort for setting in settings} == {2}
    assert make_setting({"max_side": 800}).options.max_side == 800


def test_options_survive_json() -> None:
    setting = make_setting({"bits": {"sh": 4}, "profile": "segment", "images": "none"})
    plain = options_to_plain(setting.options)
    assert plain["images"] == "none"
    assert CompressOptions(**plain) == setting.options


@pytest.mark.parametrize(
    "values",
    [
        {"force": True},
        {"threads": 3},
        {"cameras": "/etc"},
        {"efort": 1},
        {"effort": "1"},
        {"effort": True},
        {"effort": 1.5},
        {"effort": 99},
        {"bits": {"sh": "4"}},
        {"device": "tpu"},
        {"target_size": "many"},
        {"target_ratio": 2, "target_psnr": 30},
        {"format": "docx"},
        {"target_psnr_drop": float("nan")},
    ],
)
def test_wrong_options_are_usage_errors(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        make_setting(values)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\0", ".a", "x" * 200, "a\n", "a."])
def test_names_that_could_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a usable name"):
        make_setting({}, name)


def test_a_manifest_says_scenes_and_settings(release: Path, tmp_path: Path) -> None:
    path = touch(
        tmp_path / "study.toml",
        """
        data = ["data"]
        [options]
        effort = 3
        [[settings]]
        target_psnr_drop = 1.0
        [[settings]]
        name = "small"
        target_size = "2MB"
        effort = 7
        [[scenes]]
        path = "models/*"
        memory = "3GB"
        images = "none"
        [[scenes]]
        path = "gone/point_cloud.ply"
        """,
    )
    (tmp_path / "data").mkdir()
    scenes, settings = read_manifest(path)
    assert [scene.name for scene in scenes] == ["bonsai", "garden", "gone"]
    assert scenes[0].memory_bytes == 3_000_000_000
    assert scenes[0].images == "none"
    assert [(each.name, each.options.effort) for each in settings] == [("drop-1", 3), ("small", 7)]
    assert settings[1].options.target_size == 2_000_000


HOSTILE = {
    "no TOML": "a = = 1",
    "not UTF-8": b"\xff\xfe",
    "nested": "a = " + "[" * 100_000,
    "empty": "",
    "other keys": "secret = 1\n[[scenes]]\npath='models'",
    "scenes no list": "scenes = 3",
    "scene no table": "scenes = [1]",
    "scene without a path": "[[scenes]]\nname='x'",
    "path no text": "[[scenes]]\npath=3",
    "path with NUL": '[[scenes]]\npath="a\\u0000b"',
    "name leaves": "[[scenes]]\npath='models/bonsai'\nname='../x'",
    "one name for two": "[[scenes]]\npath='models'\nname='x'",
    "scene twice": "[[scenes]]\npath='a/x.ply'\n[[scenes]]\npath='b/x.ply'",
    "memory": "[[scenes]]\npath='models'\nmemory='lots'",
    "options no table": "options = 3\n[[scenes]]\npath='models'",
    "setting of a wrong type": "[[scenes]]\npath='models'\n[[settings]]\neffort='high'",
    "setting twice": "[[scenes]]\npath='models'\n[[settings]]\neffort=1\n[[settings]]\neffort=2",
    "glob without a match": "[[scenes]]\npath='q*'",
    "data no list": "data = 3\n[[scenes]]\npath='models'",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_manifests_are_typed_errors(release: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Corrupt) as raised:
        read_manifest(path)
    assert raised.value.path == str(path)
    assert isinstance(raised.value, FlexgsError)


def test_an_endless_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(TooLarge):
        read_manifest(path)
