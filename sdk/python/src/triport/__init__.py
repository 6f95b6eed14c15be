"""Client of the triport console API."""

from ._attribution import REASONS, Attribution, Reason
from ._errors import TriportError, TriportNetworkError
from ._session import Auth, ConsoleSession

__all__ = [
    "REASONS",
    "Attribution",
    "Auth",
    "ConsoleSession",
    "Reason",
    "TriportError",
    "TriportNetworkError",
]
