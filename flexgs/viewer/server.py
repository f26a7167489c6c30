# SPDX-License-Identifier: Apache-2.0
"""A page for the browsers of this machine: a table of files, and what a page makes, behind a token.

Listens on the loopback address unless told otherwise, answers GET and HEAD, and only to a request
that names this server as its host (against DNS rebinding) and carries the token of this run. No
path of a request is ever a path on disk.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from flexgs.errors import UsageError
from flexgs.viewer.page import POLICY, TYPES, Content

LOOPBACK = "127.0.0.1"
INDEX = "index.html"
IDLE_S = 30.0  # a connection that says nothing for so long is closed
PARENT_CHECK_S = 1.0
PIECE = 1 << 20  # bytes written at once
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


Make = Callable[[str], Content | None]  # what a name stands for; None: nothing


class PageServer(ThreadingHTTPServer):
    """Serves `files`, and what `make` makes of other names; `url` is where."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    def __init__(
        self, files: Mapping[str, Content], host: str, port: int, make: Make | None = None
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self.parent = os.getppid()
        self.files = {name: content for name, content in files.items() if name != INDEX}
        self.files[""] = files[INDEX]
        self.host = host
        self.make = make
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As TCP servers do; http.server would look this machine's name up on top."""
        TCPServer.server_bind(self)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The page's address, token and all."""
        host = LOOPBACK if _is_unspecified(self.host) else self.host
        return f"http://{host}:{self.port}/{self.token}/"

    def accepts_host(self, header: str | None) -> bool:
        """Whether a request meant this server, by what its Host header says.

        A name that is not ours, resolved to our address, is how a foreign page would get in. With
        an address that stands for all of this machine's, any of them is taken: they are no names.
        """
        host, _, port = (header or "").rpartition(":")
        if port != str(self.port):
            return False
        if host in (self.host, "localhost", LOOPBACK):
            return True
        return _is_unspecified(self.host) and _address(host) is not None

    def content(self, name: str) -> Content | None:
        """A file of the table, or what is made under that name; None: nothing."""
        if name in self.files:
            return self.files[name]
        return None if self.make is None else self.make(name)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of a file is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """The file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Its headers."""
        self._answer(with_body=False)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses itself: other methods, broken requests."""
        self._send(HTTPStatus(code), b"refused", "txt", with_body=self.command != "HEAD")

    def _answer(self, with_body: bool) -> None:
        if not self.server.accepts_host(self.headers.get("Host")):
            self._send(HTTPStatus.FORBIDDEN, b"not for this host", "txt", with_body)
            return
        name = self._requested()
        content = None if name is None else self.server.content(name)
        if name is None or content is None:
            self._send(HTTPStatus.NOT_FOUND, b"nothing here", "txt", with_body)
            return
        self._send(HTTPStatus.OK, content, name.rpartition(".")[2] or "html", with_body)

    def _requested(self) -> str | None:
        """What is asked for, when the token in front of it is ours."""
        _, token, *rest = (self.path.partition("?")[0]).split("/", 2)
        known = secrets.compare_digest(token.encode("utf-8"), self.server.token.encode("utf-8"))
        return rest[0] if known and rest else None

    def _send(self, status: HTTPStatus, content: Content, kind: str, with_body: bool) -> None:
        if status != HTTPStatus.OK:  # whatever else a stranger sent is not looked at
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", TYPES[kind])
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        for start in range(0, len(content) if with_body else 0, PIECE):
            self.wfile.write(content[start : start + PIECE])  # each within the time limit

    def version_string(self) -> str:
        """No versions for strangers."""
        return "flexgs"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: addresses and tokens are nobody's business."""


def open_server(
    files: Mapping[str, Content],
    host: str = LOOPBACK,
    port: int = 0,
    make: Make | None = None,
) -> PageServer:
    """A server that listens; port 0 takes any that is free.

    Args:
        make: asked for names that are not in `files`; the ending of a name tells what it is. Asked
            by several threads at a time, with whatever was requested behind the token.

    Raises:
        UsageError: it cannot listen there.
    """
    try:
        return PageServer(files, host, port, make)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot listen on {host}:{port}: {reason}") from error


def serve(server: PageServer) -> None:
    """Answers until Ctrl-C, or until the process that started this one has ended."""
    with server, _until_parent_ends(server), contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.2)


@contextlib.contextmanager
def _until_parent_ends(server: PageServer) -> Iterator[None]:
    """Shuts the server down when this process becomes an orphan (Windows does not tell)."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(PARENT_CHECK_S):
            if os.getppid() != server.parent:
                server.shutdown()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_unspecified(host: str) -> bool:
    address = _address(host)
    return host == "" or (address is not None and address.is_unspecified)


def open_browser(url: str) -> bool:
    """Shows a page in the user's browser; False where there is none with windows."""
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return has_display and webbrowser.open(url)  # without a display it would start lynx
