# SPDX-License-Identifier: Apache-2.0
"""A scene -> the bytes of a format: what it cannot hold is dropped and counted, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS, Model
from flexgs.errors import SceneError, UsageError
from flexgs.io.formats.losses import Encoded, Loss
from flexgs.io.formats.scene_format import SceneFormat, Weights
from flexgs.io.validate import require_valid

_MODEL_WORDS: dict[Model, str] = {
    "3dgs": "plain 3DGS",
    "mip": "antialiased (Mip-Splatting)",
    "2dgs": "flat (2DGS)",
}


def encode_scene(
    splats: Splats, entry: SceneFormat, *, variant: str | None = None, plain: bool = False
) -> Encoded:
    """The file's bytes, and everything that they do not hold.

    Args:
        variant: of the format, as the table names them; None for the default.
        plain: write an antialiased or flat scene as if it were plain 3DGS, where the format has no
            word for what it is.

    Raises:
        UsageError: the format or the variant is not written.
        SceneError: values that no Gaussian can have, or a model that the format cannot say.
    """
    names = list(entry.encoders)
    if not names:
        raise UsageError(f"{entry.name} files are read only")
    if variant is not None and variant not in names:
        raise UsageError(
            f"{entry.name} files have no such variant",
            expected=" | ".join(name for name in names if name) or "none",
            found=variant,
        )
    name = names[0] if variant is None else variant
    fitting, losses = fit_scene(splats, entry, plain, entry.models_of.get(name))
    encoded = entry.encoders[name](fitting)
    return Encoded(encoded.data, (*losses, *encoded.losses))


def encode_by(
    splats: Splats, entry: SceneFormat, recipe: str, weights: Weights | None = None
) -> Encoded:
    """The file's bytes by one of the format's recipes, and everything that they do not hold.

    Args:
        weights: (n,) squared error of each Gaussian's removal; None: not known.

    Raises:
        SceneError: see `encode_scene`.
    """
    fitting, losses = fit_scene(splats, entry, plain=False)
    encoded = entry.recipes[recipe](fitting, weights)
    return Encoded(encoded.data, (*losses, *encoded.losses))


def fit_scene(
    splats: Splats, entry: SceneFormat, plain: bool, models: tuple[Model, ...] | None = None
) -> tuple[Splats, list[Loss]]:
    """The scene that `entry`'s encoders take, and what had to go.

    Args:
        models: those that the variant to be written can say; None: those of the format.

    Raises:
        SceneError: see `encode_scene`.
    """
    if splats.d != 3:
        raise SceneError(f"{entry.name} files hold 3-D Gaussians", found=f"{splats.d}-D ones")
    require_valid(splats)
    modelled, unsaid = _as_model(splats, entry, plain, models or entry.models)
    lower, dropped = lower_degree(modelled, entry.max_degree)
    return lower, [*unsaid, *dropped]


def lower_degree(splats: Splats, degree: int) -> tuple[Splats, list[Loss]]:
    """The scene with spherical harmonics of at most `degree`; counts Gaussians that had more."""
    if splats.degree <= degree:
        return splats, []
    k = SH_COEFFICIENTS[degree]
    dropped = np.abs(splats.sh[:, k:]).max(axis=(1, 2), initial=0)
    count = int((dropped > 0).sum())
    what = f"spherical harmonics above degree {degree} were dropped"
    lost = [Loss(what, count, float(dropped.max()))] if count else []
    return replace(splats, sh=splats.sh[:, :k]), lost


def _as_model(
    splats: Splats, entry: SceneFormat, plain: bool, models: tuple[Model, ...]
) -> tuple[Splats, list[Loss]]:
    if splats.model in models:
        return splats, []
    words = _MODEL_WORDS[splats.model]
    if not plain:
        raise SceneError(
            f"the scene is {words}, and {entry.name} files cannot say so: viewers would be wrong",
            expected=" | ".join(_MODEL_WORDS[model] for model in models),
            found=words,
            hint="choose another format, or --plain to write it as if it were plain 3DGS",
        )
    return replace(splats, model="3dgs"), [Loss(f"the file does not say: {words}", splats.n)]
