# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported, UsageError
from flexgs.io.formats.sog import read_sog, write_sog
from flexgs.io.formats.sog.pictures import Place, decode_picture, encode_picture, picture_size
from flexgs.io.ply import SceneFile
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants, outcome

Make = Callable[..., Splats]
Mutate = Callable[[bytes, np.random.Generator], bytes]
Files = dict[str, bytes]


def files_of(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(files: Files, deflate: bool = False) -> bytes:
    """A good archive, its checksums too, around whatever content."""
    out = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def files(random_splats: Make) -> Files:
    return files_of(write_sog(random_splats(20, 1)).data)


def changed(files: Files, edit: Callable[[Any], None]) -> bytes:
    meta = json.loads(files["meta.json"])
    edit(meta)
    return archive_of({**files, "meta.json": json.dumps(meta).encode()})


def version_1(files: Files) -> Files:
    """The same pictures, whose bytes are steps between two ends."""
    meta = json.loads(files["meta.json"])
    del meta["version"]
    meta["means"]["shape"] = [meta.pop("count"), 3]
    for name, low, high in (
        ("scales", [-6.0] * 3, [-1.0] * 3),
        ("sh0", [-2.0] * 3 + [-9.0], [2.0] * 3 + [9.0]),
        ("shN", -0.5, 0.5),
    ):
        meta[name] = {"files": meta[name]["files"], "mins": low, "maxs": high}
    return {**files, "meta.json": json.dumps(meta).encode()}


def streamed(files: Files) -> Files:
    """Two scenes at two levels, and one that is always there."""
    lods = [
        {level: {"file": i, "offset": 0, "count": 20}} for i, level in enumerate(["0", "1"])
    ] + [{"0": {"file": 0, "offset": 0, "count": 0}}]
    table = {
        "lodLevels": 2,
        "filenames": ["0_0/meta.json", "1_0/meta.json"],
        "environment": "env/meta.json",
        "tree": {"children": [{"lods": each} for each in lods]},
    }
    parts = {f"{f}/{name}": files[name] for f in ("0_0", "1_0", "env") for name in files}
    return {"lod-meta.json": json.dumps(table).encode(), **parts}


def mutants(files: Files, mutate: Mutate, count: int) -> Iterator[bytes]:
    """Broken archives, and good ones of broken files."""
    rng = np.random.default_rng(5)
    whole, names = archive_of(files), sorted(files)
    texts = [name for name in names if name.endswith(".json")]
    for i in range(count):
        if i % 3 == 0:
            yield mutate(whole, rng)
        else:
            choice = texts if i % 3 == 1 else names
            name = choice[int(rng.integers(0, len(choice)))]
            yield archive_of({**files, name: mutate(files[name], rng)})


KINDS: dict[str, Callable[[Files], Files]] = {
    "version 1": version_1,
    "version 2": lambda files: files,
    "streamed": streamed,
}


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(1800)
def test_mutants_end_in_a_scene_or_a_format_error(
    files: Files, mutate: Mutate, kind: str, count: int
) -> None:
    good = KINDS[kind](files)
    assert read_sog(archive_of(good)).splats.n in (20, 60)
    check_mutants(read_sog, mutants(good, mutate, count), count // 50)


@pytest.mark.parametrize("count", [50, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.timeout(1800)
def test_mutants_in_a_folder_do_too(
    files: Files, mutate: Mutate, count: int, tmp_path: Path
) -> None:
    good, rng = streamed(files), np.random.default_rng(6)
    for name, content in good.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    def read(change: bytes) -> SceneFile:
        name, _, content = change.partition(b"\n")
        path = tmp_path / name.decode()
        path.write_bytes(content)
        try:
            return read_sog(tmp_path)
        finally:
            path.write_bytes(good[name.decode()])

    names = sorted(good) + ["lod-meta.json"] * len(good)
    chosen = (names[int(rng.integers(0, len(names)))] for _ in range(count))
    changes = (name.encode() + b"\n" + mutate(good[name], rng) for name in chosen)
    check_mutants(read, changes, count // 50)


def test_no_beginning_of_an_archive_is_one(files: Files) -> None:
    data = archive_of(files)
    for end in range(0, len(data), 7):
        with pytest.raises(FormatError):
            read_sog(data[:end])


def test_no_beginning_of_a_picture_is_one(files: Files) -> None:
    for name in files:
        for end in range(0, len(files[name]) - 2, max(1, len(files[name]) // 20)):
            with pytest.raises(FormatError):
                read_sog(archive_of({**files, name: files[name][:end]}))


@pytest.mark.parametrize("name", ["means_l.webp", "sh0.webp", "shN_labels.webp", "meta.json"])
def test_a_missing_file_is_named(files: Files, name: str, tmp_path: Path) -> None:
    rest = {other: content for other, content in files.items() if other != name}
    with pytest.raises(Truncated, match=name):
        read_sog(archive_of(rest))
    for other, content in rest.items():
        (tmp_path / other).write_bytes(content)
    with pytest.raises(Truncated, match=name):
        read_sog(tmp_path)


WRONG = (
    None,
    "x",
    -1,
    2**70,
    1.5,
    [],
    {},
    [None],
    True,
    [1e308] * 256,
    ["a"] * 256,
    "\0",
    "\ud800",
)


def test_wrong_types_end_in_a_format_error(files: Files) -> None:
    """Every field of meta.json replaced by every wrong value; a few are right by chance."""
    meta = json.loads(files["meta.json"])
    paths = [(key,) for key in meta]
    paths += [
        (key, inner) for key, part in meta.items() if isinstance(part, dict) for inner in part
    ]
    refused = 0
    for path in paths:
        for value in WRONG:
            edited = json.loads(files["meta.json"])
            target = edited if len(path) == 1 else edited[path[0]]
            target[path[-1]] = value
            try:
                read_sog(archive_of({**files, "meta.json": json.dumps(edited).encode()}))
            except FormatError:
                refused += 1
    assert refused > 0.75 * len(paths) * len(WRONG)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", Corrupt),
        (b"[" * 100_000, Corrupt),
        (b"[]", Corrupt),
        (b'{"version": 3}', Unsupported),
        (b'{"a": NaN}', Corrupt),
        (b'{"version": 2, "version": 1}', Corrupt),
        (b"\xff\xfe", Corrupt),
        (b"{}", Corrupt),
    ],
)
def test_bad_json_is_refused(files: Files, content: bytes, error: type[FormatError]) -> None:
    with pytest.raises(error):
        read_sog(archive_of({**files, "meta.json": content}))


def set_count(count: int) -> Callable[[Any], None]:
    def edit(meta: Any) -> None:
        meta["count"] = count

    return edit


@pytest.mark.parametrize(
    ("count", "error"),
    [
        (0, Corrupt),
        (-5, Corrupt),
        (10**9, TooLarge),
        (2000, Truncated),
        (10**6, TooLarge),
        (10**18, TooLarge),
    ],
)
def test_a_wrong_count_is_refused(files: Files, count: int, error: type[FormatError]) -> None:
    with pytest.raises(error):
        read_sog(changed(files, set_count(count)))


def peak_bytes(read: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_picture_bomb_is_refused_before_it_is_decoded(files: Files) -> None:
    bomb = bytearray(encode_picture(np.zeros((4, 4, 3), np.uint8)))
    bomb[21:25] = (16382 | 16382 << 14).to_bytes(4, "little")

    def read() -> None:
        with pytest.raises(TooLarge, match="wrong size"):
            read_sog(archive_of({**files, "quats.webp": bytes(bomb)}))

    assert peak_bytes(read) < 2_000_000


def test_a_zip_bomb_is_read_no_further_than_its_limit(files: Files) -> None:
    data = archive_of({**files, "quats.webp": b"\0" * 100_000_000}, deflate=True)

    def read() -> None:
        with pytest.raises(TooLarge):
            read_sog(data)

    assert peak_bytes(read) < 5_000_000


def test_a_bomb_of_json_is_read_no_further_than_its_limit(files: Files) -> None:
    for name in ("meta.json", "lod-meta.json"):
        data = archive_of({**files, name: b"[" + b"[]," * 10_000_000}, deflate=True)

        def read(data: bytes = data) -> None:
            with pytest.raises(TooLarge):
                read_sog(data)

        assert peak_bytes(read) < 20_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"tree": {"children": [{}] * 1_000_000}},
        {"tree": {"children": [[]] * 1_000_000}},
        {"tree": {"lods": {str(i): {} for i in range(100_000)}}},
        {"filenames": ["0_0/meta.json"] * 50_000},
        {"environment": "0_0/../0_0/meta.json"},
        {"lodLevels": 0},
    ],
)
def test_lies_of_a_streamed_scene_are_refused_soon(files: Files, change: dict[str, Any]) -> None:
    good = streamed(files)
    table = json.loads(good["lod-meta.json"])
    if "filenames" in change:
        lods = [{"0": {"file": i, "offset": 0, "count": 1}} for i in range(50_000)]
        change = {**change, "tree": {"children": [{"lods": each} for each in lods]}}
    text = json.dumps({**table, **change}, separators=(",", ":")).encode()
    assert outcome(read_sog, archive_of({**good, "lod-meta.json": text})) == "error"


def test_rows_that_are_decoded_for_nothing_count_as_well(files: Files) -> None:
    good = streamed(files)
    table = json.loads(good["lod-meta.json"])
    table["tree"]["children"] = [
        {"lods": {"0": {"file": i, "offset": 0, "count": 1}}} for i in range(2)
    ]
    data = archive_of({**good, "lod-meta.json": json.dumps(table).encode()})
    assert read_sog(data, limits=Limits(max_gaussians=60)).splats.n == 22
    with pytest.raises(TooLarge):
        read_sog(data, limits=Limits(max_gaussians=59))


def test_many_gaussians_of_few_bytes_are_refused(files: Files) -> None:
    n = 400_000
    flat = encode_picture(np.full((640, 640, 4), 255, np.uint8))
    meta = json.loads(files["meta.json"])
    meta["count"] = n
    pictures = dict.fromkeys((k for k in files if k != "meta.json"), flat)
    pictures["shN_centroids.webp"] = files["shN_centroids.webp"]
    small = {**pictures, "meta.json": json.dumps(meta, separators=(",", ":")).encode()}

    def read() -> None:
        with pytest.raises(TooLarge, match="expand"):
            read_sog(archive_of(small))

    assert peak_bytes(read) < 2_000_000  # nothing was decoded
    padded = {**small, "sh0.webp": flat + b"JUNK\0\0\x10\0" + b"\0" * (1 << 20)}
    with pytest.raises(TooLarge, match="expand"):  # bytes that the archive took away do not count
        read_sog(archive_of(padded, deflate=True))
    assert read_sog(archive_of(small), limits=Limits(max_ratio=10**6)).splats.n == n


def test_lossy_pictures_are_refused(files: Files) -> None:
    import PIL.Image

    out = io.BytesIO()
    PIL.Image.fromarray(np.zeros((8, 4, 3), np.uint8)).save(out, format="WEBP", lossless=False)
    with pytest.raises(Unsupported, match="not a lossless"):
        read_sog(archive_of({**files, "quats.webp": out.getvalue()}))


def test_png_pictures_are_read(files: Files) -> None:
    import PIL.Image

    converted = dict(files)
    for name in ("sh0.webp", "means_l.webp"):
        width, rows = decode_picture(files[name], Place("", name), (1, 10**6))
        out = io.BytesIO()
        PIL.Image.fromarray(rows.reshape(-1, width, 4)).save(out, format="PNG")
        converted[name] = out.getvalue()
    found, expected = (read_sog(archive_of(each)).splats for each in (converted, files))
    assert np.array_equal(found.sh, expected.sh)
    assert np.array_equal(found.means, expected.means)


def test_sizes_come_from_headers() -> None:
    data = encode_picture(np.zeros((37, 1234, 4), np.uint8))
    assert picture_size(data, Place("", "")) == (1234, 37)


@pytest.mark.parametrize("name", ["../out.webp", "/etc/passwd", "a/../../x", "C:x", "con", "link"])
def test_names_do_not_lead_out_of_the_folder(files: Files, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    (tmp_path / "out.webp").write_bytes(files["quats.webp"])
    (tmp_path / "x").write_bytes(files["quats.webp"])
    os.symlink(tmp_path / "out.webp", folder / "link")
    meta = json.loads(files["meta.json"])
    meta["quats"]["files"] = [name]
    for other, content in files.items():
        (folder / other).write_bytes(content)
    (folder / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(FormatError):
        read_sog(folder)
    with pytest.raises(FormatError):
        read_sog(archive_of({**files, "meta.json": json.dumps(meta).encode()}))


def test_a_pipe_is_not_waited_for(files: Files, tmp_path: Path) -> None:
    for other, content in files.items():
        (tmp_path / other).write_bytes(content)
    (tmp_path / "quats.webp").unlink()
    os.mkfifo(tmp_path / "quats.webp")
    with pytest.raises(FormatError):
        read_sog(tmp_path)


def test_labels_beyond_the_palette_have_no_view_dependence(files: Files) -> None:
    def fewer(meta: Any) -> None:
        meta["shN"]["count"] = 1

    scene = read_sog(changed(files, fewer))
    assert scene.notes
    assert (~scene.splats.sh[:, 1:].any(axis=(1, 2))).sum() == 19


def test_a_null_at_the_start_of_a_codebook_is_mended(files: Files) -> None:
    def forget(meta: Any) -> None:
        meta["scales"]["codebook"][0] = None

    found = read_sog(changed(files, forget)).splats.log_scales
    assert np.isfinite(found).all()


def test_deep_and_cyclic_looking_trees_end(files: Files, tmp_path: Path) -> None:
    node: dict[str, Any] = {"lods": {"0": {"file": 0, "offset": 0, "count": 20}}}
    for _ in range(300):
        node = {"children": [node]}
    (tmp_path / "part").mkdir()
    for name, content in files.items():
        (tmp_path / "part" / name).write_bytes(content)
    table = {"lodLevels": 1, "filenames": ["part/meta.json"], "tree": node}
    (tmp_path / "lod-meta.json").write_text(json.dumps(table))
    assert read_sog(tmp_path).splats.n == 20
    table["filenames"] = ["lod-meta.json"]
    (tmp_path / "lod-meta.json").write_text(json.dumps(table))
    with pytest.raises(FormatError):
        read_sog(tmp_path)


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_sog(tmp_path / "none.sog")
