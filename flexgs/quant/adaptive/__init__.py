# SPDX-License-Identifier: Apache-2.0
"""Quantisation of the `rd` profile: steps that follow the Fisher information."""
