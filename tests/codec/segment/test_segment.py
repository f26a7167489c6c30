# SPDX-License-Identifier: Apache-2.0
"""Splats -> bytes -> splats: what the `segment` profile promises."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.codec import decode_splats, describe, encode_splats, read_fgs, verify, write_fgs
from flexgs.codec.segment.quantise import quantise_splats
from flexgs.core import Splats
from flexgs.core.rotations import quats_to_matrices
from flexgs.errors import Corrupt, SceneError, TooLarge, UsageError
from flexgs.limits import Limits
from flexgs.quant import SegmentPlan

FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")
FINE = SegmentPlan(segments=10, dc=16, opacity=16, scales=16, quats=16, sh=16)


def make_splats(n=500, degree=3, seed=0, d=3, model="3dgs"):
    rng = np.random.default_rng(seed)
    sh = rng.laplace(0, 0.03, (n, (degree + 1) ** 2, 3))
    sh[:, 0] = rng.normal(0, 1, (n, 3))
    sh[rng.random(n) < 0.4, 1:] = 0
    return Splats(
        rng.normal(0, 3, (n, d)),
        rng.normal(-4, 1, (n, d)),
        rng.normal(0, 1, (n, 4)),
        rng.normal(0, 3, n),
        sh,
        model,
    )


def assert_same(a, b):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)
    assert a.model == b.model


def matched(splats, decoded):
    """The originals in the order of the decoded ones, by nearest position."""
    distances = ((splats.means[None] - decoded.means[:, None]) ** 2).sum(axis=2)
    order = distances.argmin(axis=1)
    assert len(set(order.tolist())) == splats.n
    return splats.select(order)


def covariances(splats):
    axes = quats_to_matrices(splats.quats.astype(float))
    axes = axes * np.exp(splats.log_scales.astype(float))[:, None]
    return axes @ axes.transpose(0, 2, 1)


def test_fine_plans_come_back_nearly_exact():
    splats = make_splats()
    decoded = decode_splats(encode_splats(splats, FINE))
    original = matched(splats, decoded)
    np.testing.assert_allclose(decoded.means, original.means, atol=1e-3)
    np.testing.assert_allclose(decoded.opacity_logits, original.opacity_logits, atol=5e-4)
    np.testing.assert_allclose(decoded.sh, original.sh, atol=2e-4)
    before, after = covariances(original), covariances(decoded)
    norms = np.abs(before).max(axis=(1, 2), keepdims=True)
    assert (np.abs(after - before) / norms).max() < 2e-3


def test_default_plan_keeps_what_matters():
    splats = make_splats(2000)
    decoded = decode_splats(encode_splats(splats, SegmentPlan()))
    original = matched(splats, decoded)
    assert np.abs(decoded.means - original.means).max() < 2e-3
    assert np.sqrt(np.mean((decoded.sh[:, 0] - original.sh[:, 0]) ** 2)) < 0.02
    assert np.sqrt(np.mean((decoded.sh[:, 1:] - original.sh[:, 1:]) ** 2)) < 0.008
    zero = ~original.sh[:, 1:].any(axis=(1, 2))
    assert zero.sum() > 500
    assert not decoded.sh[zero, 1:].any()
    norms = np.linalg.norm(decoded.quats, axis=1)
    assert np.abs(norms - 1).max() < 1e-6


def test_rows_without_sh_cost_no_sh_bytes():
    splats = make_splats(3000)
    bare = replace(splats, sh=np.where(np.arange(16)[:, None] > 0, 0, splats.sh))
    sizes = [
        describe(encode_splats(s, SegmentPlan(), effort="fast")).bytes_by_attribute["sh"]
        for s in (splats, bare)
    ]
    assert sizes[0] > 30_000
    assert sizes[1] < 60


@pytest.mark.parametrize("n", [0, 1, 2, 3, 99, 100, 127, 128, 129, 1000])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_any_count_round_trips(n, degree):
    splats = make_splats(n, degree, seed=n)
    data = encode_splats(splats, SegmentPlan(), effort="fast")
    decoded = decode_splats(data)
    assert (decoded.n, decoded.degree) == (n, degree)
    info = verify(data)
    assert sum(info.bytes_by_attribute.values()) == len(data) == info.total_bytes


@pytest.mark.parametrize("model", ["3dgs", "mip", "2dgs"])
def test_the_model_is_kept_and_discs_keep_their_axes(model):
    splats = make_splats(300, 1, model=model)
    decoded = decode_splats(encode_splats(splats, FINE))
    assert decoded.model == model
    if model == "2dgs":
        original = matched(splats, decoded)
        np.testing.assert_allclose(decoded.log_scales, original.log_scales, atol=1e-3)


def test_two_dimensions_round_trip():
    splats = make_splats(300, 0, d=2)
    decoded = decode_splats(encode_splats(splats, FINE))
    np.testing.assert_allclose(decoded.means, matched(splats, decoded).means, atol=1e-3)


def test_efforts_differ_in_bytes_only():
    splats = make_splats(3000)
    fast, best = (encode_splats(splats, SegmentPlan(), effort=e) for e in ("fast", "best"))
    assert_same(decode_splats(fast), decode_splats(best))
    assert len(best) <= len(fast) <= 1.02 * len(best)


def test_the_order_of_the_input_does_not_matter():
    splats = make_splats(700)
    shuffled = splats.select(np.random.default_rng(1).permutation(700))
    plan = SegmentPlan()
    assert encode_splats(splats, plan) == encode_splats(shuffled, plan)


def test_inputs_are_not_changed():
    splats = make_splats(200)
    weights = {"colour": np.ones(200, np.float32), "geometry": np.arange(200.0)}
    before = [getattr(splats, f).tobytes() for f in FIELDS] + [
        w.tobytes() for w in weights.values()
    ]
    encode_splats(splats, SegmentPlan(), weights=weights, metadata={"a": 1})
    after = [getattr(splats, f).tobytes() for f in FIELDS] + [w.tobytes() for w in weights.values()]
    assert before == after


@pytest.mark.parametrize("value", [0.0, 1.0, -37.25, 1e-30])
def test_scenes_of_equal_gaussians(value):
    n = 400
    splats = Splats(
        np.full((n, 3), value),
        np.full((n, 3), -3.3),
        np.tile([0.5, 0.5, -0.5, 0.5], (n, 1)),
        np.full(n, 2.2),
        np.full((n, 4, 3), 0.123),
    )
    decoded = decode_splats(encode_splats(splats, SegmentPlan(), effort="fast"))
    np.testing.assert_allclose(decoded.means, splats.means, rtol=1e-6)
    np.testing.assert_array_equal(decoded.log_scales, splats.log_scales)
    np.testing.assert_array_equal(decoded.opacity_logits, splats.opacity_logits)
    np.testing.assert_array_equal(decoded.sh, splats.sh)
    np.testing.assert_allclose(covariances(decoded), covariances(splats), rtol=1e-5, atol=1e-9)


def test_a_scene_that_compresses_too_well_is_padded_to_what_readers_allow():
    n = 200_000
    one = np.ones((n, 1), np.float32)
    sh = np.zeros((n, 16, 3), np.float32)
    splats = Splats(one * [1, 2, 3], one * [0, 0, 0], one * [1, 1, 1, 1], one[:, 0], sh)
    data = encode_splats(splats, SegmentPlan(), effort="fast")
    assert decode_splats(data).n == n
    assert any(section.kind == 3 for section in describe(data).sections)


def test_saturated_opacities_and_range_ends_stay_legal():
    n = 300
    splats = make_splats(n, 1)
    logits = np.where(np.arange(n) % 3 == 0, np.inf, np.where(np.arange(n) % 3 == 1, -np.inf, 0))
    scales = np.where(np.arange(n)[:, None] % 2 == 0, [-40, 20, 0], [20, -40, 3.3])
    means = np.where(np.arange(n)[:, None] % 50 == 0, [1e7, -1e7, 0], splats.means)
    sh = np.where(np.arange(n)[:, None, None] % 2 == 0, 1e3, -1e3) * np.ones((n, 4, 3))
    splats = Splats(means, scales, splats.quats, logits, sh)
    for bits in (1, 2, 4, 8, 16):
        decoded = decode_splats(encode_splats(splats, SegmentPlan(1, *[bits] * 6), effort="fast"))
        assert np.abs(decoded.opacity_logits).max() <= 15
        assert decoded.log_scales.min() >= -40
        assert decoded.log_scales.max() <= 20
        assert np.abs(decoded.means).max() <= 1e7
        assert np.abs(decoded.sh).max() <= 1e3
        assert np.linalg.norm(decoded.quats, axis=1).min() > 1e-8


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_values_that_cannot_be_kept_are_refused(field, value):
    splats = make_splats(10, 1)
    array = getattr(splats, field).copy()
    array.reshape(-1)[3] = value
    broken = replace(splats, **{field: array})
    if (field == "opacity_logits" and not np.isnan(value)) or (field == "quats" and value == 1e9):
        assert decode_splats(encode_splats(broken, SegmentPlan())).n == 10
        return
    with pytest.raises(SceneError):
        encode_splats(broken, SegmentPlan())


def test_a_zero_quaternion_is_refused():
    splats = make_splats(5)
    with pytest.raises(SceneError, match="direction"):
        encode_splats(replace(splats, quats=np.zeros((5, 4))), SegmentPlan())


def test_weights_improve_what_they_weigh():
    splats = make_splats(4000, 1)
    heavy = np.where(np.abs(splats.sh[:, 1:]).max(axis=(1, 2)) < 0.1, 1.0, 0.0)
    plan = SegmentPlan(segments=4, sh=3)
    errors = []
    for weights in (None, {"colour": heavy}):
        decoded = decode_splats(encode_splats(splats, plan, weights=weights, effort="fast"))
        again = matched_by_order(splats, plan)
        off = (decoded.sh[:, 1:] - again.sh[:, 1:]) ** 2
        errors.append(off[np.abs(again.sh[:, 1:]).max(axis=(1, 2)) < 0.1].mean())
    assert errors[1] < 0.9 * errors[0]


def matched_by_order(splats, plan):
    from flexgs.quant.grid import morton_order
    from flexgs.quant.positions import fit_frame, quantize_means

    grid = quantize_means(splats.means, fit_frame(splats.means), plan.means)
    return splats.select(morton_order(grid - grid.min(axis=0)))


@pytest.mark.parametrize(
    "weights",
    [
        {"color": np.ones(10)},
        {"colour": np.ones(9)},
        {"geometry": -np.ones(10)},
        {"geometry": np.full(10, np.nan)},
    ],
)
def test_unusable_weights_are_refused(weights):
    with pytest.raises(UsageError):
        encode_splats(make_splats(10), SegmentPlan(), weights=weights)


def test_weights_of_zero_everywhere_mean_no_weights():
    splats = make_splats(300)
    plan = SegmentPlan()
    zero = {"colour": np.zeros(300), "geometry": np.zeros(300)}
    even = {"colour": np.ones(300), "geometry": np.ones(300)}
    a, b = (decode_splats(encode_splats(splats, plan, weights=w)) for w in (zero, even))
    assert_same(a, b)


def test_one_far_splat_leaves_the_others_as_they_were():
    splats = make_splats(5000, 1)
    means = splats.means.copy()
    means[17] = (1e4, -1e4, 1e4)
    plan, errors = SegmentPlan(), []
    for scene in (splats, replace(splats, means=means)):
        decoded = decode_splats(encode_splats(scene, plan, effort="fast"))
        original = matched_by_order(scene, plan)
        near = np.abs(original.means).max(axis=1) < 5000
        off = {f: (getattr(decoded, f) - getattr(original, f))[near] for f in ("means", "sh")}
        errors.append([np.sqrt(np.mean(off[f] ** 2)) for f in off])
        assert np.abs(decoded.means - original.means).max() < 1.0
    np.testing.assert_allclose(errors[1], errors[0], rtol=0.03)


def test_describe_gives_back_plan_and_metadata():
    plan = SegmentPlan(segments=3, sh=2, codec="zstd", level=9)
    notes = {"drop_db": 0.97, "views": ["a", "b"], "ä": None}
    info = describe(encode_splats(make_splats(900), plan, metadata=notes))
    assert info.plan == plan
    assert info.metadata == notes
    assert (info.n, info.degree, info.model, info.profile) == (900, 3, "3dgs", "segment")
    assert set(info.bytes_by_attribute) == {"container", "metadata", *FIELDS, "dc"}
    assert {section.codec for section in info.sections} <= {"zstd", "raw"}
    with pytest.raises(UsageError):
        encode_splats(make_splats(3), plan, metadata={"x": float("inf")})


def test_limits_hold_before_decoding():
    data = encode_splats(make_splats(1000), SegmentPlan())
    for limits in (Limits(max_gaussians=999), Limits(max_raw_bytes=10_000)):
        start = time.process_time()
        with pytest.raises(TooLarge):
            decode_splats(data, limits)
        assert time.process_time() - start < 0.05


def test_files_are_written_whole_and_errors_name_them(tmp_path):
    splats = make_splats(100)
    data = encode_splats(splats, SegmentPlan())
    path = tmp_path / "scene.fgs"
    write_fgs(path, data)
    assert path.read_bytes() == data
    assert_same(read_fgs(path), decode_splats(data))
    assert [p.name for p in tmp_path.iterdir()] == ["scene.fgs"]
    path.write_bytes(data[:-1])
    with pytest.raises(Exception, match=r"scene\.fgs") as caught:
        read_fgs(path)
    assert caught.value.path == str(path)
    with pytest.raises(UsageError):
        read_fgs(tmp_path / "missing.fgs")


SCRIPT = """
import sys, hashlib
sys.path.insert(0, {tests!r})
from test_segment import make_splats
from flexgs.codec import encode_splats
from flexgs.quant import SegmentPlan
print(hashlib.sha256(encode_splats(make_splats(2000), SegmentPlan())).hexdigest())
"""


def test_bytes_do_not_depend_on_the_process():
    script = SCRIPT.format(tests=os.path.dirname(__file__))
    found = set()
    for seed, threads in (("0", "1"), ("1", "2"), ("random", "8")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_decoding_imports_numpy_and_codecs_only(tmp_path):
    path = tmp_path / "a.fgs"
    path.write_bytes(encode_splats(make_splats(50), SegmentPlan()))
    code = (
        "import sys; from flexgs.codec import read_fgs; read_fgs(sys.argv[1]);"
        "heavy = {'torch', 'numba', 'scipy', 'plyfile', 'PIL', 'matplotlib', 'typer'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 300),
    st.integers(0, 4),
    st.lists(st.integers(1, 16), min_size=6, max_size=6),
    st.sampled_from(["auto", "raw", "zlib", "zstd", "lzma", "brotli"]),
    st.integers(1, 20),
)
def test_any_plan_decodes_to_the_symbols_that_went_in(seed, n, degree, bits, codec, segments):
    plan = SegmentPlan(segments, *bits, codec)
    splats = make_splats(n, degree, seed)
    decoded = decode_splats(encode_splats(splats, plan))  # compares all symbols itself
    assert decoded.n == n
    assert all(np.isfinite(getattr(decoded, f)).all() for f in FIELDS)


def test_a_chunk_decodes_without_the_others(monkeypatch):
    monkeypatch.setattr("flexgs.codec.segment.head.CHUNK_ROWS", 300)
    splats = make_splats(1500)
    data = encode_splats(splats, SegmentPlan(segments=9))
    info = describe(data)
    assert info.chunks == 5
    whole = decode_splats(data)
    head, chunks = quantise_splats(splats, SegmentPlan(segments=9), None)
    assert sum(len(chunk.cells) for chunk in chunks) == whole.n == head.n
    # damage in the last chunk's payload is found, and named with its part
    broken = bytearray(data)
    last = max(info.sections, key=lambda s: s.chunk)
    broken[len(data) - 24 * len(info.sections) - 3] ^= 1
    with pytest.raises(Corrupt) as caught:
        decode_splats(bytes(broken))
    assert f"part {last.chunk}" in str(caught.value)


@pytest.mark.slow
def test_speed_on_a_real_scene(bonsai):
    from flexgs.io.ply import read_ply

    scene = read_ply(bonsai / "point_cloud.ply")
    splats = getattr(scene, "splats", scene)
    data = encode_splats(splats, SegmentPlan())
    assert len(data) < 7_000_000
    start = time.process_time()
    decode_splats(data)
    assert splats.n / (time.process_time() - start) > 700_000  # 1.1 M/s on an idle core
