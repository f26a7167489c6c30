# SPDX-License-Identifier: Apache-2.0
"""The context coder: its loss against its own model, the model's against the source, its speed.

    python benchmarks/entropy.py                # sources whose entropy is known
    python benchmarks/entropy.py --values 20000 # short streams: what learning costs

Every value sees three opinions: the last value's size, the one's before, and none. A decision is
one modelled bit of the binarisation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import (
    CODING,
    check_decoder,
    code_int,
    cost_int,
    finish_encoder,
    new_model,
    start_decoder,
    start_encoder,
)

LARGEST = 15  # sizes that opinions tell apart
CONTEXTS = 2 * (LARGEST + 1) + 1
RUNS = 5
UNARY = 14  # see docs/entropy-coder.md

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """Values, and the bits that the best code which knows the source would take."""

    name: str
    values: I64
    bits: float


def laplace_pmf(scale: float) -> tuple[I64, F64]:
    """Integers, and how likely the rounded Laplace law makes each."""
    reach = int(45 * scale) + 45
    edges = np.arange(-reach, reach + 2) - 0.5
    below = np.where(edges < 0, np.exp(edges / scale) / 2, 1 - np.exp(-np.abs(edges) / scale) / 2)
    share = np.diff(below)
    return np.arange(-reach, reach + 1), share / share.sum()


def entropy(share: F64) -> float:
    """Bits a value."""
    used = share[share > 0]
    return float(-(used * np.log2(used)).sum())


def sources(n: int) -> Iterator[Source]:
    """Laplace laws narrow to wide, a geometric one, rare ones, and scales that drift."""
    rng = np.random.default_rng(7)
    for scale in (0.25, 1.0, 5.0, 60.0):
        values, share = laplace_pmf(scale)
        yield Source(f"laplace {scale:g}", rng.choice(values, n, p=share), n * entropy(share))
    values = np.arange(2000)
    share = 0.2 * 0.8**values
    drawn = rng.choice(values, n, p=share / share.sum())
    yield Source("geometric 0.2", drawn, n * entropy(share))
    share = np.array([0.99, 0.01])
    yield Source("ones, 1 %", rng.choice(2, n, p=share), n * entropy(share))
    for name, period in (("drift, slow", 30_000), ("drift, fast", 1000)):
        levels = np.geomspace(0.2, 8, 40)
        level = (19.5 + 19.5 * np.sin(2 * np.pi * np.arange(n) / period)).astype(np.int64)
        pmfs = [laplace_pmf(scale) for scale in levels]
        drawn = np.zeros(n, dtype=np.int64)
        bits = 0.0
        for k, (values, share) in enumerate(pmfs):
            here = np.flatnonzero(level == k)
            drawn[here] = rng.choice(values, len(here), p=share)
            bits += len(here) * entropy(share)
        yield Source(name, drawn, bits)


@njit(**CODING)
def code_values(coder, data, slots, weights, values):
    """Codes or decodes `values` in place."""
    last, before = 0, 0
    for i in range(len(values)):
        b = LARGEST + 1 + before
        values[i] = code_int(coder, data, slots, weights, last, b, CONTEXTS - 1, 0, values[i])
        before, last = last, min(abs(values[i]), LARGEST)


@njit(**CODING)
def model_bits(coder, data, slots, weights, values):
    """The sum of -log2 of the probabilities that coding `values` uses, times 2^16."""
    last, before, total = 0, 0, 0
    for i in range(len(values)):
        v, b = values[i], LARGEST + 1 + before
        total += cost_int(slots, weights, last, b, CONTEXTS - 1, 0, v)
        code_int(coder, data, slots, weights, last, b, CONTEXTS - 1, 0, v)
        before, last = last, min(abs(v), LARGEST)
    return total


def decisions(values: I64) -> int:
    """How many decisions the values are, modelled and plain."""
    size = np.abs(values)
    exponent = np.frexp(np.maximum(size - UNARY + 1, 1).astype(np.float64))[1] - 1
    large = np.where(size >= UNARY, 2 * exponent + 1, 0)
    return int((1 + (size > 0) + np.minimum(size, UNARY - 1) + large).sum())


def measure(source: Source) -> str:
    """One row."""
    values, count = source.values, decisions(source.values)
    encode_s = decode_s = np.inf
    coder, data = start_encoder(4 * len(values) + 64)
    bits = model_bits(coder, data, *new_model(CONTEXTS, 1), values) / 65536
    for _ in range(RUNS):
        model, work = new_model(CONTEXTS, 1), values.copy()
        coder, data = start_encoder(4 * len(values) + 64)
        started = time.perf_counter()
        code_values(coder, data, *model, work)
        encode_s = min(encode_s, time.perf_counter() - started)
        payload = finish_encoder(coder, data)
        model, work = new_model(CONTEXTS, 1), np.zeros_like(values)
        coder, data = start_decoder(payload)
        started = time.perf_counter()
        code_values(coder, data, *model, work)
        decode_s = min(decode_s, time.perf_counter() - started)
        check_decoder(coder, data)
        if not np.array_equal(work, values):
            raise RuntimeError("the decoder gave other values")
    coded = 8 * len(payload)
    return (
        f"{source.name:14s} {coded / len(values):8.4f} {source.bits / len(values):8.4f}"
        f" {100 * (coded / bits - 1):+9.4f} {100 * (bits / source.bits - 1):+9.2f}"
        f" {count / len(values):10.2f} {1e9 * encode_s / count:8.1f} {1e9 * decode_s / count:8.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", type=int, default=200_000, help="values a source")
    n = parser.parse_args().values
    print(f"{n} values a source; bits a value, losses in %, ns a decision (best of {RUNS})")
    print(
        f"{'source':14s} {'coded':>8s} {'source':>8s} {'to model':>9s} {'to source':>9s}"
        f" {'decisions':>10s} {'encode':>8s} {'decode':>8s}"
    )
    for source in sources(n):
        print(measure(source), flush=True)


if __name__ == "__main__":
    main()
