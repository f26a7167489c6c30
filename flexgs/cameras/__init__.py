# SPDX-License-Identifier: Apache-2.0
"""Cameras for scenes that come without any."""

from flexgs.cameras.invent import InventedCameras, invent_cameras

__all__ = ["InventedCameras", "invent_cameras"]
