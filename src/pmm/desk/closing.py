"""What a desk has opened, and the end of all of it."""

from __future__ import annotations

from typing import Protocol, TypeVar

import structlog

_LOG = structlog.get_logger()


class Closable(Protocol):
    """A thread, a connection, a file."""

    def close(self) -> None:
        """Give back what is held."""
        ...


_Part = TypeVar("_Part", bound=Closable)


class OpenedParts:
    """Closes its parts, the newest first, whatever one of them does: a lock that stays keeps the next desk out.

    ``contextlib.ExitStack`` raises what failed last; the first failure is nearer to its cause.
    """

    def __init__(self) -> None:
        self._parts: list[Closable] = []

    def keep(self, part: _Part) -> _Part:
        """Return the part, which is closed with the others."""
        self._parts.append(part)
        return part

    def close(self) -> None:
        """Close all that is open; raises the first failure behind the last part, the others are logged."""
        failed = self._close()
        if failed is not None:
            raise failed

    def abandon(self) -> None:
        """Close all that is open for a failure that is being raised: those of the parts are logged."""
        self._close()

    def _close(self) -> BaseException | None:
        first: BaseException | None = None
        while self._parts:
            part = self._parts.pop()
            try:
                part.close()
            except BaseException as error:  # noqa: BLE001 - also an interrupt: what is open must not stay open
                _LOG.error(
                    "part_not_closed", part=type(part).__name__, why=f"{type(error).__name__}: {error}"
                )
                first = first or error
        return first
