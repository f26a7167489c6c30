# SPDX-License-Identifier: Apache-2.0
"""flexgs image encode"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import INTERRUPTED
from flexgs.cli.common.output import print_json, say
from flexgs.cli.image.app import image_app
from flexgs.options import parse_size

if TYPE_CHECKING:
    from flexgs.image.files import EncodedFile


@image_app.command()
def encode(
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="PNG, JPEG or WebP.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.fgi", show_default=False)],
    target_psnr: Annotated[
        float | None,
        typer.Option(metavar="DB", help="The smallest file of this quality.", show_default="30"),
    ] = None,
    target_bpp: Annotated[
        float | None, typer.Option(metavar="BITS", help="The best file of so many bits a pixel.")
    ] = None,
    target_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="The best file of this size: 20kB, 3000.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", metavar="COUNT", help="At most so many Gaussians."),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="How much work: fast, balanced, high, ultra.")
    ] = "balanced",
    steps: Annotated[
        int | None, typer.Option(help="Of the fit.", show_default="by the preset")
    ] = None,
    float_training: Annotated[
        bool, typer.Option("--float-training", help="Fit without rounding in the loop.")
    ] = False,
    tile: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Squares that crops can be read from alone."),
    ] = None,
    levels: Annotated[
        int,
        typer.Option(min=1, max=8, help="Coarse to fine, each twice as wide as the one before it."),
    ] = 1,
    best_effort: Annotated[
        bool, typer.Option("--best-effort", help="Keep what was found if the target is missed.")
    ] = False,
    metrics_csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Every fit and every file on the way.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first Gaussians.")] = 0,
    force: args.Force = False,
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Write PICTURE as a set of 2D Gaussians. Ctrl-C ends it with the best so far."""
    from flexgs.cli.image.showing import listening
    from flexgs.image.encode.options import EncodeOptions
    from flexgs.image.files import encode_file

    options = EncodeOptions(
        target_psnr=target_psnr,
        target_bpp=target_bpp,
        target_size=None if target_size is None else parse_size(target_size),
        count=count,
        preset=preset,  # type: ignore[arg-type]  # checked there
        steps=steps,
        quantise_training=not float_training,
        best_effort=best_effort,
        tile=tile,
        seed=seed,
        threads=threads,
    )
    with listening(quiet=quiet) as (report, stop):
        done = encode_file(
            picture,
            output,
            options,
            levels=levels,
            force=force,
            metrics_csv=metrics_csv,
            report=report,
            stop=stop,
        )
    if as_json:
        print_json(done.facts())
    _say(done, output, quiet)
    if stop():
        say("interrupted; the file holds the best so far", quiet=quiet)
        raise typer.Exit(INTERRUPTED)


def _say(done: EncodedFile, output: Path, quiet: bool) -> None:
    say(
        f"{output}: {done.psnr:.2f} dB, {done.size_bytes:,} bytes, {done.bpp:.4f} bits a pixel, "
        f"{done.count:,} Gaussians of {done.bits_each:.1f} bits, {done.seconds:.1f} s",
        quiet=quiet,
    )
    for k, level in enumerate(done.levels):
        say(
            f"  level {k + 1}: {level.width}x{level.height}, {level.psnr:.2f} dB, "
            f"{level.count:,} Gaussians, the first {level.ends_at:,} bytes",
            quiet=quiet,
        )
    if not done.reached:
        say("the target was not reached", quiet=quiet)
