# SPDX-License-Identifier: Apache-2.0
"""flexgs verify"""

from __future__ import annotations

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, say
from flexgs.cli.common.streams import scene_input


@app.command()
def verify(
    scene: args.SceneOrStream,
    origin: args.Origin = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Read all of SCENE and check it: lengths, checksums, ranges. Exit code 3 when it is bad."""
    from flexgs.pipeline.facts import verify_file

    with scene_input(scene, origin) as source:
        facts = verify_file(source)
    if as_json:
        print_json({"sound": True, **facts.summary()})
    say(f"{scene}: sound, {facts.gaussians:,} Gaussians, {facts.size_bytes:,} bytes", quiet=quiet)
