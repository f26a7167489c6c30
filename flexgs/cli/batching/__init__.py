# SPDX-License-Identifier: Apache-2.0
"""Options of `flexgs batch`, and what it shows."""
