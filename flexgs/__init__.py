# SPDX-License-Identifier: Apache-2.0
"""flexgs: trained 3D Gaussian Splatting scenes, made small to a quality you name.

>>> import flexgs
>>> sorted(flexgs.__all__)[:4]
['Camera', 'CompressOptions', 'CompressResult', 'FlexgsError']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from flexgs.core import Camera, Splats
    from flexgs.editing import Motion, Region, crop, merge, transform
    from flexgs.errors import FlexgsError
    from flexgs.lint import inspect
    from flexgs.options import CompressOptions
    from flexgs.pipeline import (
        CompressResult,
        compress,
        evaluate,
        render_views,
        score,
    )
    from flexgs.scenes import convert, decompress, read_scene, write_scene

__all__ = [
    "Camera",
    "CompressOptions",
    "CompressResult",
    "FlexgsError",
    "Motion",
    "Region",
    "Splats",
    "compress",
    "convert",
    "crop",
    "decompress",
    "evaluate",
    "inspect",
    "merge",
    "read_scene",
    "render_views",
    "score",
    "transform",
    "write_scene",
]


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used: `import flexgs` itself costs nothing."""
    if name in ("Camera", "Splats"):
        from flexgs import core

        return getattr(core, name)
    if name == "FlexgsError":
        from flexgs import errors

        return errors.FlexgsError
    if name == "CompressOptions":
        from flexgs import options

        return options.CompressOptions
    if name in ("convert", "decompress", "read_scene", "write_scene"):
        from flexgs import scenes

        return getattr(scenes, name)
    if name in ("Motion", "Region", "crop", "merge", "transform"):
        from flexgs import editing

        return getattr(editing, name)
    if name == "inspect":
        from flexgs.lint import inspect

        return inspect
    if name in __all__:
        from flexgs import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'flexgs' has no attribute {name!r}")
