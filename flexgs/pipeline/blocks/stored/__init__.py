# SPDX-License-Identifier: Apache-2.0
"""A scene in files, of which a part at a time is in memory."""
