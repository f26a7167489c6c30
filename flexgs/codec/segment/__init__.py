# SPDX-License-Identifier: Apache-2.0
"""The `segment` profile: affine symbols of fixed widths, byte codecs, numpy only."""
