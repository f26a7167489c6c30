# SPDX-License-Identifier: Apache-2.0
"""What batches and blocks need alike to work in processes of their own and on clusters."""
