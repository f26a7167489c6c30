# SPDX-License-Identifier: Apache-2.0
"""A scene of our own, for machines without one: rendered photographs, Gaussians fitted to them."""

from flexgs.demo.make import DemoOptions, DemoScene, make_demo_scene

__all__ = ["DemoOptions", "DemoScene", "make_demo_scene"]
