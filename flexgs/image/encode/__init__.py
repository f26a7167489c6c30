# SPDX-License-Identifier: Apache-2.0
"""From a picture and a wish to the bytes of a `.fgi`."""

from flexgs.image.encode.options import EFFORTS, Effort, EncodeOptions
from flexgs.image.encode.plain import Encoded, encode_picture
from flexgs.image.encode.press import Pressed

__all__ = ["EFFORTS", "Effort", "EncodeOptions", "Encoded", "Pressed", "encode_picture"]
