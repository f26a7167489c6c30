# SPDX-License-Identifier: Apache-2.0
"""Sections of the `rd` profile -> Splats."""

from __future__ import annotations

import numpy as np

from flexgs.codec.opening import open_container
from flexgs.codec.rd_file.chunks import ChunkSymbols, read_chunk
from flexgs.codec.rd_file.head import RdHead
from flexgs.codec.rd_file.sections import open_rd
from flexgs.codec.threads import run_chunks
from flexgs.container import Container
from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.limits import DEFAULT_LIMITS, Limits
from flexgs.quant.adaptive.colour_values import dequantise_colours


def decode_rd(container: Container, payload: bytes, limits: Limits, threads: int | None) -> Splats:
    """All Gaussians, in the order of the file; `payload` is that of HEAD.

    Raises:
        FormatError: the sections are not sound.
    """
    head = open_rd(container, payload, limits)
    n, bounds = head.n, head.bounds.tolist()
    means = np.empty((n, 3), np.float32)
    log_scales = np.empty((n, 3), np.float32)
    quats = np.empty((n, 4), np.float32)
    opacity_logits = np.empty(n, np.float32)
    sh = np.empty((n, SH_COEFFICIENTS[head.degree], 3), np.float32)

    def run(index: int) -> None:
        rows = slice(bounds[index], bounds[index + 1])
        symbols, values = read_chunk(container, head, index)
        means[rows] = values.means
        log_scales[rows] = values.log_scales
        quats[rows] = values.quats
        opacity_logits[rows] = values.opacity_logits
        dequantise_colours(head.colours, symbols.colours, values.features, sh[rows])

    run_chunks(run, head.chunks, threads)
    return Splats(means, log_scales, quats, opacity_logits, sh, head.model)


def decode_rd_chunk(container: Container, head: RdHead, index: int) -> Splats:
    """The Gaussians of one chunk.

    Raises:
        FormatError: a stream is not sound.
    """
    symbols, values = read_chunk(container, head, index)
    return Splats(
        values.means,
        values.log_scales,
        values.quats,
        values.opacity_logits,
        dequantise_colours(head.colours, symbols.colours, values.features),
        head.model,
    )


def read_rd_symbols(
    data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS, *, threads: int | None = None
) -> tuple[RdHead, list[ChunkSymbols]]:
    """The integers of all chunks, before dequantisation."""
    container, payload = open_container(data, limits)
    head = open_rd(container, payload, limits)
    return head, run_chunks(
        lambda index: read_chunk(container, head, index)[0], head.chunks, threads
    )
