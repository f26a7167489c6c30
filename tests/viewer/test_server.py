# SPDX-License-Identifier: Apache-2.0
"""The server: who gets what, and when it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from flexgs.errors import UsageError
from flexgs.viewer import server as module
from flexgs.viewer.server import PageServer, open_server, serve

FILES = {
    "index.html": b"<!doctype html><title>page</title>",
    "app.js": b"1",
    "app.css": b"2",
    "scene-0-0.bin": memoryview(bytes(3_000_000)),
}


@pytest.fixture
def server() -> Iterator[PageServer]:
    made = open_server(FILES)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def ask(
    server: PageServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    connection.endheaders()
    response = connection.getresponse()
    body, headers = response.read(), dict(response.getheaders())
    connection.close()
    return response.status, body, headers


def test_it_listens_on_the_loopback_address_only(server: PageServer) -> None:
    listening = [
        each.laddr
        for each in psutil.Process().net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == server.port
    ]
    assert [address.ip for address in listening] == ["127.0.0.1"]


def test_every_file_of_the_table_is_served_behind_the_token(server: PageServer) -> None:
    for name, content in FILES.items():
        path = f"/{server.token}/{'' if name == 'index.html' else name}"
        status, body, headers = ask(server, path)
        assert (status, body) == (200, bytes(content))
        assert headers["Content-Length"] == str(len(content))
    assert ask(server, f"/{server.token}/?q")[0] == 200
    assert server.url == f"http://127.0.0.1:{server.port}/{server.token}/"
    assert len(server.token) >= 32
    assert server.token != open_and_close().token


def open_and_close() -> PageServer:
    made = open_server(FILES)
    made.server_close()
    return made


@pytest.mark.parametrize(
    "path",
    [
        "/", "/index.html", "/app.js", "/{token}", "/{token}x/", "/{token}/index.html",
        "/{token}/missing", "/{token}//", "/{token}/../{token}/", "/{token}/%2e%2e/app.js",
        "/{token}/../../etc/passwd", "/{token}/..%2f..%2fetc/passwd", "/{token}/./app.js",
        "http://127.0.0.1/{token}/", "/{token}/app.js/",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: PageServer, path: str) -> None:
    status, body, _ = ask(server, path.format(token=server.token))
    assert (status, body) == (404, b"nothing here")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}",
             "192.168.0.1:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:{port}:{port}"]
)  # fmt: skip
def test_other_hosts_are_refused(server: PageServer, host: str) -> None:
    name = host.format(port=server.port)
    assert ask(server, f"/{server.token}/", host=name)[:2] == (403, b"not for this host")


def test_this_machine_has_two_names(server: PageServer) -> None:
    assert ask(server, f"/{server.token}/", host=f"localhost:{server.port}")[0] == 200


def test_only_get_and_head_are_answered(server: PageServer) -> None:
    path = f"/{server.token}/app.js"
    status, body, headers = ask(server, path, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "1")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        assert ask(server, path, method)[:2] == (501, b"refused")


def test_every_answer_is_fenced_in(server: PageServer) -> None:
    for path, method in ((f"/{server.token}/", "GET"), ("/", "GET"), ("/", "POST")):
        headers = ask(server, path, method)[2]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "flexgs"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';")
        assert "unsafe-inline" not in policy
        assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval", "")
        assert "connect-src 'self'" in policy


def test_a_broken_request_ends_in_an_error_not_in_silence(server: PageServer) -> None:
    for request in (b"\x16\x03\x01 rubbish", b"GET / HTTP/x", b"GET / HTTP/9.9", b"G\xe9T /\xe9 *"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(request + b"\r\n\r\n")
            assert raw.makefile("rb").read().endswith(b"refused")
    assert ask(server, f"/{server.token}/")[0] == 200


def test_a_silent_connection_is_closed(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        assert raw.recv(10) == b""


def test_a_host_of_its_own_is_known_by_that_name_or_by_addresses() -> None:
    with open_server(FILES, "0.0.0.0") as wide:
        port = wide.port
        assert wide.url.startswith(f"http://127.0.0.1:{port}/")
        assert wide.accepts_host(f"192.168.0.1:{port}")
        assert wide.accepts_host(f"localhost:{port}")
        assert not wide.accepts_host(f"evil.example:{port}")


def test_an_address_that_cannot_be_had_is_an_error() -> None:
    with open_server(FILES) as first:
        for host, port in (("127.0.0.1", first.port), ("192.0.2.1", 0), ("no such host", 0)):
            with pytest.raises(UsageError, match="cannot listen"):
                open_server(FILES, host, port)


def test_ctrl_c_ends_it_and_frees_the_port() -> None:
    server = open_server(FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "serve_forever", interrupted)
        serve(server)
    assert server.socket.fileno() == -1


def interrupted(poll_interval: float) -> None:
    raise KeyboardInterrupt


SERVE = """
import json, sys
from flexgs.viewer.server import open_server, serve
server = open_server({"index.html": b"page"})
print(json.dumps([server.port, server.token]), flush=True)
serve(server)
"""
# What a shell starts in the background is deaf to them, and so are its children.
HEARS_INTERRUPTS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_closed(port: int) -> None:
    end = time.monotonic() + 10
    while is_listening(port) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_listening(port)


def test_it_ends_with_its_parent() -> None:
    command = [sys.executable, "-c", PARENT, SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port, _ = json.loads(parent.stdout.readline())
        assert is_listening(port)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until_closed(port)


def test_an_interrupt_from_the_terminal_is_a_good_end() -> None:
    command = [sys.executable, "-c", HEARS_INTERRUPTS + SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port, _ = json.loads(process.stdout.readline())
            answers = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            answers.request("GET", "/")
            assert answers.getresponse().status == 404
            answers.close()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    wait_until_closed(port)
