# SPDX-License-Identifier: Apache-2.0
"""Scene formats of other tools, one file (or folder) each."""
