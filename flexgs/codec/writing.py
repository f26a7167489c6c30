# SPDX-License-Identifier: Apache-2.0
"""What the writers of all profiles share: compressed sections, metadata, padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flexgs import __version__
from flexgs.codec.kinds import METADATA, PADDING
from flexgs.container import RATIO_SLACK_BYTES, Section, dump_metadata
from flexgs.entropy import Effort, byte_codecs, compress
from flexgs.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class Packing:
    """How streams become payloads."""

    codec: str = "auto"
    level: int | None = None
    effort: Effort = "best"

    def section(self, kind: int, index: int, raw: bytes, tag: int = 0) -> Section:
        """A section with the payload that the codec makes of `raw`."""
        name, payload = compress(raw, self.codec, self.level, self.effort)
        return Section(kind, index, payload, len(raw), byte_codecs.get(name).code, tag)


def metadata_section(
    packing: Packing, metadata: Mapping[str, object] | None, **own: object
) -> Section:
    """Writer, notes of the caller, and what the profile adds."""
    values = {"flexgs": __version__, "notes": dict(metadata or {}), **own}
    return replace(packing.section(METADATA, 0, dump_metadata(values)), critical=False)


def pad(
    sections: Sequence[Section], decoded_bytes: int, limits: Limits = DEFAULT_LIMITS
) -> list[Section]:
    """Lengthens a file that expands beyond what readers allow (scenes of all equal Gaussians)."""
    raw = max(sum(section.raw_length for section in sections), decoded_bytes)
    stored = sum(len(section.payload) for section in sections)
    missing = -(-(raw - RATIO_SLACK_BYTES) // (limits.max_ratio - 1)) - stored
    if missing <= 0:
        return list(sections)
    return [*sections, Section(PADDING, 0, bytes(missing), missing, critical=False)]
