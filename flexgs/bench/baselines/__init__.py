# SPDX-License-Identifier: Apache-2.0
"""Two published methods, written again from the descriptions in their papers, to compare with.

They are kept as their authors describe them, also where flexgs knows better; what a paper leaves
open is chosen for the method's benefit, and each package's docstring lists these choices. No code
of the authors is used, so these are re-implementations and every output of theirs says so.

    python -m flexgs.bench.baselines flexgaussian compress scene.ply -o small.npz --json
    python -m flexgs.bench.baselines mesongs decompress small.npz -o scene.ply
"""

from flexgs.bench.baselines.table import BASELINES

__all__ = ["BASELINES"]
