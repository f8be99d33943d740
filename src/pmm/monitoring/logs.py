"""Logs as JSON lines on standard error; whatever looks like a signature is taken out on the way."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

_SECRET_NAMES = frozenset(
    {"signature", "r", "vs", "order", "body", "password", "secret", "authorization", "api_key"}
)
# 64 bytes and more in hex: a compact signature or longer. A digest or an address is shorter.
_LONG_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{128,}")
_KEY = re.compile(r"pmm_[0-9a-f]{12}_[A-Za-z0-9_\-]{20,}")
_GONE = "<redacted>"


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Remove signatures, orders and credentials from a log event."""
    for name, value in event.items():
        if name in _SECRET_NAMES:
            event[name] = _GONE
        elif isinstance(value, bytes):
            event[name] = _GONE if len(value) >= 64 else value.hex()
        elif isinstance(value, str):
            event[name] = _KEY.sub(_GONE, _LONG_HEX.sub(_GONE, value))
    return event


def log_to_stderr(level: str = "info") -> None:
    """Write events of this level and above."""
    _log_to(lambda: sys.stderr, level)


def log_to_file(file: TextIO, level: str = "info") -> None:
    """Write events of this level and above to an open file instead; as :func:`log_to_stderr`."""
    _log_to(lambda: file, level)


def _log_to(target: Callable[[], TextIO], level: str) -> None:
    def printer(*_: Any) -> Any:
        return structlog.PrintLogger(target())

    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.add_log_level,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=printer,
    )
