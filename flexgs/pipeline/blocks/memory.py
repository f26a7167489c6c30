# SPDX-License-Identifier: Apache-2.0
"""How much fits into a bound on memory: sizes of blocks, pieces and contexts, by measured bytes."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.errors import UsageError
from flexgs.options import CompressOptions

# Bytes, counted from what each stage holds, and rounded up; benchmarks/blocks.py measures peaks.
BASE = 320_000_000  # the interpreter, libraries and compiled kernels: 230 MB, and what they leave
ORDER = 44  # a Gaussian of the scene, while it is cut
KNOWN = 40  # a Gaussian of the scene, from then on: scores, order, what a part's views see of it
FLAT = 560  # a Gaussian in sight of one view of everything, while it is scored
REDUCED_TABLES = 9.0  # tables of a block's Gaussians while it is reduced: values, memory, copies
CONTEXT_TABLES = 3.5  # and of its context
PAIRS = 420  # tile lists and sums of a Gaussian that is rendered, in the worst of passes
PIECE = 5_200  # a Gaussian that is rounded: blocks in single and double, factors, symbols
PIECE_TABLES = 8.0
PIECE_CONTEXT = 1_000  # its block and sums, too, while parameters are weighed
PIXELS = 120  # a pixel of the largest view: images of several passes
BLOCK_SHARE = 0.55  # of the memory that is left, for the block; the rest is its context's
LEAST_ROWS = 4096  # of a block: smaller ones are mostly context


@dataclass(frozen=True)
class Sizes:
    """Numbers of Gaussians."""

    block: int  # at most, to be reduced at a time
    context: int  # at most, around a block
    piece: int  # at most, to be rounded at a time
    piece_context: int
    view: int  # at most, in sight of one view

    @property
    def sample(self) -> int:
        """Gaussians that stand for all where views are invented."""
        return self.context


UNBOUNDED = Sizes(*[1 << 40] * 5)


def table_bytes(coefficients: int) -> int:
    """Of one Gaussian in a table.

    >>> table_bytes(16)
    236
    """
    return 4 * (11 + 3 * coefficients)


def plan_sizes(bound: int | None, n: int, coefficients: int, pixels: int, photos: int) -> Sizes:
    """What fits.

    Args:
        bound: bytes that all processes may take together; None: no bound.
        n: Gaussians of the scene. pixels: of the largest view. photos: bytes of them to keep.

    Raises:
        UsageError: hardly anything does.
    """
    if bound is None:
        return UNBOUNDED
    row = table_bytes(coefficients)
    fixed = BASE + KNOWN * n + PIXELS * pixels + photos
    left = bound - fixed
    block = int(BLOCK_SHARE * left / (REDUCED_TABLES * row + PAIRS))
    piece = int(BLOCK_SHARE * left / (PIECE_TABLES * row + PIECE))
    least = fixed + LEAST_ROWS * (PIECE_TABLES * row + PIECE) / BLOCK_SHARE
    least = max(least, BASE + ORDER * n)
    if bound < least:
        raise UsageError(
            "--max-memory is too small for this scene",
            expected=f"at least {-(-int(least) // 10**7) * 10} MB",
            found=f"{bound / 1e6:.0f} MB",
            hint=f"{BASE / 1e6:.0f} MB are the program itself",
        )
    around = (1 - BLOCK_SHARE) * left
    return Sizes(
        block=block,
        context=int(around / (CONTEXT_TABLES * row + PAIRS)),
        piece=piece,
        piece_context=int(around / (CONTEXT_TABLES * row + PAIRS + PIECE_CONTEXT)),
        view=int(left / FLAT),
    )


def photo_cache(bound: int | None, most: int) -> int:
    """Bytes for photographs to be kept: a tenth of what is left over the program's own.

    >>> photo_cache(None, 100), photo_cache(BASE + 1000, 500)
    (100, 100)
    """
    return most if bound is None else max(0, min(most, (bound - BASE) // 10))


def jobs_that_fit(
    options: CompressOptions, rows: int, around: int, coefficients: int, rounding: bool = False
) -> int:
    """Processes at a time: as many as asked for and as fit into the bound beside this one."""
    bound = options.max_memory
    if bound is None or options.jobs == 1:
        return options.jobs
    row = table_bytes(coefficients)
    own = PIECE_TABLES * row + PIECE if rounding else REDUCED_TABLES * row + PAIRS
    other = CONTEXT_TABLES * row + PAIRS + (PIECE_CONTEXT if rounding else 0)
    return max(1, min(options.jobs, int((bound - BASE) // (BASE + rows * own + around * other))))
