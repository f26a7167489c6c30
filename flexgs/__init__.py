# SPDX-License-Identifier: Apache-2.0
"""flexgs: trained 3D Gaussian Splatting scenes, made small to a quality you name."""

__version__ = "0.1.0"
