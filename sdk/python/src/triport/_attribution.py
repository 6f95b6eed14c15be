from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Reason = Literal[
    "no_cookie",
    "already_attributed",
    "invalid_code",
    "self_referral",
    "unknown_code",
    "referral_cycle",
    "not_eligible",
    "internal_error",
]
"""Why a user was not attributed."""

REASONS: tuple[Reason, ...] = get_args(Reason)
"""Every reason that today's API returns."""


@dataclass(frozen=True)
class Attribution:
    """The result of a call. A user who is not attributed is signed in anyway."""

    attributed: bool
    """Whether this call linked the user to a referrer."""

    reason: Reason | str | None = None
    """Why not. None if and only if attributed. A newer server may return values that are not in REASONS."""


def parse_attribution(body: object) -> Attribution | None:
    """Parses the body of a 200. Returns None if it is not what the API specifies."""
    match body:
        case {"attributed": True, "reason": object()}:
            return None
        case {"attributed": True}:
            return Attribution(True)
        case {"attributed": False, "reason": str(reason)} if reason:
            return Attribution(False, reason)
        case _:
            return None
