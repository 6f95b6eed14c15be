from __future__ import annotations

from ._attribution import Attribution, parse_attribution
from ._client import Client


class Auth:
    """The auth calls of the API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def attribute(self) -> Attribution:
        """Links the signed-in user to the user who referred them. Call it once, right after sign-in.

        Whatever the result, the API deletes ref_code, and so does the session. Raises TriportError if
        the request was rejected and TriportNetworkError if no response arrived. Then the session
        keeps ref_code. Neither error means that the login failed.
        """
        return self._client.post("/v1/auth/attribute", parse_attribution)


class ConsoleSession:
    """A user's session with the console API, from the cookies captured during sign-in."""

    def __init__(
        self,
        *,
        nl_session: str | None,
        nl_csrf: str | None,
        ref_code: str | None = None,
        base_url: str = "https://api.triport.io",
        timeout: float = 10.0,
    ) -> None:
        """A cookie that is None or empty is not sent. timeout is in seconds. It applies to connecting and
        to each wait for the server."""
        cookies = {"nl_session": nl_session, "nl_csrf": nl_csrf, "ref_code": ref_code}
        self._client = Client(base_url, timeout, cookies)
        self.auth = Auth(self._client)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._client.base_url!r})"  # the rest is secret

    @property
    def ref_code(self) -> str | None:
        """The referral code. None after the API deleted it: then delete the user's cookie too."""
        return self._client.cookies["ref_code"]
