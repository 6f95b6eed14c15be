"""The real server, for the tests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from triport import ConsoleSession

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.path.abspath(os.environ.get("TRIPORT_CONSOLE_BIN") or ROOT / "../../bin/triport-console")


class Binary:
    """A running server of the real program, with its own database."""

    def __init__(self, **settings: str) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="triport-")
        self.database = os.path.join(self._directory.name, "triport.db")
        self._env = {
            "HOME": self._directory.name,
            "TRIPORT_DATABASE": self.database,
            "TRIPORT_LOG_LEVEL": "error",
            **settings,
        }
        self._server = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0"],
            cwd=self._directory.name,
            env=self._env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdout
        self.base_url = self._server.stdout.readline().strip().removeprefix("listening on ")

    def stop(self) -> None:
        self._server.terminate()
        self._server.communicate()
        self._directory.cleanup()

    def user(self, name: str) -> dict[str, Any]:
        return self.run("user", "create", "--email", f"{name}@example.com")

    def session(self, user: dict[str, Any]) -> dict[str, str]:
        """The two cookies of a new session."""
        created = self.run("session", "create", user["id"])
        return {name: created[name] for name in ("nl_session", "nl_csrf")}

    def console(self, cookies: dict[str, str], ref_code: str | None) -> ConsoleSession:
        return ConsoleSession(
            nl_session=cookies["nl_session"], nl_csrf=cookies["nl_csrf"], ref_code=ref_code, base_url=self.base_url
        )

    def run(self, *command: str) -> Any:
        done = subprocess.run(
            [BINARY, *command, "-o", "json"],
            cwd=self._directory.name,
            env=self._env,
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(done.stdout)
