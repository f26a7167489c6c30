# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import Corrupt, FormatError, SceneError, TooLarge, Truncated, Unsupported
from flexgs.io import SceneFile, read_ply, write_ply
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants

Make = Callable[..., Splats]

BINARY = b"ply\nformat binary_little_endian 1.0\n"
ASCII = b"ply\nformat ascii 1.0\n"
END = b"end_header\n"
XYZ = b"property float x\nproperty float y\nproperty float z\n"


def refuse(path: Path, content: bytes, error: type[FormatError], within_s: float = 0.01) -> None:
    """The content is refused with that very error, with all its parts, in time."""
    path.write_bytes(content)
    best = np.inf
    for _ in range(3):  # the best of three, by processor time: a busy machine is not a slow reader
        start = time.process_time()
        with pytest.raises(FormatError) as caught:
            read_ply(path)
        best = min(best, time.process_time() - start)
    assert type(caught.value) is error, caught.value
    assert caught.value.path == str(path)
    assert caught.value.section is not None
    assert best < within_s


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (BINARY + b"element vertex 1000000000\n" + END, Corrupt),  # plyfile: 151 s
        (BINARY + b"element vertex 1000000000\n" + XYZ + END, TooLarge),
        (ASCII + b"element vertex 1000000000\n" + XYZ + END + b"1 2 3\n", TooLarge),
        (BINARY + b"element vertex 19000000\n" + XYZ + END, Truncated),
        (ASCII + b"element vertex 19000000\n" + XYZ + END + b"1 2 3\n", Truncated),
        (BINARY + b"element vertex " + b"9" * 5000 + b"\n" + XYZ + END, Corrupt),
        (BINARY + b"element vertex -1\n" + XYZ + END, Corrupt),
        (BINARY + b"element vertex 1e3\n" + XYZ + END, Corrupt),
        (BINARY + b"element vertex 1\nproperty list uchar int i\n" + XYZ + END, Corrupt),
        (BINARY + b"element face 1000000000\n" + XYZ + END, Corrupt),
        (BINARY + b"element vertex 0\n" + b"property float a\n" * 2 + END, Corrupt),
        (BINARY + b"element vertex 0\nproperty half x\n" + END, Corrupt),
        (BINARY + b"element vertex 0\nelement vertex 0\n" + END, Corrupt),
        (BINARY + b"property float x\n" + END, Corrupt),
        (BINARY + BINARY[4:] + b"element vertex 0\n" + XYZ + END, Corrupt),
        (b"ply\nelement vertex 0\n" + XYZ + END, Corrupt),
        (b"ply\nformat binary_little_endian 2.0\n" + END, Corrupt),
        (BINARY + b"nonsense here\n" + END, Corrupt),
        (BINARY + END, Corrupt),
        (b"ply\n", Truncated),
        (b"ply\n" + b"comment x\n" * 100, Truncated),
        (b"ply\n" + b"comment " + b"x" * 70_000 + b"\n" + END, TooLarge),
        (BINARY + b"element chunk 5\nproperty float min_x\n" + END, Unsupported),
        (BINARY + b"element codebook_centers 5\nproperty float a\n" + END, Unsupported),
    ],
)
def test_hostile_headers_are_refused_at_once(
    tmp_path: Path, content: bytes, error: type[FormatError]
) -> None:
    refuse(tmp_path / "a.ply", content, error)


def test_a_header_has_at_most_256_properties(tmp_path: Path) -> None:
    lines = b"".join(b"property float p%d\n" % i for i in range(257))
    refuse(tmp_path / "a.ply", BINARY + b"element vertex 0\n" + lines + END, Corrupt)


def header_of(names: list[str], n: int = 0, kind: bytes = BINARY) -> bytes:
    lines = [f"property float {name}\n".encode() for name in names]
    return kind + b"element vertex %d\n" % n + b"".join(lines) + END


