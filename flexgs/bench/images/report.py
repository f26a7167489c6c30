# SPDX-License-Identifier: Apache-2.0
"""Tables, CSV, JSON and a plot of the benchmark of images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from flexgs.bench.images.choices import ChoiceRow
from flexgs.bench.images.codecs import CODECS
from flexgs.bench.images.quantisers import COMPARED_BITS, QuantiserRow
from flexgs.bench.images.rates import RateRow

COLOURS = {
    ".fgi": "#0072b2",
    "JPEG": "#d55e00",
    "JPEG 2000": "#009e73",
    "WebP": "#b8860b",
    "AVIF": "#7a5195",
}
INK = "#1c2024"


def report_files(
    rates: Sequence[RateRow],
    choices: Sequence[ChoiceRow],
    quantisers: Sequence[QuantiserRow],
    facts: dict[str, Any],
) -> dict[str, bytes]:
    """Every file of a report by its name.

    Args:
        facts: what was asked for and on what machine; goes into the JSON and under the tables.
    """
    whole = {
        "facts": facts,
        "rates": [asdict(row) for row in rates],
        "choices": [asdict(row) for row in choices],
        "quantisers": [asdict(row) for row in quantisers],
    }
    tables = [*_rate_table(rates), *_choice_table(choices), *_quantiser_table(quantisers)]
    text = "\n".join([*tables, *_facts(facts), ""])
    files = {
        "images.json": json.dumps(whole, indent=1).encode(),
        "images.md": text.encode(),
        "rates.csv": _csv([_flat(row) for row in rates]),
        "rates.svg": _plot(rates),
    }
    if choices:
        files["choices.csv"] = _csv([asdict(row) for row in choices])
    return files


def _flat(row: RateRow) -> dict[str, Any]:
    values = asdict(row)
    others = values.pop("others")
    return {**values, **others}


def _csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _mean(values: Iterable[float | None]) -> float | None:
    """None unless all are known: means over different images cannot be compared."""
    known = list(values)
    if not known or any(value is None for value in known):
        return None
    return float(np.mean([value for value in known if value is not None]))


def _beside(name: str, group: Sequence[RateRow]) -> str:
    """A codec's mean; where it misses some images also ours over those that it has."""
    found = {row.image: value for row in group if (value := row.others.get(name)) is not None}
    if not 0 < len(found) < len(group):
        return _text(_mean(found.values()))
    ours = _mean(row.psnr for row in group if row.image in found)
    return f"{_text(_mean(found.values()))} ({len(found)}: {_text(ours)})"


def _by_rate(rows: Sequence[RateRow]) -> list[tuple[float, list[RateRow]]]:
    return [
        (rate, [row for row in rows if row.rate == rate])
        for rate in sorted({row.rate for row in rows})
    ]


def _text(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _rate_table(rows: Sequence[RateRow]) -> list[str]:
    names = " | ".join(CODECS)
    images = len({row.image for row in rows})
    lines = [
        f"Images: {images}. Means of PSNR in dB of complete files, at the same bytes. Where a "
        "codec cannot make all so small: in brackets of how many, and .fgi's of those.",
        "",
        f"| bpp | bytes | Gaussians | bits each | .fgi | {names} | encode, s | decode, ms |",
        "|---" * (7 + len(CODECS)) + "|",
    ]
    for _, group in _by_rate(rows):
        others = [_beside(name, group) for name in CODECS]
        cells = [
            _text(_mean(row.bpp for row in group), 4),
            _text(_mean(row.size_bytes for row in group), 0),
            _text(_mean(row.count for row in group), 0),
            _text(_mean(8 * row.size_bytes / max(row.count, 1) for row in group), 1),
            _text(_mean(row.psnr for row in group)),
            *others,
            _text(_mean(row.encode_s for row in group), 1),
            _text(_mean(1000 * row.decode_s for row in group), 1),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _choice_table(rows: Sequence[ChoiceRow]) -> list[str]:
    if not rows:
        return []
    lines = [
        "One choice of the fit changed at a time; means over images. Of files: complete ones.",
        "",
        "| of | choice | PSNR, dB | gain, dB | bytes | s |",
        "|---|---|---|---|---|---|",
    ]
    for group, choice in dict.fromkeys((row.group, row.choice) for row in rows):
        own = [row for row in rows if (row.group, row.choice) == (group, choice)]
        cells = [
            group,
            choice,
            _text(_mean(row.psnr for row in own)),
            f"{_mean(row.gain for row in own):+.2f}",
            _text(_mean(row.size_bytes for row in own), 0),
            _text(_mean(row.seconds for row in own), 1),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _quantiser_table(rows: Sequence[QuantiserRow]) -> list[str]:
    if not rows:
        return []
    lines = [
        "The default's Gaussians stored in other ways, without training and without sweeps; means "
        "over images.",
        "",
        f"| way | bits each: dB | loss at {COMPARED_BITS:g} bits, dB |",
        "|---|---|---|",
    ]
    for way in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == way]
        bits, psnr = np.mean([row.bits for row in own], 0), np.mean([row.psnr for row in own], 0)
        points = ", ".join(f"{b:.1f}: {q:.2f}" for b, q in zip(bits, psnr, strict=True))
        lines.append(f"| {way} | {points} | {_text(_mean(row.loss for row in own))} |")
    return [*lines, ""]


def _facts(facts: dict[str, Any]) -> list[str]:
    return [f"- {name.replace('_', ' ')}: {value}" for name, value in facts.items()]


def _plot(rows: Sequence[RateRow]) -> bytes:
    """PSNR over bits a pixel, as SVG."""
    from matplotlib.figure import Figure

    from flexgs.report.drawing import plot_style

    stream = io.BytesIO()
    with plot_style("images", INK):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(alpha=0.25, linewidth=0.6)
        for name, colour in COLOURS.items():
            _draw(axes, rows, name, colour)
        axes.set_xlabel("bits a pixel")
        axes.set_ylabel("PSNR, dB")
        axes.legend()
        figure.savefig(stream, format="svg", metadata={"Date": None}, facecolor="white")
    return stream.getvalue()


def _draw(axes: Any, rows: Sequence[RateRow], name: str, colour: str) -> None:
    points = []
    for _, group in _by_rate(rows):
        values = [row.psnr if name == ".fgi" else row.others.get(name) for row in group]
        bpp, psnr = _mean(row.bpp for row in group), _mean(values)
        if bpp is not None and psnr is not None:
            points.append((bpp, psnr))
    if points:
        own = name == ".fgi"
        style = {"marker": "o", "linewidth": 2.0 if own else 1.2, "linestyle": "-" if own else "--"}
        axes.plot(*zip(*points, strict=True), color=colour, label=name, **style)
