# SPDX-License-Identifier: Apache-2.0
"""`python -m flexgs` is `flexgs`."""

from flexgs.cli import main

if __name__ == "__main__":
    main()
