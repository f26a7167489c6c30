# SPDX-License-Identifier: Apache-2.0
"""How many Gaussians, and where: counts, densities, and L-BFGS on what a fit starts with."""
