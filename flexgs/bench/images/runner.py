# SPDX-License-Identifier: Apache-2.0
"""Images x rates as rows of a journal: what is there already is not measured again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from flexgs.batch import Row
from flexgs.batch.facts import file_digest, versions_that_matter
from flexgs.batch.journal import append_row, mend_journal, read_journal
from flexgs.bench.images.choices import ChoiceRow, measure_choices
from flexgs.bench.images.codecs import Curve
from flexgs.bench.images.quantisers import QuantiserRow
from flexgs.bench.images.rates import RateRow, measure_rate, other_curves
from flexgs.errors import UsageError
from flexgs.image.encode import EncodeOptions
from flexgs.image.pixels import Picture, read_picture
from flexgs.io.appending import results_folder

JOURNAL, LOCK = "images.jsonl", "images.lock"
Listener = Callable[[Row], None]
Work = Callable[["_Image"], Mapping[str, Any]]


@dataclass(frozen=True)
class ImageRows:
    """All that was measured, image by image."""

    rates: list[RateRow]
    choices: list[ChoiceRow]
    quantisers: list[QuantiserRow]


def images_folder(folder: Path, force: bool = False) -> AbstractContextManager[Path]:
    """Makes and locks the folder of a benchmark; errors as of `results_folder`."""
    return results_folder(folder, JOURNAL, LOCK, "benchmark", force)


def run_images(
    images: Sequence[Path],
    wishes: Mapping[float, EncodeOptions],
    folder: Path,
    *,
    choices: int | None = None,
    listener: Listener = lambda row: None,
) -> ImageRows:
    """Measures what the journal in `folder` lacks; the caller has locked it (`images_folder`).

    Args:
        wishes: options by their rate in bits a pixel.
        choices: Gaussians at which choices are compared, too, in the steps of the first wish.
        listener: hears of every row, measured or found.

    Raises:
        UsageError: two images of one name, a transparent one, or one that cannot be read.
        FormatError: no image, or not a journal.
    """
    names = [path.stem for path in images]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError("two images have one name in the tables", found=twice)
    known = read_journal(folder / JOURNAL)
    mend_journal(folder / JOURNAL)
    found = ImageRows([], [], [])

    def result(image: _Image, setting: str, asked: object, work: Work) -> Mapping[str, Any]:
        key = _key(image, asked)
        row = known.done((image.name, setting), key)
        if row is None:
            started = time.perf_counter()
            measured = work(image)
            seconds = round(time.perf_counter() - started, 3)
            row = Row(image.name, setting, key, seconds, result=measured)
            append_row(folder / JOURNAL, row)
        listener(row)
        return row.result or {}

    for path in images:
        image = _Image(path)
        for rate, options in wishes.items():
            asked = asdict(replace(options, threads=None))  # bytes do not depend on threads
            own = result(image, f"{rate:g} bpp", asked, partial(_rate, rate, options))
            found.rates.append(RateRow(**own))
        if choices is not None:
            first = next(iter(wishes.values()))
            steps = first.effort.steps
            work = partial(_choices, choices, steps, first.threads)
            own = result(image, "choices", [choices, steps], work)
            found.choices.extend(ChoiceRow(**row) for row in own["choices"])
            found.quantisers.extend(QuantiserRow(**row) for row in own["quantisers"])
    return found


class _Image:
    """Read when it is looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem

    @cached_property
    def digest(self) -> str:
        return file_digest(self.path)

    @cached_property
    def picture(self) -> Picture:
        return read_picture(self.path)

    @cached_property
    def curves(self) -> dict[str, Curve]:
        return other_curves(self.picture)


def _rate(rate: float, options: EncodeOptions, image: _Image) -> dict[str, Any]:
    return asdict(measure_rate(image.name, image.picture, rate, options, image.curves))


def _choices(count: int, steps: int, threads: int | None, image: _Image) -> dict[str, Any]:
    rows, quantisers = measure_choices(image.name, image.picture, count, steps, threads)
    return {"choices": [*map(asdict, rows)], "quantisers": [*map(asdict, quantisers)]}


def _key(image: _Image, asked: object) -> str:
    plain = [image.digest, asked, versions_that_matter()]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