def all_names(rest: int) -> list[str]:
    return [
        *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", *(f"f_rest_{i}" for i in range(rest))),
        *("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    ]


@pytest.mark.parametrize("rest", [0, 9, 24, 45])
def test_an_empty_scene_is_legal(tmp_path: Path, rest: int) -> None:
    for kind in (BINARY, ASCII):
        (tmp_path / "a.ply").write_bytes(header_of(all_names(rest), kind=kind))
        splats = read_ply(tmp_path / "a.ply").splats
        assert splats.n == 0
        assert splats.sh.shape == (0, 1 + rest // 3, 3)


@pytest.mark.parametrize(("rest", "error"), [(44, Corrupt), (1, Corrupt), (72, Unsupported)])
def test_odd_numbers_of_f_rest_are_refused(
    tmp_path: Path, rest: int, error: type[FormatError]
) -> None:
    refuse(tmp_path / "a.ply", header_of(all_names(rest)), error)


def test_a_gap_in_f_rest_is_refused(tmp_path: Path) -> None:
    names = [name.replace("f_rest_3", "f_rest_99") for name in all_names(9)]
    refuse(tmp_path / "a.ply", header_of(names), Corrupt)


@pytest.mark.parametrize("missing", ["x", "opacity", "scale_0", "rot_3", "f_dc_1"])
def test_a_missing_property_is_named(tmp_path: Path, missing: str) -> None:
    names = [name for name in all_names(9) if name != missing]
    (tmp_path / "a.ply").write_bytes(header_of(names))
    with pytest.raises(Corrupt, match="properties are missing") as caught:
        read_ply(tmp_path / "a.ply")
    assert missing in str(caught.value.expected)


def test_every_truncation_is_refused(tmp_path: Path, random_splats: Make) -> None:
    write_ply(tmp_path / "a.ply", random_splats(3, 0))
    data = (tmp_path / "a.ply").read_bytes()
    for end in range(len(data)):
        (tmp_path / "b.ply").unlink(missing_ok=True)
        (tmp_path / "b.ply").write_bytes(data[:end])
        with pytest.raises(FormatError):
            read_ply(tmp_path / "b.ply")
    (tmp_path / "b.ply").write_bytes(data + b"\0")
    with pytest.raises(Corrupt, match="length"):
        read_ply(tmp_path / "b.ply")


ROW = b"0.5 " * 13 + b"1\n"  # 14 numbers: a Gaussian without f_rest


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (ROW + ROW[4:], Corrupt),
        (ROW + b"7 " + ROW, Corrupt),
        (ROW + ROW.replace(b"1\n", b"x\n"), Corrupt),
        (ROW + b"\n" * len(ROW), Truncated),
        (b" " * len(ROW) * 2, Truncated),
        ((b"7 " + ROW) * 2, Truncated),
        (ROW + b"\xff" * len(ROW), Corrupt),
    ],
)
def test_ascii_rows_must_be_whole(tmp_path: Path, body: bytes, error: type[FormatError]) -> None:
    refuse(tmp_path / "a.ply", header_of(all_names(0), 2, ASCII) + body, error, 0.1)
    (tmp_path / "a.ply").write_bytes(header_of(all_names(0), 2, ASCII) + ROW * 2)
    assert read_ply(tmp_path / "a.ply").splats.n == 2


def test_the_limit_of_gaussians_is_the_callers(tmp_path: Path, random_splats: Make) -> None:
    write_ply(tmp_path / "a.ply", random_splats(10))
    with pytest.raises(TooLarge, match="more Gaussians"):
        read_ply(tmp_path / "a.ply", limits=Limits(max_gaussians=9))


@pytest.mark.parametrize("count", [2500, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["binary", "ascii"])
def test_mutants_end_in_a_scene_or_a_typed_error(
    tmp_path: Path,
    random_splats: Make,
    mutate: Callable[[bytes, np.random.Generator], bytes],
    kind: str,
    count: int,
) -> None:
    write_ply(tmp_path / "a.ply", random_splats(20, 1))
    data = (tmp_path / "a.ply").read_bytes()
    if kind == "ascii":
        head, body = data.split(END)
        rows = np.frombuffer(body, "<f4").reshape(20, -1)
        text = "\n".join(" ".join(f"{x:.4g}" for x in row) for row in rows)
        data = head.replace(b"binary_little_endian", b"ascii") + END + text.encode()
    rng = np.random.default_rng(5)
    path = tmp_path / "b.ply"

    def read(mutant: bytes) -> SceneFile:
        path.unlink(missing_ok=True)  # much faster than to overwrite it
        path.write_bytes(mutant)
        try:
            return read_ply(path, drop_invalid=True)
        except SceneError as error:  # well-formed, but no Gaussian is valid
            raise FormatError("no scene") from error

    check_mutants(read, (mutate(data, rng) for _ in range(count)), 100)


def test_refusing_takes_little_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    assert resource is not None
    path = tmp_path / "a.ply"
    path.write_bytes(BINARY + b"element vertex 19999999\n" + XYZ + END + b"\0" * 10_000_000)
    program = (
        "import resource, sys\n"
        "from flexgs.errors import FormatError\n"
        "from flexgs.io import read_ply\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    read_ply(sys.argv[1])\n"
        "except FormatError:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16 * 1024  # KiB
