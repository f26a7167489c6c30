# SPDX-License-Identifier: Apache-2.0
"""Files of released versions decode for ever, to the same bits, and by the spec alone."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from flexgs.codec import decode_splats, describe, verify

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "v1"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")
LARGE = {"n65537", "two-chunks"}  # the spec decoder is slow on them
SEGMENT = sorted(name for name in MANIFEST if not name.startswith("rd-"))


def load_spec_decoder():
    path = Path(__file__).with_name("spec_decoder.py")
    spec = importlib.util.spec_from_file_location("spec_decoder", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_corpus_is_complete():
    on_disk = {path.stem for path in FOLDER.glob("*.fgs")}
    assert on_disk == set(MANIFEST)
    assert len(on_disk) >= 12


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_golden_decodes_to_the_same_bits(name):
    data = (FOLDER / f"{name}.fgs").read_bytes()
    expected = MANIFEST[name]
    assert hashlib.sha256(data).hexdigest() == expected["file"]
    splats = decode_splats(data)
    digest = hashlib.sha256()
    for field in FIELDS:
        digest.update(np.ascontiguousarray(getattr(splats, field), dtype="<f4").tobytes())
    assert digest.hexdigest() == expected["arrays"]
    assert (splats.n, splats.d, splats.degree, splats.model) == tuple(
        expected[key] for key in ("n", "d", "degree", "model")
    )


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_every_byte_has_an_owner(name):
    data = (FOLDER / f"{name}.fgs").read_bytes()
    info = verify(data)
    assert sum(info.bytes_by_attribute.values()) == info.total_bytes == len(data)
    assert info.metadata == {"golden": name}
    assert describe(memoryview(data)) == info
    assert info.profile == ("segment" if name in SEGMENT else "rd")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in SEGMENT],
)
def test_the_spec_alone_decodes_the_same(name):
    data = (FOLDER / f"{name}.fgs").read_bytes()
    splats = decode_splats(data)
    for field, array in zip(FIELDS, load_spec_decoder().decode(data), strict=True):
        np.testing.assert_array_equal(getattr(splats, field), array, err_msg=field)


def test_the_spec_decoder_shares_no_code():
    text = Path(__file__).with_name("spec_decoder.py").read_text()
    assert "from flexgs" not in text
    assert "import flexgs" not in text
