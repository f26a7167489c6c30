# SPDX-License-Identifier: Apache-2.0
"""Scenes and settings out of a TOML file (docs/batch.md). Its content is not trusted."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from flexgs.batch.inputs.layouts import ensure_distinct, find_scenes, scene_name, with_data
from flexgs.batch.inputs.settings import make_setting
from flexgs.batch.model import BatchScene, Setting
from flexgs.errors import Corrupt, UsageError
from flexgs.io.files import read_limited
from flexgs.options import parse_size, parse_source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 1 << 20
_TOP = ("data", "options", "scenes", "settings")
_OF_A_SCENE = ("cameras", "images", "memory", "name", "path")


def read_manifest(
    path: Path, data: Sequence[Path] = ()
) -> tuple[tuple[BatchScene, ...], tuple[Setting, ...]]:
    """The scenes, and the settings that each of them is compressed with (may be none).

    Paths in it are relative to the manifest's folder.

    Raises:
        UsageError: the file cannot be read. TooLarge: it is longer than a manifest can be.
        Corrupt: it is no TOML, or does not say scenes and settings.
    """
    table = _parse(path)
    _refuse_others(table, _TOP, path, "the manifest")
    folders = [path.parent / _text(each, path, "data") for each in _list(table, "data", path)]
    folders += data
    common = table.get("options", {})
    if not isinstance(common, dict):
        _refuse("options is not a table", path, "options")
    settings = [
        _setting(each, common, path, f"settings {i}")
        for i, each in enumerate(_list(table, "settings", path), 1)
    ]
    scenes = [
        scene
        for i, each in enumerate(_list(table, "scenes", path), 1)
        for scene in _scenes(each, folders, path, f"scenes {i}")
    ]
    if not scenes:
        _refuse("it names no scene", path, "scenes", expected="[[scenes]] with a path")
    if not settings:
        settings = [_setting({}, common, path, "options")]
    names = [setting.name.lower() for setting in settings]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        _refuse(f"two settings are called {doubled!r}", path, "settings", hint="give them a name")
    try:
        ensure_distinct(scenes)
    except UsageError as error:
        _refuse(error.what, path, "scenes", hint="give them a name")
    return tuple(scenes), tuple(settings)


def _parse(path: Path) -> dict[str, Any]:
    data = read_limited(path, MAX_BYTES)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # decoding and TOML errors are ValueErrors
        raise Corrupt(f"not readable TOML: {error}", path=path, expected="TOML") from error


def _setting(each: object, common: Mapping[str, object], path: Path, section: str) -> Setting:
    if not isinstance(each, dict):
        _refuse("not a table", path, section)
    name = each.get("name")
    if name is not None:
        name = _text(name, path, section)
    own = {key: value for key, value in each.items() if key != "name"}
    try:
        return make_setting({**common, **own}, name)
    except UsageError as error:
        _refuse(error.what, path, section, error.expected, error.found, error.hint)


def _scenes(each: object, data: Sequence[Path], path: Path, section: str) -> list[BatchScene]:
    if not isinstance(each, dict):
        _refuse("not a table", path, section)
    _refuse_others(each, _OF_A_SCENE, path, section)
    texts = {key: _text(value, path, section) for key, value in each.items()}
    if "path" not in texts:
        _refuse("it has no path", path, section)
    try:
        found = _find(path.parent / texts["path"])
        if "name" in texts and len(found) > 1:
            raise UsageError("one name for several scenes", found=f"{len(found)} scenes")
        memory = parse_size(texts["memory"]) if "memory" in texts else None
        named = [replace(s, name=texts.get("name", s.name), memory_bytes=memory) for s in found]
        cameras, images = (_source(path, texts.get(key)) for key in ("cameras", "images"))
        return [with_data(replace(s, cameras=cameras, images=images), data) for s in named]
    except UsageError as error:
        where = f" ({error.path})" if error.path else ""
        _refuse(error.what + where, path, section, error.expected, error.found, error.hint)


def _find(path: Path) -> tuple[BatchScene, ...]:
    """A scene file that is missing is a job that fails, not a manifest that cannot be used."""
    text = str(path)
    if not path.exists() and not any(letter in text for letter in "*?["):
        return (BatchScene(scene_name(path), path),)
    return find_scenes([text])


def _source(manifest: Path, text: str | None) -> Any:
    source = parse_source(text)
    return manifest.parent / source if isinstance(source, Path) else source


def _list(table: Mapping[str, Any], key: str, path: Path) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        _refuse(f"{key} is not a list", path, key, found=type(value).__name__)
    return value


def _text(value: object, path: Path, section: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        _refuse("not a text", path, section, expected="a text", found=repr(value)[:60])
    return value


def _refuse_others(
    table: Mapping[str, object], known: Sequence[str], path: Path, section: str
) -> None:
    others = sorted(set(table) - set(known))
    if others:
        _refuse("unknown key", path, section, " | ".join(known), others[0][:60])


def _refuse(
    what: str,
    path: Path,
    section: str,
    expected: object = None,
    found: object = None,
    hint: str | None = None,
) -> NoReturn:
    raise Corrupt(what, path=path, section=section, expected=expected, found=found, hint=hint)
