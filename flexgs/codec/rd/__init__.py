# SPDX-License-Identifier: Apache-2.0
"""The `rd` profile: what a Gaussian's integers cost, and the kernels that code them."""
