from __future__ import annotations

from ._attribution import Attribution, parse_attribution
from ._client import Client


class Auth:
    """The auth calls of the API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def attribute(self) -> Attribution:
        """Links the signed-in user to whoever referred them. Call it once, right after sign-in.

        The API spends ref_code, whatever the result, and the session forgets it. Raises TriportError
        when the request was refused and TriportNetworkError when there was no answer; ref_code is
        kept then. Neither is a failed login.
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
        """A cookie that is None or empty is not sent. timeout is in seconds, for connecting and for
        each wait for the server."""
        cookies = {"nl_session": nl_session, "nl_csrf": nl_csrf, "ref_code": ref_code}
        self._client = Client(base_url, timeout, cookies)
        self.auth = Auth(self._client)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._client.base_url!r})"  # the rest is secret

    @property
    def ref_code(self) -> str | None:
        """The referral code; None once the API has spent it: then delete the user's cookie as well."""
        return self._client.cookies["ref_code"]
