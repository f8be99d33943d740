"""A desk of recorded commands for tests: a ledger file, a clock by hand, ports that note what reached them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pmm.errors import ChainError
from pmm.execution.actions import ActionPorts, ActionRecord, ActionRunner, ActionUnderWay, Retry, executors_of
from pmm.execution.actions.command import Command
from pmm.ledger import open_ledger
from pmm.risk.plans import ActionKind
from pmm.risk.requests import ActionRequest
from tests.helpers.quoting import MAKER

NOW_MS = 1_700_000_000_000


@dataclass
class HandClock:
    """Time that passes when a test says so."""

    now_ms: int = NOW_MS

    def monotonic_s(self) -> float:
        return self.now_ms / 1_000

    def wall_ms(self) -> int:
        return self.now_ms


@dataclass
class Ports:
    """Every port in one; a name in ``broken`` fails. Trades count once per command id, as at a venue with keys."""

    calls: list[tuple[str, ...]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    stopped: bool = False
    size_bps: int = 10_000
    spread_bps: float = 0.0
    skews: dict[str, float] = field(default_factory=dict)
    trades: dict[str, str] = field(default_factory=dict)
    under_way: bool = False
    """Trades have begun and no end yet."""

    def _call(self, *what: str) -> str:
        self.calls.append(what)
        if what[0] in self.broken:
            raise ChainError(f"{what[0]}: expected an answer, found none")
        return " ".join(what)

    def stop(self, reason: str) -> str:
        done = self._call("stop")
        self.stopped = True
        return done

    def resume(self, step: str) -> str:
        done = self._call("resume", step)
        self.stopped = False
        return done

    def cut_sizes(self, size_bps: int) -> str:
        done = self._call("cut", str(size_bps))
        self.size_bps = size_bps
        return done

    def widen(self, spread_addon_bps: float) -> str:
        done = self._call("widen", str(spread_addon_bps))
        self.spread_bps = spread_addon_bps
        return done

    def skew(self, asset: str, skew_bps: float) -> str:
        done = self._call("skew", asset)
        self.skews[asset] = skew_bps
        return done

    def _trade(self, what: str, subject: str, command_id: str) -> str:
        done = self._call(what, subject)
        self.trades.setdefault(command_id, what)
        if self.under_way:
            raise ActionUnderWay(f"{what} has begun")
        return done

    def hedge_to_neutral(self, asset: str, command_id: str) -> str:
        return self._trade("hedge", asset, command_id)

    def rebalance(self, asset: str, command_id: str) -> str:
        return self._trade("rebalance", asset, command_id)

    def unwind(self, command_id: str) -> str:
        return self._trade("unwind", "*", command_id)

    def deleverage(self, account: str, command_id: str) -> str:
        return self._trade("repay", account, command_id)

    def cancel_all(self, command_id: str) -> str:
        return self._call("cancel")

    def switch(self, what: str, command_id: str) -> str:
        return self._call("switch", what)


def action_ports(ports: Ports) -> ActionPorts:
    """Fit them in everywhere."""
    return ActionPorts(quoting=ports, hedges=ports, lending=ports, cancel=ports, nodes=ports, sources=ports)


@dataclass
class ActionDesk:
    """A runner on a ledger file."""

    path: Path
    ask: tuple[str, ...] = ()
    ask_expires_ms: int | None = None
    ports: Ports = field(default_factory=Ports)
    clock: HandClock = field(default_factory=HandClock)
    changes: list[Command] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open, or open again after a close, as a new process would."""
        self.ledger = open_ledger(self.path, chain_id=1, maker=MAKER)
        self.record = ActionRecord(self.ledger)
        self.runner = ActionRunner(
            self.record,
            executors_of(action_ports(self.ports)),
            clock=self.clock,
            ask=self.ask,
            ask_expires_ms=self.ask_expires_ms,
            retry=Retry(wait_ms=1_000, attempts=3, max_age_ms=600_000),
            on_change=self.changes.append,
        )

    def close(self) -> None:
        self.ledger.close()


def request(kind: ActionKind, subject: str = "*", value: float = 0.0, at_ms: int = NOW_MS) -> ActionRequest:
    """Ask for something."""
    return ActionRequest(
        request_id=f"{kind.value}:{subject}:{value:g}@{at_ms}",
        kind=kind,
        subject=subject,
        value=value,
        reason="a test",
        at_ms=at_ms,
    )
