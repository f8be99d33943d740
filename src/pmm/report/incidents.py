"""Incidents of a desk from its ledger, and the report of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pmm.errors import InvalidInput
from pmm.execution.actions import ActionRecord, Incident, incident_report, incidents
from pmm.ledger import ReadOnlyLedger, read_ledger
from pmm.risk.settings import RiskSettings

LATEST = "latest"
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIncident:
    """An incident with its id, which is when it began, UTC."""

    name: str
    incident: Incident

    @property
    def line(self) -> str:
        """What a list shows of it."""
        end_ms = self.incident.end_ms
        if end_ms is None:
            return f"{self.name}  still lasts"
        return f"{self.name}  {(end_ms - self.incident.start_ms) / 1_000:,.0f} s"


def list_incidents(ledger: str, *, now_ms: int, days: int) -> list[NamedIncident]:
    """Return the incidents of the last days, oldest first; raises as ``read_ledger``."""
    with read_ledger(ledger) as reader:
        return _list(ActionRecord(ReadOnlyLedger(reader)), now_ms, days)


def write_incident(ledger: str, name: str, settings: RiskSettings, *, now_ms: int, days: int) -> str:
    """Return the report of one incident, ``latest`` or by its id, as Markdown.

    Raises InvalidInput where there is no such incident, naming those there are, and as ``read_ledger``.
    """
    with read_ledger(ledger) as reader:
        record = ActionRecord(ReadOnlyLedger(reader))
        found = _list(record, now_ms, days)
        wanted = found[-1:] if name == LATEST else [one for one in found if one.name == name]
        if not wanted:
            known = ", ".join(one.name for one in found[-5:]) or "none"
            raise InvalidInput(
                f"incident {name[:40]!r}: expected one of the last {days} days, found {known}; look further back "
                "with --days"
            )
        return incident_report(record, wanted[0].incident, settings, now_ms)


def _list(record: ActionRecord, now_ms: int, days: int) -> list[NamedIncident]:
    return [
        NamedIncident(name=_name(one.start_ms), incident=one)
        for one in incidents(record, now_ms - days * _DAY_MS, now_ms)
    ]


def _name(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1_000, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{at_ms % 1_000:03d}Z"
