# SPDX-License-Identifier: Apache-2.0
"""python -m flexgs.bench.baselines NAME compress|decompress: see --help."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from flexgs.bench.baselines.model import Baseline
from flexgs.bench.baselines.run import compress, decompress
from flexgs.bench.baselines.table import BASELINES
from flexgs.errors import FlexgsError, SearchError
from flexgs.options import CompressOptions, parse_source
from flexgs.progress import SILENT, Advance

INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class StderrProgress:
    """A line on stderr when a stage ends."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """See `flexgs.progress.Progress`."""
        started = time.monotonic()
        yield lambda _: None
        print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)


def make_parser() -> argparse.ArgumentParser:
    """NAME, then compress or decompress, with option names as `flexgs compress` has them."""
    parser = argparse.ArgumentParser(
        prog="python -m flexgs.bench.baselines",
        description="Published methods, re-implemented from their papers, as baselines.",
    )
    names = parser.add_subparsers(dest="baseline", required=True, metavar="NAME")
    for name in BASELINES:
        baseline = BASELINES.get(name)
        own = names.add_parser(name, help=baseline.source, description=baseline.source)
        commands = own.add_subparsers(dest="command", required=True, metavar="COMMAND")
        _add_compress(commands.add_parser("compress", help="a scene to a file"), baseline)
        _add_decompress(commands.add_parser("decompress", help="a file to a .ply"))
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--force", action="store_true", help="overwrite what exists")
    parser.add_argument("--json", action="store_true", help="machine-readable result")


def _add_compress(parser: argparse.ArgumentParser, baseline: Baseline) -> None:
    parser.add_argument("scene", type=Path, help="a scene of any format")
    _add_common(parser)
    parser.add_argument("--target-psnr-drop", type=float, metavar="DB", help="1.0 by default")
    parser.add_argument("--pruning-rate", type=float, metavar="0..1", help="share to remove")
    parser.add_argument("--best-effort", action="store_true", help="write the nearest on a miss")
    parser.add_argument("--cameras", metavar="PATH|none")
    parser.add_argument("--images", metavar="FOLDER|none")
    parser.add_argument("--max-side", type=int, metavar="PIXELS")
    parser.add_argument("--reference-psnr", type=float, metavar="DB")
    parser.add_argument("--drop-invalid", action="store_true", help="leave out rows with NaN")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, metavar="N", help="all cores by default")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    baseline.add_options(parser)


def _add_decompress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what compress wrote")
    _add_common(parser)


def options_of(chosen: argparse.Namespace) -> CompressOptions:
    """What all baselines share, checked.

    Raises:
        UsageError: a value is out of range.
    """
    return CompressOptions(
        target_psnr_drop=chosen.target_psnr_drop,
        pruning_rate=chosen.pruning_rate,
        sh_rate=getattr(chosen, "sh_rate", None),
        cameras=parse_source(chosen.cameras),
        images=parse_source(chosen.images),
        max_side=chosen.max_side,
        reference_psnr=chosen.reference_psnr,
        best_effort=chosen.best_effort,
        device=chosen.device,
        threads=chosen.threads,
        drop_invalid=chosen.drop_invalid,
        force=chosen.force,
    )


def _show(facts: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if name not in ("trials", "notes"):
            print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")


def run(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: as `flexgs compress`, 4 when the target is missed."""
    chosen = make_parser().parse_args(arguments)
    baseline = BASELINES.get(chosen.baseline)
    try:
        if chosen.command == "decompress":
            _show(decompress(baseline, chosen.file, chosen.output, force=chosen.force), chosen.json)
            return 0
        progress = SILENT if chosen.quiet else StderrProgress()
        request = (chosen.scene, chosen.output, options_of(chosen), chosen)
        facts = compress(baseline, *request, progress)
        _show(facts, chosen.json)
    except FlexgsError as error:
        print(f"{baseline.name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; no file is left half-written", file=sys.stderr)
        return INTERRUPTED
    if not facts["met"]:
        print(f"{baseline.name}: the target is not met; this is the nearest", file=sys.stderr)
        return SearchError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run())
