"""Answers that the real server gives on its bad days only, and answers of others."""

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


class StandIn(ThreadingHTTPServer):
    """Answers every request alike, and notes what it was asked."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers
        self.seen: list[Mapping[str, str]] = []
        self.base_url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(StandIn, self.server)
        server.seen.append({":path": self.path, **self.headers})
        status, body, headers = server.answer
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ErrorsTest(unittest.TestCase):
    def stand_in(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> StandIn:
        server = StandIn(status, body, headers or {})
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        self.addCleanup(server.shutdown)
        return server

    def session(self, base_url: str, timeout: float = 10) -> ConsoleSession:
        return ConsoleSession(
            nl_session="hidden-session", nl_csrf="hidden-csrf", ref_code="hidden-code", base_url=base_url, timeout=timeout
        )

    def refused(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> TriportError:
        with self.assertRaises(TriportError) as caught:
            self.session(self.stand_in(status, body, headers).base_url).auth.attribute()
        self.assert_hides(caught.exception)
        return caught.exception

    def unanswered(self, kind: str, session: ConsoleSession) -> None:
        with self.assertRaises(TriportNetworkError) as caught:
            session.auth.attribute()
        self.assertNotIsInstance(caught.exception, TriportError)
        self.assertEqual(caught.exception.kind, kind)
        self.assertEqual(session.ref_code, "hidden-code")
        self.assert_hides(caught.exception)

    def assert_hides(self, error: Exception) -> None:
        shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
        self.assertNotIn("hidden-", shown)

    def test_the_request_is_as_the_api_wants_it(self) -> None:
        server = self.stand_in(200, {"attributed": True})
        self.session(f"{server.base_url}/gateway/").auth.attribute()
        (seen,) = server.seen
        self.assertEqual(seen[":path"], "/gateway/v1/auth/attribute")
        self.assertEqual(seen["Cookie"], "nl_session=hidden-session; nl_csrf=hidden-csrf; ref_code=hidden-code")
        self.assertEqual(seen["X-Csrf-Token"], "hidden-csrf")
        self.assertEqual(seen["Content-Type"], "application/json")

    def test_no_value_can_begin_another_cookie_or_header(self) -> None:
        server = self.stand_in(200, {"attributed": True})
        ConsoleSession(
            nl_session="s", nl_csrf="c\r\nX-Evil: €", ref_code="r; nl_session=evil", base_url=server.base_url
        ).auth.attribute()
        (seen,) = server.seen
        self.assertEqual(seen["Cookie"], "nl_session=s; nl_csrf=c??X-Evil:??; ref_code=r??nl_session=evil")
        self.assertEqual(seen["X-Csrf-Token"], "c??X-Evil:??")

    def test_carries_what_the_envelope_says(self) -> None:
        envelope = {"error": "unavailable", "message": "Try again.", "request_id": "req_1"}
        error = self.refused(503, envelope, {"Retry-After": "1", "X-Request-Id": "req_2"})
        self.assertEqual((error.status, error.code, error.message), (503, "unavailable", "Try again."))
        self.assertEqual((error.request_id, error.retry_after), ("req_1", 1))
        self.assertEqual(str(error), "Try again. (503 unavailable, request req_1)")

    def test_carries_a_code_it_does_not_know(self) -> None:
        error = self.refused(418, {"error": "teapot"})
        self.assertEqual((error.code, error.message, error.request_id, error.retry_after), ("teapot",) * 2 + (None,) * 2)

    def test_tells_an_answer_that_is_not_the_apis(self) -> None:
        error = self.refused(502, b"<h1>Bad Gateway</h1>", {"X-Request-Id": "req_3", "Retry-After": "soon"})
        self.assertEqual((error.status, error.code), (502, "unexpected_response"))
        self.assertEqual((error.request_id, error.retry_after), ("req_3", None))

    def test_does_not_take_a_200_for_an_outcome_that_is_none(self) -> None:
        bodies: list[object] = [
            b"", b"{", b"\xff", b"[" * 100_000, None, True, [], {}, {"attributed": 1}, {"attributed": False},
            {"attributed": False, "reason": ""}, {"attributed": False, "reason": 1},
            {"attributed": True, "reason": "no_cookie"}, {"error": "not an error"},
        ]  # fmt: skip
        for body in bodies:
            with self.subTest(body=str(body)[:40]):
                error = self.refused(200, body)
                self.assertEqual((error.status, error.code), (200, "unexpected_response"))

    def test_does_not_take_another_status_for_an_outcome(self) -> None:
        self.assertEqual(self.refused(201, {"attributed": True}).code, "unexpected_response")

    def test_passes_every_reason_on_also_one_it_does_not_know(self) -> None:
        for reason in (*REASONS, "blue_moon"):
            server = self.stand_in(200, {"attributed": False, "reason": reason, "since": 2030})
            self.assertEqual(self.session(server.base_url).auth.attribute(), Attribution(False, reason))

    def test_forgets_the_code_only_when_its_cookie_is_deleted(self) -> None:
        for cookie, kept in [
            ("ref_code=; Path=/; Max-Age=0; HttpOnly", None),
            ("ref_code=; path=/; max-age=0", None),
            ("REF_CODE=; Max-Age=0", "hidden-code"),
            ("ref_code=hidden-code; Max-Age=60", "hidden-code"),
            ("other=; Max-Age=0", "hidden-code"),
        ]:
            session = self.session(self.stand_in(200, {"attributed": True}, {"Set-Cookie": cookie}).base_url)
            session.auth.attribute()
            self.assertEqual(session.ref_code, kept, cookie)

    def test_does_not_follow_a_redirect(self) -> None:
        elsewhere = self.stand_in(200, {"attributed": True})
        for status in (302, 307):
            error = self.refused(status, b"", {"Location": elsewhere.base_url})
            self.assertEqual((error.status, error.code), (status, "unexpected_response"))
        self.assertEqual(elsewhere.seen, [])

    def test_tells_that_nobody_listens(self) -> None:
        self.unanswered("network", self.session("http://127.0.0.1:9"))

    def test_tells_that_the_answer_broke_off(self) -> None:
        server = self.stand_in(200, b'{"attributed"', {"Content-Length": "19"})
        self.unanswered("network", self.session(server.base_url))

    def test_tells_that_the_server_is_silent(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self.unanswered("timeout", self.session(f"http://127.0.0.1:{port}", timeout=0.05))

    def test_tells_that_the_server_falls_silent(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{")
                    while connection.recv(1024):  # until the client gives up
                        pass

            threading.Thread(target=answer).start()
            self.unanswered("timeout", self.session(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.05))

    def test_refuses_arguments_that_cannot_work_without_quoting_them(self) -> None:
        for base_url in ("", "/v1", "ftp://a", "https://", "https://u:hidden-@a", "https://a/?hidden-", "https://a/#hidden-", "https://a\n"):
            with self.subTest(base_url), self.assertRaises(ValueError) as caught:
                self.session(base_url)
            self.assert_hides(caught.exception)
        for timeout in (0, -1, float("nan")):
            with self.subTest(timeout), self.assertRaises(ValueError):
                self.session("https://example.com", timeout)

    def test_shows_no_secret(self) -> None:
        session = self.session("https://example.com")
        self.assertEqual(repr(session), "ConsoleSession(base_url='https://example.com')")
        self.assertNotIn("hidden-", f"{session} {session.auth!r} {[session]}")

    def test_a_result_cannot_be_changed(self) -> None:
        with self.assertRaises(AttributeError):
            setattr(Attribution(True), "attributed", False)
