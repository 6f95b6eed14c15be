"""Responses that the real server sends only on failures, and responses of other servers."""

from __future__ import annotations

import json
import socket
import threading
import traceback
import unittest
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from triport import REASONS, Attribution, ConsoleSession, TriportError, TriportNetworkError


class FakeServer(ThreadingHTTPServer):
    """Sends the same response to every request and records the requests."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.response = status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers
        self.requests: list[Mapping[str, str]] = []
        self.base_url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(FakeServer, self.server)
        server.requests.append({":path": self.path, **self.headers})
        status, body, headers = server.response
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ErrorsTest(unittest.TestCase):
    def fake_server(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> FakeServer:
        server = FakeServer(status, body, headers or {})
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        self.addCleanup(server.shutdown)
        return server

    def session(self, base_url: str, timeout: float = 10) -> ConsoleSession:
        return ConsoleSession(
            nl_session="hidden-session", nl_csrf="hidden-csrf", ref_code="hidden-code", base_url=base_url, timeout=timeout
        )

    def rejected(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> TriportError:
        with self.assertRaises(TriportError) as caught:
            self.session(self.fake_server(status, body, headers).base_url).auth.attribute()
        self.assert_no_secret(caught.exception)
        return caught.exception

    def assert_no_response(self, kind: str, session: ConsoleSession) -> None:
        with self.assertRaises(TriportNetworkError) as caught:
            session.auth.attribute()
        self.assertNotIsInstance(caught.exception, TriportError)
        self.assertEqual(caught.exception.kind, kind)
        self.assertEqual(session.ref_code, "hidden-code")
        self.assert_no_secret(caught.exception)

    def assert_no_secret(self, error: Exception) -> None:
        shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
        self.assertNotIn("hidden-", shown)

    def test_request_has_the_form_that_the_api_expects(self) -> None:
        server = self.fake_server(200, {"attributed": True})
        self.session(f"{server.base_url}/gateway/").auth.attribute()
        (request,) = server.requests
        self.assertEqual(request[":path"], "/gateway/v1/auth/attribute")
        self.assertEqual(request["Cookie"], "nl_session=hidden-session; nl_csrf=hidden-csrf; ref_code=hidden-code")
        self.assertEqual(request["X-Csrf-Token"], "hidden-csrf")
        self.assertEqual(request["Content-Type"], "application/json")

    def test_no_value_can_start_another_cookie_or_header(self) -> None:
        server = self.fake_server(200, {"attributed": True})
        ConsoleSession(
            nl_session="s", nl_csrf="c\r\nX-Evil: €", ref_code="r; nl_session=evil", base_url=server.base_url
        ).auth.attribute()
        (request,) = server.requests
        self.assertEqual(request["Cookie"], "nl_session=s; nl_csrf=c??X-Evil:??; ref_code=r??nl_session=evil")
        self.assertEqual(request["X-Csrf-Token"], "c??X-Evil:??")

    def test_error_has_the_fields_of_the_body(self) -> None:
        envelope = {"error": "unavailable", "message": "Try again.", "request_id": "req_1"}
        error = self.rejected(503, envelope, {"Retry-After": "1", "X-Request-Id": "req_2"})
        self.assertEqual((error.status, error.code, error.message), (503, "unavailable", "Try again."))
        self.assertEqual((error.request_id, error.retry_after), ("req_1", 1))
        self.assertEqual(str(error), "Try again. (503 unavailable, request req_1)")

    def test_error_has_a_code_that_the_sdk_does_not_know(self) -> None:
        error = self.rejected(418, {"error": "teapot"})
        self.assertEqual((error.code, error.message, error.request_id, error.retry_after), ("teapot",) * 2 + (None,) * 2)

    def test_response_of_another_server_is_unexpected(self) -> None:
        error = self.rejected(502, b"<h1>Bad Gateway</h1>", {"X-Request-Id": "req_3", "Retry-After": "soon"})
        self.assertEqual((error.status, error.code), (502, "unexpected_response"))
        self.assertEqual((error.request_id, error.retry_after), ("req_3", None))

    def test_200_without_a_valid_outcome_is_unexpected(self) -> None:
        bodies: list[object] = [
            b"", b"{", b"\xff", b"[" * 100_000, None, True, [], {}, {"attributed": 1}, {"attributed": False},
            {"attributed": False, "reason": ""}, {"attributed": False, "reason": 1},
            {"attributed": True, "reason": "no_cookie"}, {"error": "not an error"},
        ]  # fmt: skip
        for body in bodies:
            with self.subTest(body=str(body)[:40]):
                error = self.rejected(200, body)
                self.assertEqual((error.status, error.code), (200, "unexpected_response"))

    def test_outcome_with_another_status_is_unexpected(self) -> None:
        self.assertEqual(self.rejected(201, {"attributed": True}).code, "unexpected_response")

    def test_returns_every_reason_even_an_unknown_one(self) -> None:
        for reason in (*REASONS, "blue_moon"):
            server = self.fake_server(200, {"attributed": False, "reason": reason, "since": 2030})
            self.assertEqual(self.session(server.base_url).auth.attribute(), Attribution(False, reason))

    def test_drops_the_code_only_if_its_cookie_is_deleted(self) -> None:
        for cookie, kept in [
            ("ref_code=; Path=/; Max-Age=0; HttpOnly", None),
            ("ref_code=; path=/; max-age=0", None),
            ("REF_CODE=; Max-Age=0", "hidden-code"),
            ("ref_code=hidden-code; Max-Age=60", "hidden-code"),
            ("other=; Max-Age=0", "hidden-code"),
        ]:
            session = self.session(self.fake_server(200, {"attributed": True}, {"Set-Cookie": cookie}).base_url)
            session.auth.attribute()
            self.assertEqual(session.ref_code, kept, cookie)

    def test_does_not_follow_a_redirect(self) -> None:
        elsewhere = self.fake_server(200, {"attributed": True})
        for status in (302, 307):
            error = self.rejected(status, b"", {"Location": elsewhere.base_url})
            self.assertEqual((error.status, error.code), (status, "unexpected_response"))
        self.assertEqual(elsewhere.requests, [])

    def test_closed_port_is_a_network_error(self) -> None:
        self.assert_no_response("network", self.session("http://127.0.0.1:9"))

    def test_truncated_response_is_a_network_error(self) -> None:
        server = self.fake_server(200, b'{"attributed"', {"Content-Length": "19"})
        self.assert_no_response("network", self.session(server.base_url))

    def test_silent_server_is_a_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self.assert_no_response("timeout", self.session(f"http://127.0.0.1:{port}", timeout=0.05))

    def test_server_that_stops_in_the_middle_is_a_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            def respond() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{")
                    while connection.recv(1024):  # until the client gives up
                        pass

            threading.Thread(target=respond).start()
            self.assert_no_response("timeout", self.session(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.05))

    def test_rejects_invalid_arguments_without_quoting_them(self) -> None:
        for base_url in ("", "/v1", "ftp://a", "https://", "https://u:hidden-@a", "https://a/?hidden-", "https://a/#hidden-", "https://a\n"):
            with self.subTest(base_url), self.assertRaises(ValueError) as caught:
                self.session(base_url)
            self.assert_no_secret(caught.exception)
        for timeout in (0, -1, float("nan")):
            with self.subTest(timeout), self.assertRaises(ValueError):
                self.session("https://example.com", timeout)

    def test_repr_contains_no_secret(self) -> None:
        session = self.session("https://example.com")
        self.assertEqual(repr(session), "ConsoleSession(base_url='https://example.com')")
        self.assertNotIn("hidden-", f"{session} {session.auth!r} {[session]}")

    def test_result_is_immutable(self) -> None:
        with self.assertRaises(AttributeError):
            setattr(Attribution(True), "attributed", False)
