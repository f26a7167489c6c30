# SPDX-License-Identifier: Apache-2.0
"""The same picture by torch: for CUDA, where it need not leave the device, and for autograd.

All tiles of a batch are drawn at once, their lists of Gaussians padded to the longest.
"""

from __future__ import annotations

import math

import torch

from flexgs.image.model import ImageSplats
from flexgs.image.render import TILE, Crop, checked_crop, zoomed

CUT = 4.5  # as flexgs/image/kernels/common.py has it
ALPHA_MAX = 0.999
BATCH_VALUES = 1 << 26  # weights computed at a time: 256 MB


def render_torch(
    splats: ImageSplats,
    crop: Crop | None = None,
    zoom: float = 1.0,
    device: str = "cuda",
) -> torch.Tensor:
    """(h, w, channels) f32 on `device`, within 1e-4 of `flexgs.image.render.render`.

    Raises:
        UsageError: as `render`.
    """
    splats = zoomed(splats, zoom)
    values = (splats.means, splats.cholesky, splats.colors)
    means, cholesky, colors = (torch.tensor(array, device=device) for array in values)
    opacities = None
    if splats.opacities is not None:
        opacities = torch.tensor(splats.opacities, device=device)
    crop = checked_crop(splats, crop)
    return draw(means, cholesky, colors, opacities, crop)


def draw(
    means: torch.Tensor,  # (n, 2)
    cholesky: torch.Tensor,  # (n, 3)
    colors: torch.Tensor,  # (n, channels)
    opacities: torch.Tensor | None,  # (n,)
    crop: Crop,
) -> torch.Tensor:  # (h, w, channels)
    """The picture of Gaussians that lie on a device already; differentiable."""
    x0, y0, x1, y1 = crop
    left, top, right, bottom = x0 // TILE, y0 // TILE, -(-x1 // TILE), -(-y1 // TILE)
    columns, rows = right - left, bottom - top
    with torch.no_grad():
        tiles, members = pairs_of(means, cholesky, (left, top, right, bottom))
        counts = torch.bincount(tiles, minlength=rows * columns)
        starts = torch.cumsum(counts, 0) - counts
    most = max(1, int(counts.max()))
    step = max(1, BATCH_VALUES // (most * TILE * TILE))
    parts = []
    for first in range(0, rows * columns, step):
        ids = torch.arange(first, min(first + step, rows * columns), device=means.device)
        lanes = torch.arange(most, device=means.device)
        valid = lanes < counts[ids, None]
        if len(members) == 0:
            parts.append(colors.new_zeros(len(ids), TILE * TILE, colors.shape[1]))
            continue
        listed = members[(starts[ids, None] + lanes).clamp(max=len(members) - 1)]
        weights = weights_at(means[listed], cholesky[listed], ids, (left, top, columns))
        weights = weights * valid[:, None, :]
        if opacities is not None:
            alpha = (weights * opacities[listed][:, None, :]).clamp(max=ALPHA_MAX)
            through = torch.cumprod(1 - alpha, dim=2)
            weights = alpha * torch.cat([torch.ones_like(through[..., :1]), through[..., :-1]], 2)
        parts.append(weights @ colors[listed])
    picture = torch.cat(parts).reshape(rows, columns, TILE, TILE, -1).transpose(1, 2)
    picture = picture.reshape(rows * TILE, columns * TILE, -1)
    return picture[y0 - top * TILE : y1 - top * TILE, x0 - left * TILE : x1 - left * TILE]


def weights_at(
    means: torch.Tensor,  # (tiles, k, 2)
    cholesky: torch.Tensor,  # (tiles, k, 3)
    ids: torch.Tensor,  # (tiles,) numbers of tiles within the window
    window: tuple[int, int, int],  # left, top, columns in tiles
) -> torch.Tensor:  # (tiles, 256, k)
    """max(0, exp(-s) - exp(-CUT)) at the centres of each tile's pixels."""
    left, top, columns = window
    pixel = torch.arange(TILE * TILE, device=means.device)
    x = ((left + ids % columns) * TILE)[:, None] + pixel % TILE + 0.5
    y = ((top + ids // columns) * TILE)[:, None] + pixel // TILE + 0.5
    l11, l21, l22 = (cholesky[:, None, :, i] for i in range(3))
    z1 = (x[:, :, None] - means[:, None, :, 0]) / l11
    z2 = (y[:, :, None] - means[:, None, :, 1] - l21 * z1) / l22
    s = 0.5 * (z1 * z1 + z2 * z2)
    return (torch.exp(-s) - math.exp(-CUT)).clamp(min=0)


def pairs_of(
    means: torch.Tensor,  # (n, 2)
    cholesky: torch.Tensor,  # (n, 3)
    window: tuple[int, int, int, int],  # left, top, right, bottom in tiles
) -> tuple[torch.Tensor, torch.Tensor]:
    """(pairs,) tiles, ascending, and (pairs,) Gaussians in stored order within each tile.

    By bounding boxes; more pairs than the kernels', and the same picture.
    """
    left, top, right, bottom = window
    reach = (2 * CUT) ** 0.5
    half_x = reach * cholesky[:, 0]
    half_y = reach * (cholesky[:, 1] ** 2 + cholesky[:, 2] ** 2).sqrt()
    first_x = ((means[:, 0] - half_x) / TILE).floor().long().clamp(left, right)
    first_y = ((means[:, 1] - half_y) / TILE).floor().long().clamp(top, bottom)
    wide = ((means[:, 0] + half_x) / TILE).floor().long().add(1).clamp(left, right) - first_x
    high = ((means[:, 1] + half_y) / TILE).floor().long().add(1).clamp(top, bottom) - first_y
    count = wide.clamp(min=0) * high.clamp(min=0)
    members = torch.repeat_interleave(torch.arange(len(means), device=means.device), count)
    local = torch.arange(len(members), device=means.device)
    local = local - (torch.cumsum(count, 0) - count)[members]
    column = first_x[members] - left + local % wide[members].clamp(min=1)
    row = first_y[members] - top + local // wide[members].clamp(min=1)
    tiles, order = torch.sort(row * (right - left) + column, stable=True)
    return tiles, members[order]
