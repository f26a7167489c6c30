# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of images: rate and distortion beside other codecs, and the choices of a fit."""

from flexgs.bench.images.choices import CHOICES, ChoiceRow, measure_choices
from flexgs.bench.images.codecs import CODECS
from flexgs.bench.images.quantisers import QuantiserRow
from flexgs.bench.images.rates import RATES, RateRow, measure_rate
from flexgs.bench.images.report import report_files
from flexgs.bench.images.runner import images_folder, run_images

__all__ = [
    "CHOICES",
    "CODECS",
    "RATES",
    "ChoiceRow",
    "QuantiserRow",
    "RateRow",
    "images_folder",
    "measure_choices",
    "measure_rate",
    "report_files",
    "run_images",
]
