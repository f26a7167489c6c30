# SPDX-License-Identifier: Apache-2.0
"""Compiled loops over tiles of 16x16 pixels."""
