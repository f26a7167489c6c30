# SPDX-License-Identifier: Apache-2.0
"""flexgs view: what it serves, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from flexgs.viewer import page, server
from flexgs.viewer.server import PageServer
from tests.cli.conftest import Run

INDEX = Path(__file__).parents[2] / "viewer" / "src" / "index.html"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the built page."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_bytes(INDEX.read_bytes())
    for name in ("app.js", "app.css", "licences.txt"):
        (folder / name).write_text(f"/* {name} */")
    monkeypatch.setattr(page.load_bundle, "__defaults__", (folder,))
    return folder


def test_the_address_goes_to_stdout_and_the_page_to_the_browser(
    run: Run, ply: Path, cameras: Path, built: Path, servers: list[PageServer]
) -> None:
    result = run("view", ply, "--cameras", cameras)
    assert result.exit_code == 0, result.stderr
    opened, made = servers
    assert result.stdout == f"{made.url}\n"
    assert opened == made.url
    assert made.server_address[0] == "127.0.0.1"
    assert "no browser was found" in result.stderr
    facts = json.loads(bytes(made.files["page.json"]))
    assert [view["name"] for view in facts["views"]] == [f"v{i:02d}" for i in range(12)]


def test_no_browser_and_json(
    run: Run, ply: Path, cameras: Path, built: Path, servers: list[PageServer]
) -> None:
    result = run("view", ply, ply, "--cameras", cameras, "--no-browser", "--json", "--quiet")
    assert result.exit_code == 0, result.stderr
    (made,) = servers
    assert json.loads(result.stdout) == {"url": made.url}
    assert result.stderr == ""
    assert len(json.loads(bytes(made.files["page.json"]))["scenes"]) == 2


def test_an_open_address_is_warned_of(
    run: Run, ply: Path, cameras: Path, built: Path, servers: list[PageServer]
) -> None:
    for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):
        result = run("view", ply, "--cameras", cameras, "--host", host, "--no-browser", "-q")
        assert result.exit_code == 0, result.stderr
        assert ("warning: who can reach" in result.stderr) is warned


def test_one_file_is_written_and_nothing_served(
    run: Run, ply: Path, cameras: Path, built: Path, servers: list[PageServer]
) -> None:
    out = ply.parent / "page.html"
    result = run("view", ply, ply, "--cameras", cameras, "--html", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"html": "page.html", "size_bytes": out.stat().st_size}
    assert "/* app.js */" in out.read_text()
    assert servers == []


def test_a_page_that_exists_is_kept_without_force(
    run: Run, ply: Path, cameras: Path, built: Path
) -> None:
    out = ply.parent / "page.html"
    out.write_text("precious")
    assert run("view", ply, "--cameras", cameras, "--html", out).exit_code == 2
    assert out.read_text() == "precious"
    assert run("view", ply, "--cameras", cameras, "--html", out, "--force").exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    result = run("view", ply, "--html", ply.parent / "page.txt")
    assert result.exit_code == 2
    assert ".html" in result.stderr


def test_without_the_built_page_the_command_to_build_it_is_named(
    run: Run, ply: Path, built: Path
) -> None:
    (built / "app.js").unlink()
    result = run("view", ply)
    assert result.exit_code == 2
    assert "scripts/build_viewer" in result.stderr
    assert "found no app.js" in result.stderr


def test_bad_input_is_refused_before_anything_is_served(
    run: Run, ply: Path, built: Path, servers: list[PageServer]
) -> None:
    broken = ply.parent / "broken.spz"
    broken.write_bytes(b"NGSP rubbish")
    for arguments, code in (
        ([ply.parent / "missing.ply"], 2),
        ([broken], 3),
        ([ply, broken], 3),
        ([ply, "--report", ply], 3),
        ([ply, "--report", ply.parent / "missing.json"], 2),
        ([ply, "--cameras", ply.parent / "missing.json"], 2),
        ([ply, "--port", "70000"], 2),
        ([ply, ply, ply], 2),
    ):
        result = run("view", *arguments)
        assert result.exit_code == code, (arguments, result.output)
        assert "Traceback" not in result.output
    assert servers == []


def test_what_is_served_can_be_fetched(
    run: Run, ply: Path, cameras: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    bodies = []

    def serve(made: PageServer) -> None:
        with made:
            thread = threading.Thread(target=made.handle_request)
            thread.start()
            with urlopen(f"{made.url}app.js", timeout=10) as response:
                bodies.append(response.read())
            thread.join()

    monkeypatch.setattr(server, "serve", serve)
    result = run("view", ply, "--cameras", cameras, "--no-browser")
    assert result.exit_code == 0, result.stderr
    assert bodies == [b"/* app.js */"]
