# SPDX-License-Identifier: Apache-2.0
"""What a compression costs in the images, view by view, against photographs and renders.

Which number is "the drop" (docs/design.md, "What the target means"): with photographs the mean over
views of PSNR(photo, original render) - PSNR(photo, compressed render); without, an estimate from
the PSNR against the original renders. `Quality.drop_source` says which.
"""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera
from flexgs.errors import SceneError
from flexgs.io.images import read_image
from flexgs.options import DEFAULT_REFERENCE_PSNR
from flexgs.progress import SILENT, Progress
from flexgs.render.metrics import psnr, ssim

F32 = npt.NDArray[np.float32]
Scene = TypeVar("Scene")  # Splats, or whatever else can be rendered
Seen = TypeVar("Seen", contravariant=True)
DropSource = Literal["measured on photographs", "estimated from renders"]

# An estimate that something is decided by must be careful about P0, the model's own PSNR, which is
# unknown without photographs. 3DGS's nine Mip-NeRF 360 scenes (Kerbl et al. 2023, per-scene table)
# have 25.25, 21.52, 27.41, 26.55, 22.49, 30.63, 28.70, 30.32, 31.98: variance 13.2 dB^2; the views
# of one scene scatter by about 2 dB more (a judgement, made with bonsai's true drops in sight). A
# small drop grows as 10^(P0/10), so its mean over all these P0 is the drop at one that is higher by
# ln(10)/20 * variance (mean of a log-normal).
SCENE_VARIANCE_DB2 = 13.2
VIEW_VARIANCE_DB2 = 4.0
REFERENCE_MARGIN_DB = math.log(10) / 20 * (SCENE_VARIANCE_DB2 + VIEW_VARIANCE_DB2)  # 1.98


class Renders(Protocol[Seen]):
    """Makes images of scenes, however they are kept."""

    def render(self, splats: Seen, camera: Camera, /) -> F32:  # (h, w, 3)
        """See `Renderer.render`."""


@dataclass(frozen=True)
class ViewQuality:
    """One view. PSNR in dB; None where there is no photograph, or SSIM was not asked for."""

    name: str
    psnr_renders: float  # compressed against original render; infinite when equal
    ssim_renders: float | None
    psnr_original_photo: float | None
    psnr_compressed_photo: float | None
    ssim_original_photo: float | None
    ssim_compressed_photo: float | None
    drop_db: float  # on this view, from the same source as the mean


@dataclass(frozen=True)
class Quality:
    """All views, and their means. `drop_db` is the drop; `drop_source` says where it is from."""

    views: tuple[ViewQuality, ...]
    drop_db: float
    drop_source: DropSource
    estimated_drop_db: float  # from renders, also where photographs gave the drop
    reference_psnr: float  # dB, the original's own quality that the estimate assumes
    psnr_renders: float  # mean over the views that differ; infinite when none does
    ssim_renders: float | None
    psnr_original_photo: float | None
    psnr_compressed_photo: float | None
    ssim_original_photo: float | None
    ssim_compressed_photo: float | None
    notes: tuple[str, ...] = ()  # what to know about the views, where no report says it

    @property
    def is_estimate(self) -> bool:
        """Nothing was compared with photographs."""
        return self.drop_source == "estimated from renders"

    def by_drop(self) -> tuple[ViewQuality, ...]:
        """Views from the worst to the best."""
        return tuple(sorted(self.views, key=lambda v: (-v.drop_db, v.psnr_renders, v.name)))


def drop_from_psnr(psnr_db: float, reference_psnr: float = DEFAULT_REFERENCE_PSNR) -> float:
    """The drop against photographs that a PSNR against the original renders stands for, in dB.

    Assumes that the compression error is independent of the model's own error, whose PSNR is
    `reference_psnr`: squared errors then add up.

    >>> round(drop_from_psnr(27.2 + 5.87), 2), drop_from_psnr(float("inf"))
    (1.0, 0.0)
    """
    return float(10 * math.log10(1 + 10 ** (-(psnr_db - reference_psnr) / 10)))


def psnr_from_drop(drop_db: float, reference_psnr: float = DEFAULT_REFERENCE_PSNR) -> float:
    """Inverse of `drop_from_psnr`; drops of 0 and less need equal images.

    >>> round(psnr_from_drop(0.1) - 27.2, 2)
    16.33
    """
    if drop_db <= 0:
        return math.inf
    return reference_psnr - 10 * math.log10(math.expm1(drop_db * math.log(10) / 10))


