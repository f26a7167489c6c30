# SPDX-License-Identifier: Apache-2.0
"""flexgs image bench"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.output import print_json, say
from flexgs.cli.image.app import image_app

if TYPE_CHECKING:
    from flexgs.batch import Row


@image_app.command()
def bench(
    images: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="PNG, JPEG or WebP.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", show_default=False)],
    rate: Annotated[
        list[float] | None,
        typer.Option(metavar="BPP", help="Bits a pixel; again for more.", show_default="three"),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="How much work: fast, balanced, high, ultra.")
    ] = "balanced",
    steps: Annotated[
        int | None, typer.Option(help="Of each fit.", show_default="by the preset")
    ] = None,
    choices: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="COUNT", help="Compare what can be chosen, too, at so many Gaussians."
        ),
    ] = None,
    force: args.Force = False,
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Rate and distortion of .fgi files beside JPEG, JPEG 2000, WebP and AVIF at the same bytes.

    Called again it goes on where it was stopped.
    """
    from flexgs.bench.images import RATES, images_folder, report_files, run_images
    from flexgs.bench.machine import describe_machine
    from flexgs.image.encode import EncodeOptions
    from flexgs.io.files import atomic_write

    wishes = {
        each: EncodeOptions(
            target_bpp=each,
            preset=preset,  # type: ignore[arg-type]  # checked there
            steps=steps,
            best_effort=True,
            threads=threads,
        )
        for each in rate or RATES
    }

    def tell(row: Row) -> None:
        psnr = (row.result or {}).get("psnr")
        what = "" if psnr is None else f": {psnr:.2f} dB"
        say(f"{row.scene}, {row.setting}{what}", quiet=quiet)

    with images_folder(output, force):
        rows = run_images(images, wishes, output, choices=choices, listener=tell)
        effort = next(iter(wishes.values())).effort
        facts = {"preset": preset, "steps": effort.steps, **describe_machine()}
        files = report_files(rows.rates, rows.choices, rows.quantisers, facts)
        for name, data in files.items():
            with atomic_write(output / name) as file:
                file.write(data)
    if as_json:
        print_json({"files": sorted(files), "images": len(images)})
    say(files["images.md"].decode(), quiet=quiet)
