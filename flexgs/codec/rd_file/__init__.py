# SPDX-License-Identifier: Apache-2.0
"""The `rd` profile as sections of a file."""
