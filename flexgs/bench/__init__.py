# SPDX-License-Identifier: Apache-2.0
"""Benchmarks against the field: peers and baselines, measured the same way as flexgs itself."""
