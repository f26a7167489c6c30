# SPDX-License-Identifier: Apache-2.0
"""What a page is made of: scenes, views, numbers, and the one file that holds it all."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from flexgs.codec import encode_splats
from flexgs.core import Splats
from flexgs.errors import Corrupt, FlexgsError, SceneError, UsageError
from flexgs.io import write_ply
from flexgs.io.formats.spz import read_spz
from flexgs.quant import SegmentPlan
from flexgs.viewer import load_bundle, make_page, page_files, write_html
from flexgs.viewer.figures import pair_rows, scene_rows
from flexgs.viewer.page import BUNDLE, self_contained
from flexgs.viewer.spark_arrays import spark_arrays
from flexgs.viewer.views import INVENTED
from tests.viewer.conftest import ball, ring

NASTY = "</script><script>alert(1)</script>&\u202e<!--"


def view(name: str, drop: float) -> dict[str, object]:
    return {"name": name, "drop_db": drop, "psnr_renders": 40 - drop, "ssim_renders": None}


def report(tmp_path: Path, **changes: object) -> Path:
    quality = {
        "drop_db": 0.5,
        "drop_source": "measured on photographs",
        "psnr_renders": 38.25,
        "views": [view("v1", 0.2), view("v3", 0.9), view("gone", 0.4)],
    }
    plain = {"flexgs_report": 1, "report_quality": quality, "profile": "rd", "cameras": "x.json"}
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**plain, **changes}))
    return path


def facts_of(files: dict[str, bytes | memoryview]) -> dict:  # type: ignore[type-arg]
    return json.loads(bytes(files["page.json"]))


def test_a_page_holds_the_bundle_its_facts_and_the_gaussians(
    folder: Path, bundle: dict[str, bytes]
) -> None:
    page = make_page([folder / "scene.ply"])
    files = page_files(page, bundle)
    facts = facts_of(files)
    arrays = spark_arrays(page.scenes[0].splats)
    names = facts["scenes"][0]["arrays"]
    assert set(files) == {*BUNDLE, "page.json", *names}
    assert [bytes(files[name]) for name in names] == [array.tobytes() for array in arrays]
    assert facts["title"] == "scene.ply"
    assert facts["scenes"][0]["count"] == 1500
    assert dict(facts["scenes"][0]["rows"])["format"] == "ply"
    assert facts["report"] == facts["pair"] == facts["warnings"] == []


def test_cameras_beside_the_scene_are_stepped_through_by_name(
    folder: Path, bundle: dict[str, bytes]
) -> None:
    facts = facts_of(page_files(make_page([folder / "scene.ply"]), bundle))
    assert [each["name"] for each in facts["views"]] == [f"v{i}" for i in range(5)]
    assert facts["views_source"] == "transforms.json"
    third, camera = facts["views"][3], ring()[3]
    assert third["lens"] == [camera.fx, camera.fy, camera.cx, camera.cy]
    assert third["pose"] == pytest.approx(camera.world_to_camera.ravel().tolist())
    assert facts["up"] == pytest.approx([0, -1, 0], abs=0.05)
    assert facts["center"] == pytest.approx([0, 0, 0], abs=0.2)
    assert 0.5 < facts["radius"] < 1.5


def test_the_other_scene_s_cameras_serve_as_well(folder: Path, tmp_path: Path) -> None:
    write_ply(tmp_path / "alone.ply", ball(200))
    page = make_page([tmp_path / "alone.ply", folder / "scene.ply"])
    assert page.stops.source == "transforms.json"


def test_two_files_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    write_ply(tmp_path / "scene.ply", ball(20))
    page = make_page([folder / "scene.ply", tmp_path / "scene.ply"])
    assert [scene.name for scene in page.scenes] == ["scene.ply", "scene.ply (2)"]


def test_without_cameras_some_stand_around_the_scene(folder: Path) -> None:
    page = make_page([folder / "scene.ply"], cameras="none")
    assert page.stops.source == INVENTED
    assert len(page.stops.cameras) > 5
    for camera in page.stops.cameras:  # each looks at the ball, from without
        depth = camera.world_to_camera[2] @ [0, 0, 0, 1]
        assert depth > 0.8
        assert np.linalg.norm(camera.center) > 1.2


@pytest.mark.parametrize("logit", [2.0, -15.0])
def test_a_scene_of_one_gaussian_has_a_view(tmp_path: Path, logit: float) -> None:
    one = Splats([[1.0, 2, 3]], [[-2.0, -2, -2]], [[1.0, 0, 0, 0]], [logit], np.zeros((1, 1, 3)))
    write_ply(tmp_path / "one.ply", one)
    page = make_page([tmp_path / "one.ply"])
    assert page.stops.cameras
    assert page.stops.radius > 0
    assert page.stops.center == pytest.approx([1, 2, 3])


def test_the_worst_view_of_the_report_comes_first(
    folder: Path, tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    page = make_page([folder / "scene.ply"], report=report(tmp_path))
    facts = facts_of(page_files(page, bundle))
    assert [each["name"] for each in facts["views"]] == ["v3", "v1", "v0", "v2", "v4"]
    assert [each["drop"] for each in facts["views"]] == [0.9, 0.2, None, None, None]
    assert facts["views"][0]["rows"] == [
        ["drop", "0.900 dB"],
        ["PSNR to the original's render", "39.100 dB"],
    ]
    assert facts["report"][0] == ["PSNR drop", "0.500 dB"]
    assert ["profile", "rd"] in facts["report"]


def test_an_estimate_is_called_one(folder: Path, tmp_path: Path) -> None:
    quality = {"drop_db": 0.5, "drop_source": "estimated from renders", "views": []}
    page = make_page([folder / "scene.ply"], report=report(tmp_path, report_quality=quality))
    assert page.figures is not None
    assert page.figures.rows[0] == ("PSNR drop", "about 0.500 dB, an ESTIMATE")


def test_what_evaluate_prints_is_a_report_too(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "quality.json"
    path.write_text(
        json.dumps(
            {"drop_db": 0.1, "drop_source": "measured on photographs", "views": [view("v2", 1)]}
        )
    )
    page = make_page([folder / "scene.ply"], report=path)
    assert page.stops.cameras[0].name == "v2"


def test_a_report_of_another_file_is_said_to_be_one(folder: Path, tmp_path: Path) -> None:
    scene = folder / "scene.ply"
    for size, warned in ((scene.stat().st_size, False), (17, True)):
        page = make_page([scene], report=report(tmp_path, output={"size_bytes": size}))
        assert page.figures is not None
        assert any("another file" in text for text in page.figures.warnings) is warned


def test_views_without_their_cameras_are_missed(folder: Path, tmp_path: Path) -> None:
    page = make_page([folder / "scene.ply"], cameras="none", report=report(tmp_path))
    assert any("give --cameras" in note for note in page.stops.notes)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "3", "{}", '{"views": []}', '{"report_quality": 3}', '{"drop_db": "0.5"}',
        '{"report_quality": null}', '{"drop_db": NaN}', '{"drop_db": 1e999}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "strange.json"
    path.write_text(text)
    with pytest.raises(Corrupt):
        make_page([folder / "scene.ply"], report=path)


def test_a_hostile_report_is_taken_for_what_can_be_read_of_it(
    folder: Path, tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    views = [3, {}, {"name": 3, "drop_db": 1}, {"name": "v0", "drop_db": "x"}, view(NASTY, 2)]
    quality = {"drop_db": 0.5, "views": [*views, view("\ud800", 1)], "psnr_renders": []}
    path = report(
        tmp_path, report_quality=quality, warnings=[NASTY, 3, "x" * 10_000], cameras=[], output=3
    )
    page = make_page([folder / "scene.ply"], report=path)
    assert page.figures is not None
    assert [each.name for each in page.figures.views] == [NASTY, "?"]
    assert max(len(text) for text in page.figures.warnings) == 500
    html, _ = self_contained(page, bundle)
    assert b"alert(1)</script>" not in html


def test_a_fgs_file_says_what_it_knows(folder: Path, tmp_path: Path) -> None:
    metadata = {"drop_db": 0.42, "drop_from": "photographs", "original_bytes": 1_000_000}
    data = encode_splats(ball(), SegmentPlan(), metadata=metadata)
    path = tmp_path / "small.fgs"
    path.write_bytes(data)
    page = make_page([folder / "scene.ply", path])
    rows = dict(scene_rows(page.scenes[1]))
    assert rows["drop, search views"] == "0.420 dB"
    assert rows["made from"].endswith(f"{1_000_000 / len(data):.1f}x")
    ratio = (folder / "scene.ply").stat().st_size / len(data)
    assert dict(pair_rows(page.scenes)) == {"ratio": f"{ratio:.2f}", "Gaussians left": "100.0%"}


def test_nothing_to_see_is_an_error(tmp_path: Path) -> None:
    write_ply(tmp_path / "empty.ply", ball(10).select(slice(0, 0)))
    with pytest.raises(SceneError, match="no scene to walk through"):
        make_page([tmp_path / "empty.ply"])
    with pytest.raises(UsageError):
        make_page([])
    with pytest.raises(UsageError):
        make_page([tmp_path / "empty.ply"] * 3)


def test_a_checkout_without_the_bundle_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run scripts/build_viewer"):
        load_bundle(tmp_path)
    for name in BUNDLE:
        (tmp_path / name).write_bytes(name.encode())
    assert load_bundle(tmp_path) == {name: name.encode() for name in BUNDLE}


class Elements(HTMLParser):
    """Contents of scripts and styles by id or tag, and every address that is asked for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.contents: dict[str, str] = {}
        self.addresses: list[str] = []
        self.policy = ""
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        self._open = found.get("id", tag) if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.contents[self._open] = self.contents.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def test_one_file_holds_the_page_and_asks_for_nothing(
    folder: Path, tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    page = make_page([folder / "scene.ply"] * 2)
    out = tmp_path / "page.html"
    losses = write_html(page, bundle, out)
    elements = Elements(out.read_text())
    assert elements.addresses == []
    assert elements.contents["script"] == bundle["app.js"].decode()
    assert elements.contents["style"] == bundle["app.css"].decode()
    facts = json.loads(elements.contents["page"])
    assert [scene["element"] for scene in facts["scenes"]] == ["scene-0", "scene-1"]
    stored = read_spz(base64.b64decode(elements.contents["scene-1"])).splats
    assert stored.n == 1500
    assert stored.degree == 3
    for axis in range(3):  # in an order of its own
        kept, given = (np.sort(s.means[:, axis]) for s in (stored, page.scenes[1].splats))
        assert kept == pytest.approx(given, abs=3e-3)
    assert all(loss.count for loss in losses)


def test_the_file_s_policy_allows_its_own_script_and_style_only(
    folder: Path, tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    write_html(make_page([folder / "scene.ply"]), bundle, tmp_path / "page.html")
    policy = Elements((tmp_path / "page.html").read_text()).policy
    for name, directive in (("app.js", "script-src"), ("app.css", "style-src")):
        digest = base64.b64encode(hashlib.sha256(bundle[name]).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy


def test_a_page_of_another_make_is_refused(folder: Path, bundle: dict[str, bytes]) -> None:
    bundle["index.html"] = b"<html></html>"
    with pytest.raises(FlexgsError, match="not as expected"):
        self_contained(make_page([folder / "scene.ply"]), bundle)


def test_flat_gaussians_cannot_be_put_into_one_file(
    tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    write_ply(tmp_path / "flat.ply", replace(ball(50), model="2dgs"))
    page = make_page([tmp_path / "flat.ply"])
    assert dict(facts_of(page_files(page, bundle))["scenes"][0]["rows"])["model"] == "flat (2DGS)"
    with pytest.raises(SceneError, match="2DGS"):
        self_contained(page, bundle)


def test_the_page_s_own_html_has_what_is_replaced_and_nothing_foreign() -> None:
    html = (Path(__file__).parents[2] / "viewer" / "src" / "index.html").read_text()
    assert not re.search(r"https?:|//", html.replace("<!doctype", ""))
    assert "style=" not in html
    assert " onclick" not in html
