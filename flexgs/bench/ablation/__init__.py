# SPDX-License-Identifier: Apache-2.0
"""What each part of flexgs brings: switched off alone, bytes at an equal drop."""
