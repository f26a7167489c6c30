# SPDX-License-Identifier: Apache-2.0
"""flexgs info"""

from __future__ import annotations

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, show
from flexgs.cli.common.streams import scene_input


@app.command()
def info(
    scene: args.SceneOrStream,
    origin: args.Origin = None,
    as_json: args.AsJson = False,
    debug: args.Debug = False,
) -> None:
    """Show what the file of SCENE is made of: bytes by attribute, metadata.

    `flexgs inspect` looks at the values: what is odd or wrong about them.
    """
    from flexgs.cli.common.tables import facts_table
    from flexgs.pipeline.facts import file_facts

    with scene_input(scene, origin) as source:
        facts = file_facts(source)
    if as_json:
        print_json(facts)
    else:
        show(facts_table(facts))
