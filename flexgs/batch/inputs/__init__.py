# SPDX-License-Identifier: Apache-2.0
"""Which scenes, at which settings: out of names, folders, manifests and lists of targets."""

from flexgs.batch.inputs.layouts import find_scenes
from flexgs.batch.inputs.manifest import read_manifest
from flexgs.batch.inputs.settings import make_setting, make_settings, options_to_plain

__all__ = ["find_scenes", "make_setting", "make_settings", "options_to_plain", "read_manifest"]
