# SPDX-License-Identifier: Apache-2.0
"""The baselines' files: what they keep, and hostile ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from flexgs.bench.baselines.arrays import pack_arrays
from flexgs.bench.baselines.flexgaussian import file as flexgaussian
from flexgs.bench.baselines.mesongs import file as mesongs
from flexgs.bench.baselines.model import Encoded
from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats, quats_to_matrices
from flexgs.errors import FormatError, TooLarge, Unsupported
from flexgs.io.ply import SceneFile
from tests.bench.baselines.conftest import make_splats
from tests.io.formats.hostile import check_mutants, check_truncations, outcome

MUTANTS = 400
KINDS = ("mixed", "plain", "mesongs")


def encode(kind: str, splats: Splats) -> Encoded:
    if kind == "mesongs":
        return mesongs.encode(splats, np.ones(splats.n), depth=16, codebook=64)
    return flexgaussian.encode(splats, splats.n // 3, quantised=kind == "mixed")


def decode(kind: str) -> Callable[[bytes], Splats]:
    return mesongs.decode if kind == "mesongs" else flexgaussian.decode


def reading(kind: str) -> Callable[[bytes], SceneFile]:
    return lambda data: SceneFile(decode(kind)(data))


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_mixed_precision_is_as_exact_as_its_bits(splats: Splats) -> None:
    found = flexgaussian.decode(flexgaussian.encode(splats, 1250, quantised=True).data)
    assert (found.means == splats.means.astype(np.float16)).all()
    for name, bits, rows in (("log_scales", 8, 2500), ("opacity_logits", 4, 2500), ("sh", 4, 1250)):
        was = getattr(splats, name)[:rows]
        away = np.abs(getattr(found, name)[:rows] - was).max()
        assert 0 < away <= np.ptp(was) / (2**bits - 1) / 2 * 1.001, name
    turned = np.abs((normalize_quats(found.quats) * normalize_quats(splats.quats)).sum(axis=1))
    assert turned.min() > 0.9998
    assert not found.sh[1250:, 1:].any()


def test_sixteen_rows_a_segment_use_all_levels() -> None:
    splats = make_splats(16_000, 4)
    arrays = arrays_of(flexgaussian.encode(splats, 16_000, quantised=True).data)
    assert arrays["sh_scale"].shape == (1000, 9)
    assert arrays["sh"].nbytes == 16_000 * 9 // 2
    assert arrays["dc"].min() == 0
    assert arrays["dc"].max() == 255


def test_the_plain_file_is_exact(splats: Splats) -> None:
    found = flexgaussian.decode(flexgaussian.encode(splats, splats.n, quantised=False).data)
    for name in ("means", "log_scales", "opacity_logits", "sh"):
        assert (getattr(found, name) == getattr(splats, name)).all()


def test_far_positions_are_clamped_not_infinite() -> None:
    splats = make_splats(3)
    far = Splats(
        splats.means * 1e6, splats.log_scales, splats.quats, splats.opacity_logits, splats.sh
    )
    found = flexgaussian.decode(flexgaussian.encode(far, 3, quantised=True).data)
    assert np.abs(found.means).max() == 65504


def test_mesongs_keeps_the_scene(splats: Splats) -> None:
    found = mesongs.decode(mesongs.encode(splats, np.ones(splats.n), depth=20, codebook=2500).data)
    assert found.n == splats.n
    # Morton order to the scene's: positions say which is which
    nearest = ((found.means[:, None] - splats.means) ** 2).sum(axis=2).argmin(axis=0)
    found = found.select(nearest)
    assert np.abs(found.means - splats.means).max() < 1e-5
    assert np.abs(found.log_scales - splats.log_scales).max() < 0.01
    assert np.abs(found.opacity_logits - splats.opacity_logits).max() < 0.1
    assert np.abs(found.sh[:, 0] - splats.sh[:, 0]).max() < 0.02
    assert np.abs(found.sh[:, 1:] - splats.sh[:, 1:]).max() < 1e-3  # every row has its own entry
    apart = quats_to_matrices(found.quats) - quats_to_matrices(splats.quats)
    assert np.abs(apart).max() < 0.12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 16), (2, 4), (700, 9)])
def test_files_reopen_the_same(kind: str, n: int, k: int) -> None:
    splats = make_splats(n, k)
    data = encode(kind, splats).data
    assert encode(kind, splats).data == data
    first, again = decode(kind)(data), decode(kind)(data)
    assert (first.n, first.sh.shape[1]) == (n, k)
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_the_sum_of_its_parts(kind: str, splats: Splats) -> None:
    encoded = encode(kind, splats)
    assert 0 <= len(encoded.data) - sum(encoded.parts.values()) < 4000


@pytest.mark.parametrize("kind", KINDS)
def test_truncations_and_tails_are_refused(kind: str) -> None:
    check_truncations(reading(kind), encode(kind, make_splats(5, 4)).data)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_end_in_an_error_or_a_scene(kind: str) -> None:
    rng, data = np.random.default_rng(1), encode(kind, make_splats(40, 4)).data

    def mutants():
        for _ in range(MUTANTS):
            changed = bytearray(data)
            for at in rng.integers(0, len(data), rng.integers(1, 4)):
                changed[at] = rng.integers(256)
            yield bytes(changed)

    check_mutants(reading(kind), mutants(), at_least=1)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_that_lie_end_in_an_error_or_a_scene(kind: str) -> None:
    """Zips that are sound: what is in the arrays, or their shapes, was changed."""
    rng, sound = np.random.default_rng(2), arrays_of(encode(kind, make_splats(40, 4)).data)

    def mutants():
        for _ in range(MUTANTS):
            arrays = {name: array.copy() for name, array in sound.items()}
            name = rng.choice(list(arrays))
            raw = arrays[name].view(np.uint8).reshape(-1)
            if rng.random() < 0.1:
                arrays[name] = arrays[name][:-1]
            elif len(raw):
                raw[rng.integers(len(raw))] = rng.integers(256)
            yield pack_arrays(arrays, deflate=bool(rng.integers(2)))

    check_mutants(reading(kind), mutants(), at_least=20)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [-1, 0, 10**6, 10**12, 2**62])
def test_counts_that_lie_are_refused_before_anything_is_made(kind: str, count: int) -> None:
    arrays = arrays_of(encode(kind, make_splats(40, 4)).data)
    head = next(iter(arrays))
    arrays[head] = arrays[head].copy()
    arrays[head][1] = count
    assert outcome(reading(kind), pack_arrays(arrays, deflate=True)) == "error"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_such_file_is_named(kind: str) -> None:
    arrays = arrays_of(encode(kind, make_splats(40, 4)).data)
    head = next(iter(arrays))
    later = {**arrays, head: np.append(2, arrays[head][1:])}
    with pytest.raises(Unsupported):
        decode(kind)(pack_arrays(later, deflate=False))
    for other in ({**arrays, "more": np.zeros(1)}, {"a": np.zeros(3)}, {}):
        with pytest.raises(FormatError):
            decode(kind)(pack_arrays(other, deflate=False))
    not_numbers = (
        next(name for name in arrays if name.endswith("zero")) if kind != "plain" else "xyz"
    )
    with pytest.raises(FormatError):
        decode(kind)(
            pack_arrays({**arrays, not_numbers: arrays[not_numbers] * np.nan}, deflate=False)
        )


def test_pickles_are_not_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = io.BytesIO()
        np.save(member, np.array([print, len], dtype=object))
        archive.writestr("mesongs.npy", member.getvalue())
    with pytest.raises(FormatError):
        mesongs.decode(buffer.getvalue())


def test_bombs_are_refused() -> None:
    arrays = arrays_of(encode("plain", make_splats(40, 1)).data)
    n = 1_000_000
    arrays |= {
        name: np.zeros((n, a.shape[1]), a.dtype) for name, a in arrays.items() if a.ndim == 2
    }
    head = arrays["flexgaussian"].copy()
    head[1:4] = n, 0, 16  # the rest of the SH of all of them is said to be zero
    arrays |= {"flexgaussian": head, "sh": np.zeros((0, 45), np.float32)}
    data = pack_arrays(arrays, deflate=True)
    assert len(data) < 100_000
    with pytest.raises(TooLarge):
        flexgaussian.decode(data)