def measure_quality(
    original: Scene,
    compressed: Scene,
    cameras: Sequence[Camera],
    renderer: Renders[Scene],
    *,
    photographs: bool,
    reference_psnr: float = DEFAULT_REFERENCE_PSNR,
    with_ssim: bool = True,
    original_images: MutableMapping[str, F32] | None = None,
    progress: Progress = SILENT,
) -> Quality:
    """Renders both scenes from every camera and compares.

    Args:
        photographs: compare with `camera.image_path` too; every camera must have one.
        original_images: renders of the original by camera name; missing ones are added.

    Raises:
        SceneError: there are no cameras, a photograph is missing or of the wrong size, or a render
            holds NaN.
        FormatError: a photograph cannot be read.
    """
    if not cameras:
        raise SceneError("quality cannot be measured without a view", expected="cameras", found=0)
    cache = {} if original_images is None else original_images
    views = []
    with progress.stage("measure quality", len(cameras)) as advance:
        for camera in cameras:
            if camera.name not in cache:
                cache[camera.name] = renderer.render(original, camera)
            before, after = cache[camera.name], renderer.render(compressed, camera)
            photo = read_photograph(camera) if photographs else None
            views.append(compare_view(camera.name, before, after, photo, reference_psnr, with_ssim))
            if original_images is None:
                cache.clear()
            advance(1)
    return summarise(tuple(views), photographs, reference_psnr)


def read_photograph(camera: Camera) -> F32:  # (h, w, 3) in [0, 1]
    """The photograph of a camera; a larger one of its shape is scaled down to it.

    Raises:
        SceneError: there is none, or its size is not the camera's.
        FormatError: it cannot be read.
    """
    if camera.image_path is None:
        raise SceneError(f"camera {camera.name!r} has no photograph")
    photo = read_image(camera.image_path, (camera.width, camera.height))
    if photo.shape[:2] != (camera.height, camera.width):
        raise SceneError(
            f"the photograph of camera {camera.name!r} has the wrong size",
            path=camera.image_path,
            expected=f"{camera.width}x{camera.height}",
            found=f"{photo.shape[1]}x{photo.shape[0]}",
        )
    return photo


def compare_view(
    name: str,
    before: F32,  # (h, w, 3) original render
    after: F32,  # (h, w, 3) compressed render
    photo: F32 | None,  # (h, w, 3)
    reference_psnr: float,
    with_ssim: bool,
) -> ViewQuality:
    """One row of `Quality`.

    Raises:
        SceneError: sizes differ, or a render holds NaN.
    """
    renders = psnr(before, after)
    if math.isnan(renders):
        raise SceneError(f"the render of view {name!r} holds values that are not numbers")
    first = None if photo is None else psnr(photo, before)
    second = None if photo is None else psnr(photo, after)
    if first is None or second is None:
        drop = drop_from_psnr(renders, reference_psnr)
    else:
        drop = 0.0 if first == second else first - second
    use_photo = with_ssim and photo is not None
    return ViewQuality(
        name=name,
        psnr_renders=renders,
        ssim_renders=ssim(before, after) if with_ssim else None,
        psnr_original_photo=first,
        psnr_compressed_photo=second,
        ssim_original_photo=ssim(photo, before) if use_photo and photo is not None else None,
        ssim_compressed_photo=ssim(photo, after) if use_photo and photo is not None else None,
        drop_db=drop,
    )


def summarise(views: tuple[ViewQuality, ...], photographs: bool, reference_psnr: float) -> Quality:
    """Means over views. Both the drop and its estimate are means of the views' own.

    `psnr_renders` is the mean over the views that differ at all: equal views are infinitely good.
    """
    estimate = _mean([drop_from_psnr(v.psnr_renders, reference_psnr) for v in views]) or 0.0
    different = [v.psnr_renders for v in views if math.isfinite(v.psnr_renders)]
    renders = _mean(different)
    return Quality(
        views=views,
        drop_db=float(np.mean([v.drop_db for v in views])) if photographs else estimate,
        drop_source="measured on photographs" if photographs else "estimated from renders",
        estimated_drop_db=estimate,
        reference_psnr=reference_psnr,
        psnr_renders=math.inf if renders is None else renders,
        ssim_renders=_mean([v.ssim_renders for v in views]),
        psnr_original_photo=_mean([v.psnr_original_photo for v in views]),
        psnr_compressed_photo=_mean([v.psnr_compressed_photo for v in views]),
        ssim_original_photo=_mean([v.ssim_original_photo for v in views]),
        ssim_compressed_photo=_mean([v.ssim_compressed_photo for v in views]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
