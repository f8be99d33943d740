"""Which severity goes where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pmm.alerts.alert import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The least severity that each channel carries; a channel without one carries warnings and worse."""

    least: Mapping[str, Severity] = field(default_factory=dict)
    default: Severity = Severity.WARNING

    def channels(self, severity: Severity, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the channels of a severity; every channel carries critical alerts."""
        return tuple(name for name in names if severity >= self.least.get(name, self.default))
