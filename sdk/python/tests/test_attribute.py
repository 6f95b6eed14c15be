"""Calls to the real server."""

from __future__ import annotations

import sqlite3
import unittest
from contextlib import closing

from tests.binary import Binary
from triport import Attribution, ConsoleSession, TriportError


class AttributeTest(unittest.TestCase):
    server: Binary

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Binary()
        cls.addClassCleanup(cls.server.stop)

    def test_attributes_an_invitee_once_and_drops_the_code(self) -> None:
        ann, bob = self.server.user("ann"), self.server.user("bob")
        cookies = self.server.session(bob)
        session = self.server.console(cookies, ann["code"])
        self.assertEqual(session.auth.attribute(), Attribution(True))
        self.assertIsNone(session.ref_code)
        self.assertEqual(session.auth.attribute(), Attribution(False, "no_cookie"))

        again = self.server.console(cookies, ann["code"])
        self.assertEqual(again.auth.attribute(), Attribution(False, "already_attributed"))
        back = self.server.console(self.server.session(ann), bob["code"])
        self.assertEqual(back.auth.attribute(), Attribution(False, "referral_cycle"))

    def test_returns_the_reason(self) -> None:
        cid = self.server.user("cid")
        cookies = self.server.session(cid)
        for code, reason in [
            (None, "no_cookie"),
            ("", "no_cookie"),
            ("-no-code-", "invalid_code"),
            ("café", "invalid_code"),
            ('"quoted"', "invalid_code"),
            (f"x; nl_session={cookies['nl_session']}", "invalid_code"),
            ("no-such-code", "unknown_code"),
            (cid["code"], "self_referral"),
        ]:
            with self.subTest(code=code):
                session = self.server.console(cookies, code)
                self.assertEqual(session.auth.attribute(), Attribution(False, reason))
                self.assertIsNone(session.ref_code)

    def test_returns_the_reason_for_an_account_that_is_too_old(self) -> None:
        server = Binary(TRIPORT_REFERRAL_SIGNUP_WINDOW="1ns")
        self.addCleanup(server.stop)
        ann, bob = server.user("ann"), server.user("bob")
        session = server.console(server.session(bob), ann["code"])
        self.assertEqual(session.auth.attribute(), Attribution(False, "not_eligible"))

    def test_returns_the_reason_if_the_store_is_locked(self) -> None:
        server = Binary(TRIPORT_REFERRAL_DEADLINE="50ms")
        self.addCleanup(server.stop)
        ann, bob = server.user("ann"), server.user("bob")
        session = server.console(server.session(bob), ann["code"])
        with closing(sqlite3.connect(server.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.assertEqual(session.auth.attribute(), Attribution(False, "internal_error"))
            other.execute("ROLLBACK")
        self.assertIsNone(session.ref_code)

    def test_raises_if_the_request_is_rejected_and_keeps_the_code(self) -> None:
        good = self.server.session(self.server.user("fay"))
        other = self.server.session(self.server.user("gus"))
        for session, csrf, status, code in [
            (None, None, 401, "unauthenticated"),
            ("stale", "stale", 401, "unauthenticated"),
            ("two\r\nlines", "stale", 401, "unauthenticated"),
            (good["nl_session"], None, 403, "csrf_missing"),
            (good["nl_session"], "", 403, "csrf_missing"),
            (good["nl_session"], other["nl_csrf"], 403, "csrf_invalid"),
        ]:
            with self.subTest(session=session, csrf=csrf):
                console = ConsoleSession(
                    nl_session=session, nl_csrf=csrf, ref_code="kept", base_url=self.server.base_url
                )
                with self.assertRaises(TriportError) as caught:
                    console.auth.attribute()
                self.assertEqual((caught.exception.status, caught.exception.code), (status, code))
                self.assertRegex(caught.exception.request_id or "", "^req_[0-9a-f]{16}$")
                self.assertEqual(console.ref_code, "kept")

    def test_path_is_appended_to_the_base_url(self) -> None:
        session = ConsoleSession(nl_session=None, nl_csrf=None, base_url=f"{self.server.base_url}/elsewhere/")
        with self.assertRaises(TriportError) as caught:
            session.auth.attribute()
        self.assertEqual(caught.exception.code, "not_found")
