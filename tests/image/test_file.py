# SPDX-License-Identifier: Apache-2.0
"""`.fgi` files: small frames, damage found, crops that read a part, goldens that stay."""

from __future__ import annotations

import hashlib
import json
import random
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported, UsageError
from flexgs.image.coding.stream import canonical, encode_stream
from flexgs.image.coding.symbols import dequantise, quantise
from flexgs.image.file import decode_image, open_fgi, pack_image
from flexgs.image.file.head import Tiling, write_varint
from flexgs.image.pyramid import decode_pyramid
from flexgs.image.render import render
from tests.image.coding.test_symbols import plan_of, random_splats

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "image"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
NAMES = sorted(MANIFEST)


def golden(name):
    return (FOLDER / f"{name}.fgi").read_bytes()


def arrays_of(splats):
    digest = hashlib.sha256()
    for name in ("means", "cholesky", "colors"):
        digest.update(np.ascontiguousarray(getattr(splats, name), dtype="<f4").tobytes())
    return digest.hexdigest()


def test_the_corpus_is_complete():
    assert {path.stem for path in FOLDER.glob("*.fgi")} == set(MANIFEST)
    assert len(MANIFEST) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_goldens_decode_to_the_same_bits(name):
    data, expected = golden(name), MANIFEST[name]
    assert hashlib.sha256(data).hexdigest() == expected["file"]
    splats = decode_pyramid(data).splats()
    assert (splats.n, splats.width, splats.height, splats.channels) == tuple(expected["shape"])
    assert arrays_of(splats) == expected["arrays"]


def test_the_frame_is_some_twenty_bytes():
    splats = random_splats(300, 768, 512)
    plan = plan_of(splats)
    symbols = canonical(plan, quantise(plan, splats))
    assert len(pack_image(plan, symbols)) - len(encode_stream(plan, symbols)) <= 20


def test_the_file_holds_what_was_quantised():
    splats = random_splats(200)
    plan = plan_of(splats)
    symbols = quantise(plan, splats)
    decoded = decode_image(pack_image(plan, symbols))
    expected = dequantise(plan, canonical(plan, symbols))
    assert arrays_of(decoded) == arrays_of(expected)


def test_means_may_lie_outside_of_the_image():
    splats = random_splats(200)
    outside = replace(splats, means=splats.means * 1.3 - [20, 15])
    plan = plan_of(outside, -48, margin=14)
    decoded = decode_image(pack_image(plan, quantise(plan, outside)))
    assert decoded.means[:, 0].min() < -10
    assert decoded.means[:, 0].max() > 170
    assert abs(decoded.means.mean(axis=0) - outside.means.mean(axis=0)).max() < 0.5
    wide, narrow = (len(pack_image(p, quantise(p, splats))) for p in (plan, plan_of(splats, -48)))
    assert wide == narrow  # margins that nothing uses are left out


@pytest.mark.parametrize(("name", "step"), [("n9", 1), ("tiles", 7)])
def test_every_single_bit_flip_is_detected(name, step):
    data = bytearray(golden(name))
    for bit in range(0, 8 * len(data), step):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            decode_image(bytes(data))
        data[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("name", ["n9", "tiles"])
def test_truncations_and_appended_bytes_are_detected(name):
    data = golden(name)
    for length in range(len(data)):
        with pytest.raises(FormatError) as caught:
            decode_image(data[:length])
        assert caught.value.section is not None
    for tail in (b"\0", data):
        with pytest.raises(FormatError):
            decode_image(data + tail)


def repaired(data):
    """A file without tiles, its CRC made right again."""
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def survive(count, seed):
    rng, refused, longest = random.Random(seed), 0, 0
    files = [golden(name) for name in NAMES if MANIFEST[name]["shape"][0] < 400 and name != "tiles"]
    for _ in range(count):
        data = bytearray(rng.choice(files))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(4, min(len(data), 24) if rng.random() < 0.4 else len(data))
            data[place] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(14, len(data)) : -4]
        try:
            decode_image(repaired(bytes(data)))
        except FormatError as error:
            refused += 1
            longest = max(longest, len(str(error).splitlines()))
    assert longest <= 3
    return refused


def test_mutants_with_right_checksums_end_in_an_error_or_a_legal_image():
    assert 0.2 * 600 < survive(600, seed=1) < 600


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_mutants():
    assert survive(30_000, seed=2) > 0


def header(**changes):
    parts = {
        "magic": b"\x89FGI\1",
        "flags": b"\x21",
        "sides": write_varint(64) + write_varint(48),
        "steps": bytes([144, 0x88, 0x88, 0]),
        "count": write_varint(3),
    } | changes
    return b"".join(parts.values())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (header(magic=b"\x89FGI\2"), Unsupported),
        (header(magic=b"\x89PNG\1"), Corrupt),
        (header(flags=b"\x23"), Unsupported),
        (header(flags=b"\xa1"), Unsupported),
        (header(sides=write_varint(0) + write_varint(9)), TooLarge),
        (header(sides=write_varint(60_000) * 2), TooLarge),
        (header(sides=b"\x80\x00" + write_varint(9)), Corrupt),
        (header(sides=b"\xff\xff\xff\xff\xff\x01"), Corrupt),
        (header(count=write_varint(10**7)), TooLarge),
        (header(steps=bytes([144, 0x88, 0x88, 65])), Corrupt),
        (header(flags=b"\x29", count=b"\3"), Corrupt),
        (b"", Truncated),
        (b"\x89F", Truncated),
        (header()[:9], Truncated),
    ],
)
def test_lies_of_the_header(data, kind):
    crc = b"" if kind is Truncated else zlib.crc32(data).to_bytes(4, "little")
    with pytest.raises(kind) as caught:
        decode_image(data + crc)
    assert caught.value.section == "header"


def test_bytes_are_the_same_at_every_run():
    splats = random_splats(300)
    plan = plan_of(splats)
    files = {pack_image(plan, quantise(plan, splats)) for _ in range(2)}
    assert len(files) == 1


@pytest.mark.parametrize("crop", [(0, 0, 40, 40), (300, 150, 420, 300), (500, 0, 512, 384)])
def test_crops_are_equal_to_the_whole_and_read_less(tmp_path, crop):
    splats = random_splats(3000, 512, 384, spread=0.3)
    plan = plan_of(splats)
    path = tmp_path / "tiles.fgi"
    path.write_bytes(pack_image(plan, quantise(plan, splats), tiling=Tiling(6, 16)))
    with open_fgi(path) as file:
        whole = render(file.splats())
    with open_fgi(path) as file:
        part = render(file.splats(crop), crop=crop)
        assert file.bytes_read < 0.6 * file.size
    x0, y0, x1, y1 = crop
    assert np.array_equal(part, whole[y0:y1, x0:x1])


def test_tiles_hold_the_same_gaussians():
    splats = random_splats(500, 256, 256)
    plan = plan_of(splats)
    symbols = quantise(plan, splats)
    one = decode_image(pack_image(plan, symbols))
    tiled = decode_image(pack_image(plan, symbols, tiling=Tiling(6, 12)))
    assert np.allclose(render(one), render(tiled), atol=1e-5)
    assert one.n == tiled.n


def test_a_missing_file_is_a_wrong_call(tmp_path):
    with pytest.raises(UsageError), open_fgi(tmp_path / "none.fgi"):
        pass
