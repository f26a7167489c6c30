# SPDX-License-Identifier: Apache-2.0
"""MesonGS (Xie et al., ECCV 2024, arXiv 2409.09756) without fine-tuning: a re-implementation.

Written from descriptions of the paper and of its published artefact; no line of its code is used.
What it does, and stays as published:

- Importance I_d I_i: the sum of alpha T over pixels and scoring views, times (V / V90)^beta with V
  the volume and V90 that at 90 % of the descending order. The least important are pruned.
- Voxels: a linear grid of 2^depth cells an axis over the bounding box; Gaussians of one cell are
  averaged, attribute by attribute. The octree of the occupied cells is the geometry.
- Quaternions become three Euler angles; opacity logit, angles and base colour go through RAHT
  (region-adaptive hierarchical transform) with every leaf weighing 1.
- RAHT's coefficients but the root's, and log scales (not transformed), are quantised to 8 bits with
  a min-max range per channel for each of 66 consecutive blocks.
- SH beyond the base colour: one codebook, fitted by k-means with importances as weights.
- The file: an `.npz` with zip's DEFLATE.

The paper has no search: its pruning share and beta are set by hand per scene. Here the share is
found by bisection on the search views, and beta is 0.1, the paper's value indoors. Also open, or
chosen for the method's benefit:

- The octree is stored as one byte of occupied children a node, breadth first. DEFLATE makes that
  1.38 MB for all of bonsai at depth 20; the artefact's sorted cell numbers are 1.94 MB.
- Coefficients are ordered from the root's level to the leaves' (blocks of alike spread); arrays lie
  channel by channel. Ranges are float32, the codebook is float16.
- k-means: Lloyd's steps from a tree of splits, as flexgs's SOG has it, instead of moving averages
  over thousands of random batches: the same weighted error is minimised, deterministically.
- Depth and codebook size are options. Of the paper's 19 to 20 the default is 19, which is 2.5 %
  smaller on bonsai. Of codebooks of 2048, 4096 and 8192 that with the smallest file is taken: on
  bonsai 2048 are better at 1 dB, 4096 at 0.5 dB.
"""

from flexgs.bench.baselines.mesongs.method import MESONGS

__all__ = ["MESONGS"]
