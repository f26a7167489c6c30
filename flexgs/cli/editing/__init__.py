# SPDX-License-Identifier: Apache-2.0
"""Commands that look into scenes, put them together, cut and move them."""
