# SPDX-License-Identifier: Apache-2.0
"""flexgs bench: its options, and what it shows."""
