# SPDX-License-Identifier: Apache-2.0
"""Which SH coefficients a Gaussian keeps, and at which symbols: rate against exact error."""

from flexgs.codec.rd.sh_choice.choose import choose_sh

__all__ = ["choose_sh"]
