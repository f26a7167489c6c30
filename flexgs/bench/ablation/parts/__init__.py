# SPDX-License-Identifier: Apache-2.0
"""What can be switched off, and what then stands in its place."""
