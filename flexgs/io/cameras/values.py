# SPDX-License-Identifier: Apache-2.0
"""Untrusted numbers of camera files -> checked ones, and poses in our convention."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera
from flexgs.errors import Corrupt, SceneError
from flexgs.io.files import read_limited
from flexgs.limits import MAX_JSON_BYTES

F64 = npt.NDArray[np.float64]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return table


def parse_json(data: bytes, path: str | Path) -> Any:
    """Strict JSON: no NaN, no key twice, bounded depth.

    Raises:
        Corrupt: it is something else.
    """
    try:
        with _without_collections():
            return json.loads(
                data.decode("utf-8-sig"),
                parse_constant=_refuse_constant,
                object_pairs_hook=_unique,
            )
    except (ValueError, RecursionError) as error:  # decoding errors are ValueErrors
        raise Corrupt(f"not readable JSON: {error}", path=path, expected="JSON") from error


@contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage arises while JSON is read, but the collector would look at all of it again and
    again: a million empty lists take four times as long with it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_json(path: str | Path) -> Any:
    """A file's `parse_json`, of bounded size.

    Raises:
        UsageError: the file cannot be read. TooLarge, Corrupt: its content.
    """
    return parse_json(read_limited(path, MAX_JSON_BYTES), path)


class Fields:
    """One JSON object's fields by name and type; errors say which object of which file."""

    def __init__(self, table: object, path: str | Path, section: str) -> None:
        self.path = path
        self.section = section
        if not isinstance(table, dict):
            self.fail("not an object", expected="{...}", found=type(table).__name__)
        self.table: dict[str, Any] = table

    def fail(self, what: str, *, expected: object = None, found: object = None) -> NoReturn:
        """Raises Corrupt."""
        raise Corrupt(what, path=self.path, section=self.section, expected=expected, found=found)

    def __contains__(self, name: str) -> bool:
        return self.table.get(name) is not None

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number, `default` when there is none."""
        value = self.table.get(name)
        if value is None and default is not None:
            return default
        number = as_number(value)
        if number is None:
            self.fail(f"{name} is not a number", expected="a finite number", found=repr(value)[:40])
        return number

    def integer(self, name: str) -> int:
        """A whole number (5.0 is one)."""
        number = self.number(name)
        if number != int(number):
            self.fail(f"{name} is not whole", expected="an integer", found=number)
        return int(number)

    def text(self, name: str) -> str:
        """A string of valid Unicode, not empty, without NUL."""
        value = self.table.get(name)
        if not isinstance(value, str) or not value or not _is_printable_name(value):
            self.fail(f"{name} is not a name", expected="a string", found=repr(value)[:40])
        return value

    def matrix(self, name: str, rows: int, columns: int) -> F64:
        """Nested lists as a (rows, columns) array."""
        value = self.table.get(name)
        table = value if isinstance(value, list) and len(value) == rows else []
        numbers = [as_number(x) for row in table if isinstance(row, list) for x in row]
        lengths = {len(row) for row in table if isinstance(row, list)}
        if len(numbers) != rows * columns or lengths != {columns} or None in numbers:
            self.fail(f"{name} is not a matrix", expected=f"{rows}x{columns} finite numbers")
        return np.array(numbers, np.float64).reshape(rows, columns)

    def vector(self, name: str, length: int) -> F64:
        """A list as a (length,) array."""
        value = self.table.get(name)
        numbers = [as_number(x) for x in value] if isinstance(value, list) else []
        if len(numbers) != length or None in numbers:
            self.fail(f"{name} is not a vector", expected=f"{length} finite numbers")
        return np.array(numbers, np.float64)


def _is_printable_name(text: str) -> bool:
    """False for lone surrogates, which JSON can spell but no file name or terminal can take."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def as_number(value: object) -> float | None:
    """A finite float, or None when `value` is no such number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def pose_from_camera_to_world(rotation: F64, position: F64) -> F64:  # (3, 3), (3,) -> (4, 4)
    """`world_to_camera` from axes (columns) and position of the camera in the world."""
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    with np.errstate(over="ignore", invalid="ignore"):  # refused by `make_camera`
        pose[:3, 3] = -rotation.T @ position
    return pose


def make_camera(
    path: str | Path,
    name: str,
    size: tuple[int, int],  # width, height
    intrinsics: tuple[float, float, float, float],  # fx, fy, cx, cy in pixels
    world_to_camera: F64,  # (4, 4)
) -> Camera:
    """A checked camera; errors name the file.

    Raises:
        SceneError: no usable size, focal length or pose, or a mirrored one.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            camera = Camera(name, *size, *intrinsics, world_to_camera)
    except SceneError as error:
        raise SceneError(
            error.what, path=path, section=name, expected=error.expected, found=error.found
        ) from error
    if np.linalg.det(camera.world_to_camera[:3, :3]) < 0:
        raise SceneError(
            f"camera {name!r} is mirrored",
            path=path,
            section=name,
            expected="a rotation with determinant 1",
            found=-1,
        )
    return camera
