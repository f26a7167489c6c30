# SPDX-License-Identifier: Apache-2.0
"""Methods by name, in the order that tables have them."""

from flexgs.bench.methods.baselines import Baseline
from flexgs.bench.methods.gsplat_png import GsplatPng
from flexgs.bench.methods.own import Flexgs
from flexgs.bench.methods.splat_transform import SplatTransform
from flexgs.bench.model import Method
from flexgs.registry import Registry

_METHODS: tuple[Method, ...] = (
    Flexgs("flexgs", "flexgs"),
    Flexgs("flexgs-renders", "flexgs, no photographs", ("--images", "none")),
    Flexgs("flexgs-segment", "flexgs, segment profile", ("--profile", "segment"), has_effort=False),
    Baseline("flexgaussian", "FlexGaussian, re-implemented"),
    Baseline("mesongs", "MesonGS without fine-tuning, re-implemented"),
    SplatTransform("sog", ".sog by splat-transform", ".sog"),
    SplatTransform("spz", ".spz by splat-transform", ".spz"),
    SplatTransform("compressed-ply", ".compressed.ply by splat-transform", ".compressed.ply"),
    GsplatPng("gsplat-png", "PNG codec of gsplat"),
)
METHODS: Registry[Method] = Registry("method")
for _method in _METHODS:
    METHODS.add(_method.name, _method)
ORDER = tuple(method.name for method in _METHODS)

__all__ = ["METHODS", "ORDER"]
