from __future__ import annotations

from typing import Literal


class TriportError(Exception):
    """The API, or a server in front of it, responded with an error."""

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
        """The HTTP status. 200 if the body was not what the API specifies."""
        self.code = code
        """The value to branch on: unauthenticated, csrf_missing, csrf_invalid, unavailable, ...; or
        unexpected_response if the response was not from the API."""
        self.request_id = request_id
        """Quote it to support. None if the response had none."""
        self.retry_after = retry_after
        """After how many seconds to try again, if the API says so."""

    def __str__(self) -> str:
        return f"{self.message} ({self.status} {self.code}, request {self.request_id or 'unknown'})"


class TriportNetworkError(Exception):
    """No response arrived. The API may have processed the request anyway."""

    def __init__(self, kind: Literal["network", "timeout"]) -> None:
        super().__init__(_MESSAGES[kind])
        self.kind = kind
        """network: no connection, or it was lost. timeout: the server sent nothing for too long."""


_MESSAGES = {
    "network": "The triport API could not be reached.",
    "timeout": "The triport API did not respond in time.",
}
