"""What the desk logs and counts: one function per domain event, in one registry.

How to join it: make one ``DeskEvents()`` in the composition root and hand each part the group it speaks to, through
that part's own Protocol::

    events = DeskEvents()
    indexer = Indexer(..., watch=events.chain)       # block_followed, reorg_healed, node_scored
    hedger = Hedger(..., watch=events.hedges)        # hedge_intended, hedge_finished
    keeper = LendingKeeper(..., watch=events.lending)
    engine = RiskEngine(..., watch=events.risk)      # metric_measured, state_changed, action_taken
    sources = SourceDesk(..., watch=events.sources)
    alerts = AlertDesk(..., watch=events.alerts)
    port = MetricsPort(events.registry, port=9650)   # GET /metrics on 127.0.0.1

Every function takes whole tokens, US dollars and seconds as floats: this is for looking at, no money is decided here.
"""

from pmm.monitoring.desk.alert_events import AlertEvents
from pmm.monitoring.desk.book_events import BookEvents
from pmm.monitoring.desk.chain_watch import ChainWatch
from pmm.monitoring.desk.desk_events import DeskEvents
from pmm.monitoring.desk.hedge_events import HedgeEvents
from pmm.monitoring.desk.lending_events import LendingEvents
from pmm.monitoring.desk.metrics_port import MetricsPort
from pmm.monitoring.desk.risk_events import RISK_STATES, RiskEvents
from pmm.monitoring.desk.source_events import SourceEvents

__all__ = [
    "RISK_STATES",
    "AlertEvents",
    "BookEvents",
    "ChainWatch",
    "DeskEvents",
    "HedgeEvents",
    "LendingEvents",
    "MetricsPort",
    "RiskEvents",
    "SourceEvents",
]
