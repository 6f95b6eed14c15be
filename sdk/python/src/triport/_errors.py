from __future__ import annotations

from typing import Literal


class TriportError(Exception):
    """The API, or something in front of it, answered but did not do what it was asked."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        request_id: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        """The HTTP status; 200 when the body was not as promised."""
        self.code = code
        """What to branch on: unauthenticated, csrf_missing, csrf_invalid, unavailable, ...; or
        unexpected_response, when the answer was not the API's."""
        self.request_id = request_id
        """What to quote to support; None when the answer carried none."""
        self.retry_after = retry_after
        """In how many seconds to try again, where the API says so."""

    def __str__(self) -> str:
        return f"{self.message} ({self.status} {self.code}, request {self.request_id or 'unknown'})"


class TriportNetworkError(Exception):
    """No answer came. The request may have been executed all the same."""

    def __init__(self, kind: Literal["network", "timeout"]) -> None:
        super().__init__(_MESSAGES[kind])
        self.kind = kind
        """network: no connection, or it broke; timeout: the server was silent for too long."""


_MESSAGES = {
    "network": "The triport API could not be reached.",
    "timeout": "The triport API did not answer in time.",
}
