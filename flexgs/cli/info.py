# SPDX-License-Identifier: Apache-2.0
"""flexgs info"""

from __future__ import annotations

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, show


@app.command()
def info(scene: args.Scene, as_json: args.AsJson = False, debug: args.Debug = False) -> None:
    """Show what is in SCENE, and how many bytes each attribute takes."""
    from flexgs.cli.common.tables import facts_table
    from flexgs.pipeline.facts import file_facts

    facts = file_facts(scene)
    if as_json:
        print_json(facts)
    else:
        show(facts_table(facts))
