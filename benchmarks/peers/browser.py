# SPDX-License-Identifier: Apache-2.0
"""Viewers of the web at work in headless Chromium: jobs go to `page.html`, numbers come back."""

from __future__ import annotations

import io
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt
import PIL.Image
from peers.readings import Reading, unit

from flexgs.limits import MIN_LOG_SCALE

U8 = npt.NDArray[np.uint8]
Result = Reading | U8 | str  # numbers, a picture, or why there are none

JOB_SECONDS = 240.0
_PAGE = Path(__file__).with_name("page.html")
_TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript"}
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"),
    *("--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-background-timer-throttling", "--disable-dev-shm-usage", "--mute-audio"),
)


@dataclass(frozen=True)
class Job:
    """One file for one viewer."""

    does: str  # a function of page.html
    file: Path
    rows: int = 0  # Gaussians that are expected
    degree: int = 3  # of SH, at most
    position: tuple[float, ...] = ()
    target: tuple[float, ...] = ()
    width: int = 480
    height: int = 270


class _Handler(BaseHTTPRequestHandler):
    """The page, the peers' modules, the scene files and the job in hand; takes what comes back."""

    server: _Server

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/job":
            self._send(self.server.next_job(), "application/json")
            return
        for prefix, folder in self.server.folders.items():
            if path.startswith(prefix):
                file = (folder / path[len(prefix) :]).resolve()
                if file.is_relative_to(folder) and file.is_file():
                    self._send(file.read_bytes(), _TYPES.get(file.suffix, ""))
                    return
        if path == "/":
            self._send(_PAGE.read_bytes(), "text/html")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.results.put((int(parse_qs(parts.query)["id"][0]), parts.path, body))
        self._send(b"", "")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    """Loopback only; holds one job until the next one is set."""

    daemon_threads = True

    def __init__(self, folders: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folders = {prefix: folder.resolve() for prefix, folder in folders.items()}
        self.jobs: queue.Queue[bytes] = queue.Queue()
        self.results: queue.Queue[tuple[int, str, bytes]] = queue.Queue()

    def next_job(self) -> bytes:
        """Waits for one: the page asks early."""
        return self.jobs.get()


def _numbers(body: bytes, rows: int) -> Reading:
    values = np.frombuffer(body, "<f4").astype(np.float64)
    rest, odd = divmod(len(values), rows)
    widths = [3, 3, 4, 1, 3, rest - 14]
    if odd or widths[-1] not in (0, 9, 24, 45):
        raise ValueError(f"{len(values)} numbers for {rows} Gaussians")
    ends = np.cumsum([rows * width for width in widths])[:-1]
    pairs = zip(np.split(values, ends), widths, strict=True)
    means, scales, quats, alphas, colours, sh = (part.reshape(rows, w) for part, w in pairs)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(scales), MIN_LOG_SCALE)  # infinitely thin, as we read it
        return Reading(means, logs, unit(quats), alphas, colours, sh)


def _result(kind: str, body: bytes, job: Job) -> Result:
    if kind == "/failed":
        return body.decode()
    if kind == "/picture":
        shown = PIL.Image.open(io.BytesIO(body)).convert("RGBA")
        black = PIL.Image.new("RGBA", shown.size, (0, 0, 0, 255))
        return np.asarray(PIL.Image.alpha_composite(black, shown).convert("RGB"))
    try:
        return _numbers(body, job.rows)
    except ValueError as error:
        return str(error)


def find_chromium() -> str | None:
    """An installed one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def run_jobs(
    jobs: list[Job], files: Path, modules: Path, chromium: str
) -> Iterator[tuple[Job, Result]]:
    """Every job with what came of it, in their order; a hanging page is given up.

    Args:
        files: folder of the jobs' files. modules: node_modules of the peers.
    """
    server = _Server({"/files/": files, "/peers/": modules})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium, *_FLAGS, f"--user-data-dir={profile}"]
        command.append(f"http://127.0.0.1:{server.server_port}/")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        browser = None
        for number, job in enumerate(jobs):
            if browser is None:
                server.jobs = queue.Queue()
                browser = subprocess.Popen(command, **quiet)
            url = "/files/" + job.file.relative_to(files).as_posix()
            server.jobs.put(json.dumps(_plain(job) | {"id": number, "url": url}).encode())
            try:
                kind, body = _answer(server, number)
                yield job, _result(kind, body, job)
            except queue.Empty:
                browser.kill()
                browser = None
                yield job, f"no answer in {JOB_SECONDS:.0f} s"
        if browser is not None:
            browser.kill()
            browser.wait()
    server.shutdown()


def _plain(job: Job) -> dict[str, object]:
    return {name: value for name, value in asdict(job).items() if name != "file"}


def _answer(server: _Server, number: int) -> tuple[str, bytes]:
    while True:
        found, kind, body = server.results.get(timeout=JOB_SECONDS)
        if found == number:  # not that of a page that was given up
            return kind, body
