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
"""Every reason the API gives today."""


@dataclass(frozen=True)
class Attribution:
    """What came of a call. It is informational: not being attributed is not a failed login."""

    attributed: bool
    """Whether the user was linked to a referrer by this call."""

    reason: Reason | str | None = None
    """Why not; None exactly when attributed. A newer server may give others than REASONS."""


def parse_attribution(body: object) -> Attribution | None:
    """Reads the body of a 200; None when it is not what the API promises."""
    match body:
        case {"attributed": True, "reason": object()}:
            return None
        case {"attributed": True}:
            return Attribution(True)
        case {"attributed": False, "reason": str(reason)} if reason:
            return Attribution(False, reason)
        case _:
            return None
