from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import TypeVar, cast

from ._errors import TriportError, TriportNetworkError

T = TypeVar("T")


class Client:
    """Sends HTTP requests to the API and keeps one user's cookies as a browser would."""

    def __init__(self, base_url: str, timeout: float, cookies: dict[str, str | None]) -> None:
        if not timeout > 0:
            raise ValueError("timeout must be more than 0 seconds")
        self.base_url = _parse_base_url(base_url)
        self.cookies = cookies
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_RawResponses)

    def post(self, path: str, parse: Callable[[object], T | None]) -> T:
        """Posts {} and passes the body of a 200 to parse. None from parse, or another status, is an error."""
        status, headers, body = self._send(path)
        if _deletes_ref_code(headers):
            self.cookies["ref_code"] = None
        result = parse(body) if status == 200 else None
        if result is None:
            raise _error(status, headers, body)
        return result

    def _send(self, path: str) -> tuple[int, Message, object]:
        request = urllib.request.Request(self.base_url + path, b"{}", self._headers(), method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return response.status, response.headers, _parse_json(response.read())
        except TimeoutError as error:
            raise TriportNetworkError("timeout") from error
        except urllib.error.URLError as error:
            kind = "timeout" if isinstance(error.reason, TimeoutError) else "network"
            raise TriportNetworkError(kind) from error
        except (OSError, http.client.HTTPException) as error:
            raise TriportNetworkError("network") from error

    def _headers(self) -> dict[str, str]:
        cookies = {name: _header_safe(value) for name, value in self.cookies.items() if value}
        headers = {"Content-Type": "application/json", "User-Agent": "triport-sdk-python"}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if "nl_csrf" in cookies:
            headers["X-CSRF-Token"] = cookies["nl_csrf"]
        return headers


class _RawResponses(urllib.request.HTTPErrorProcessor):
    """Returns every response as received: no status raises, and no redirect sends the cookies elsewhere."""

    def http_response(self, request: urllib.request.Request, response: http.client.HTTPResponse) -> http.client.HTTPResponse:
        return response

    https_response = http_response


def _parse_base_url(base_url: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", base_url) or re.search(r"[@?#]", base_url):
        raise ValueError("base_url must be an http or https URL without user, query and fragment")
    return base_url.rstrip("/")


def _header_safe(value: str) -> str:
    """Replaces characters that a cookie value cannot contain, or that could begin another cookie, with ?.
    No token and no code contains one, so the API rejects the value like any wrong one. Without this,
    the HTTP library raises an error that quotes the value."""
    return re.sub(r"[^!-:<-~]", "?", value)


def _deletes_ref_code(headers: Message) -> bool:
    for line in headers.get_all("Set-Cookie", []):
        cookie, *attributes = (part.strip() for part in line.split(";"))
        if cookie.startswith("ref_code=") and any(part.lower() == "max-age=0" for part in attributes):
            return True
    return False


def _parse_json(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # not from the API, whatever the status


def _error(status: int, headers: Message, body: object) -> TriportError:
    match body:
        case {"error": str(code)} if status != 200:
            message = _text(body, "message") or code
        case _:
            code = "unexpected_response"
            message = f"The response (status {status}) is not from the triport API. Check the base URL."
    retry_after = headers.get("Retry-After", "")
    return TriportError(
        message,
        status=status,
        code=code,
        request_id=_text(body, "request_id") or headers.get("X-Request-Id"),
        retry_after=int(retry_after) if re.fullmatch("[0-9]{1,9}", retry_after) else None,
    )


def _text(body: object, key: str) -> str | None:
    value = cast("dict[str, object]", body).get(key) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None
