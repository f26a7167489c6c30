# SPDX-License-Identifier: Apache-2.0
"""What is done to parts of a scene, and where."""
