"""What risk asks for, done: named, recorded, idempotent commands, automatic or after a person's word.

How it is joined: the desk opens its ledger, makes ``ActionRecord(ledger)`` and restores
``RiskMonitor(..., restored=states, desk=state)`` from ``record.phases()``. It fits its parts into ``ActionPorts``
(quoting with ``BoardQuoting`` in one process or ``OperatorQuoting`` over HTTP; hedger, lending keeper, node pool,
sources; ``SignerStop`` around the guardian) and makes ``ActionRunner(record, executors_of(ports), clock=...,
ask=settings.ask)``. After every ``monitor.apply`` and ``tick``: ``record.observe(transitions, monitor.states,
monitor.desk, money, now_ms)``, then ``runner.submit(monitor.requests(now_ms))``. Two threads call
``runner.run_due(STANDING)`` and ``runner.run_due(SINGLE)`` every second and at the start: it does again what a crash
left open. ``runner.waiting()``, ``approve`` and ``decline`` are the console's. ``incidents`` and ``incident_report``
read the record.
"""

from pmm.execution.actions.board_quoting import BoardQuoting
from pmm.execution.actions.command import AuditLine, Command, Status
from pmm.execution.actions.executors import ActionPorts, ActionRefused, ActionUnderWay, executors_of
from pmm.execution.actions.incident import Incident, incident_report, incidents
from pmm.execution.actions.operator_quoting import OperatorQuoting, SignerStop
from pmm.execution.actions.operator_shaping import OperatorShaping
from pmm.execution.actions.record import ActionRecord, Money
from pmm.execution.actions.runner import ActionRunner, Retry
from pmm.execution.actions.trail import AuditTrail

__all__ = [
    "ActionPorts",
    "ActionRecord",
    "ActionRefused",
    "ActionRunner",
    "ActionUnderWay",
    "AuditLine",
    "AuditTrail",
    "BoardQuoting",
    "Command",
    "Incident",
    "Money",
    "OperatorQuoting",
    "OperatorShaping",
    "Retry",
    "SignerStop",
    "Status",
    "executors_of",
    "incident_report",
    "incidents",
]
