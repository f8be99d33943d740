"""What the door tells whoever logs and counts."""

from __future__ import annotations

from typing import Final, Protocol


class AccessWatch(Protocol):
    """Told of every request that is not let in, and of a key file that cannot be read any more."""

    def refused(self, *, path: str, code: str) -> None:
        """Take note of a refusal."""
        ...

    def key_file_fault(self, fault: str) -> None:
        """Take note that the key file changed and is not readable; the old keys stand."""
        ...


class _NoWatch:
    def refused(self, *, path: str, code: str) -> None:
        """Do nothing."""

    def key_file_fault(self, fault: str) -> None:
        """Do nothing."""


NO_WATCH: Final[AccessWatch] = _NoWatch()
