# SPDX-License-Identifier: Apache-2.0
"""Gaussians of an image <-> integers <-> bytes (docs/format.md, "The .fgi format")."""
