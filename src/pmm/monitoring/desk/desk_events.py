"""All events of the desk in one registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from pmm.monitoring.desk.alert_events import AlertEvents
from pmm.monitoring.desk.book_events import BookEvents
from pmm.monitoring.desk.chain_watch import ChainWatch
from pmm.monitoring.desk.head_events import HeadEvents
from pmm.monitoring.desk.hedge_events import HedgeEvents
from pmm.monitoring.desk.lending_events import LendingEvents
from pmm.monitoring.desk.risk_events import RiskEvents
from pmm.monitoring.desk.source_events import SourceEvents


class DeskEvents:
    """The groups; each part of the desk gets its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.book = BookEvents(self.registry)
        self.hedges = HedgeEvents(self.registry)
        self.chain = ChainWatch(self.registry)
        self.heads = HeadEvents(self.registry)
        self.lending = LendingEvents(self.registry)
        self.risk = RiskEvents(self.registry)
        self.sources = SourceEvents(self.registry)
        self.alerts = AlertEvents(self.registry)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
