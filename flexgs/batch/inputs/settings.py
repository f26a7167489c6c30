# SPDX-License-Identifier: Apache-2.0
"""Settings out of untrusted tables and out of lists of targets; their names; their JSON."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from flexgs.batch.model import Setting
from flexgs.errors import UsageError
from flexgs.options import CompressOptions, TargetKind, parse_size

FIELD_MAX_SIDE = 1600  # INRIA's loader scales larger photographs down to it
_OF_THE_SCENE = ("cameras", "images")
_OF_THE_RUNNER = ("threads", "force", "dry_run", "jobs", "ray")
_SIZES = ("target_size", "max_memory")
_HINTS = get_type_hints(CompressOptions)


def make_setting(values: Mapping[str, object], name: str | None = None) -> Setting:
    """A setting of options by the names that `CompressOptions` has; sizes may be "20MB".

    Views have at most 1600 pixels a side, as in the field's tables, unless `max_side` says else.

    Raises:
        UsageError: an unknown option, a value of another type or out of range, a bad name.

    >>> make_setting({"target_psnr_drop": 0.3, "effort": 1}).name
    'drop-0.3'
    """
    from flexgs.pipeline.formats.choice import choose_format  # slow to import

    checked: dict[str, Any] = {key: _check(key, value) for key, value in values.items()}
    options = CompressOptions(**{"max_side": FIELD_MAX_SIDE, **checked})
    choose_format(options, None)
    return Setting(name if name is not None else _name(options), options)


def make_settings(
    targets: Mapping[TargetKind, Sequence[float]], common: Mapping[str, object]
) -> tuple[Setting, ...]:
    """One setting for every target; a drop of 1 dB where there is none.

    >>> [s.name for s in make_settings({"psnr_drop": [1.0, 0.3], "ratio": [20]}, {})]
    ['drop-1', 'drop-0.3', 'ratio-20']
    """
    each = [{f"target_{kind}": value} for kind, values in targets.items() for value in values]
    return tuple(make_setting({**common, **target}) for target in each or [{}])


def options_to_plain(options: CompressOptions) -> dict[str, Any]:
    """All options but those of the scene and the runner, as JSON values."""
    plain = {}
    for field in dataclasses.fields(options):
        if field.name not in _OF_THE_RUNNER:
            value = getattr(options, field.name)
            plain[field.name] = dict(value) if isinstance(value, Mapping) else value
    plain |= {name: "none" if plain[name] == "none" else None for name in _OF_THE_SCENE}
    return plain


def _name(options: CompressOptions) -> str:
    if options.fixed:
        return f"fixed-{options.pruning_rate:g}-{options.sh_rate:g}"
    kind, value = options.target
    return f"{kind.removeprefix('psnr_')}-{value:.9g}"


def _check(key: str, value: object) -> object:
    """A value of the type that its option has.

    Raises:
        UsageError: it is not.
    """
    if key not in _HINTS or key in _OF_THE_RUNNER:
        known = sorted(set(_HINTS) - set(_OF_THE_RUNNER))
        raise UsageError(f"unknown option {key[:60]!r}", expected=" | ".join(known))
    if key in _OF_THE_SCENE and value != "none":
        raise UsageError(
            f"{key} of a setting can only be left out", expected="none", found=repr(value)[:60]
        )
    if key in _SIZES and isinstance(value, str):
        return parse_size(value)
    if not any(_is_a(value, hint) for hint in _alternatives(_HINTS[key])):
        raise UsageError(
            f"{key} is of the wrong type",
            expected=str(_HINTS[key]).replace("<class '", "").replace("'>", ""),
            found=repr(value)[:60],
        )
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is_a(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is not None:  # bits: a table of integers
        return isinstance(value, Mapping) and all(_is_a(item, int) for item in value.values())
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)
