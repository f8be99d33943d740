"""A channel that does what a test says, and an alert for it."""

from __future__ import annotations

from collections.abc import Callable

from pmm.alerts import Alert, Routes, Severity

MINUTE, HOUR = 60_000, 3_600_000
START = 1_800_000_000_000


class Phone:
    """A channel that does what a test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[tuple[str, str]] = []
        self.fault: Callable[[], Exception] | None = None

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        if self.fault is not None:
            raise self.fault()
        self.heard.append((delivery_id, alert.headline))

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self.heard]


def warning(severity: Severity = Severity.WARNING, key: str = "net_delta_pct:WETH") -> Alert:
    return Alert(key=key, severity=severity, title=f"{key} off", text="text")


ROUTES = Routes(least={"pager": Severity.CRITICAL})
