"""Who carries a command out: small Protocols that other parts of the desk fit, and the table from actions to them.

Every method may be called again with the same ``command_id`` after a crash, and must then have the effect of one
call. What sets an absolute value has that by itself; what trades hands the id on as the key of its intent. A failure
is a PmmError and is tried again; a return value says in a few words what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pmm.errors import PmmError
from pmm.execution.actions.command import Command
from pmm.risk.plans import ActionKind

Executor = Callable[[Command], str]
"""Does a command, returns what was done, raises PmmError; ActionRefused where trying again changes nothing,
ActionUnderWay where it has begun: called again it says how far it is, and begins nothing twice."""


class ActionRefused(PmmError):
    """This desk cannot do it, and the message says why: the command gives up at once."""


class ActionUnderWay(PmmError):
    """It was begun and its end is not known: the command stays started, and its executor is asked again."""


class QuotingControl(Protocol):
    """Stops quotes and shapes them. All methods set a state, none adds to one."""

    def stop(self, reason: str) -> str:
        """Stop all quotes; a stop by a person stands beside it."""
        ...

    def resume(self, step: str) -> str:
        """End our own stop; never one of a person's."""
        ...

    def cut_sizes(self, size_bps: int) -> str:
        """Quote this part of the normal sizes."""
        ...

    def widen(self, spread_addon_bps: float) -> str:
        """Add this to every half-spread."""
        ...

    def skew(self, asset: str, skew_bps: float) -> str:
        """Shift both prices of an asset."""
        ...


class HedgeDesk(Protocol):
    """The hedger."""

    def hedge_to_neutral(self, asset: str, command_id: str) -> str:
        """Hedge an asset, or all (``*``), to neutral on the cheapest venue."""
        ...

    def rebalance(self, asset: str, command_id: str) -> str:
        """Bring the inventory of an asset, or of all, back to its target."""
        ...

    def unwind(self, command_id: str) -> str:
        """Close every position."""
        ...


class LendingDesk(Protocol):
    """The keeper of the lending accounts."""

    def deleverage(self, account: str, command_id: str) -> str:
        """Repay an account, or the most endangered first (``*``), up to the working buffer."""
        ...


class OnChainCancel(Protocol):
    """Voids every outstanding quote in the settlement contract (``pmm.chain.guardian``)."""

    def cancel_all(self, command_id: str) -> str:
        """Void them; return the transactions. Doing it again voids nothing more and costs gas."""
        ...


class Failover(Protocol):
    """Something with spares: the node pool, the external sources."""

    def switch(self, what: str, command_id: str) -> str:
        """Leave the one in use (``*``), or the one named, for the next best."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPorts:
    """What there is on this desk; a port that is None makes its actions give up, with a word why."""

    quoting: QuotingControl
    hedges: HedgeDesk | None = None
    lending: LendingDesk | None = None
    cancel: OnChainCancel | None = None
    nodes: Failover | None = None
    sources: Failover | None = None


_BPS: Final = 10_000


def executors_of(ports: ActionPorts) -> Mapping[ActionKind, Executor]:
    """Return who does what; an action without a port is not in it."""
    quoting = ports.quoting
    table: dict[ActionKind, Executor] = {
        ActionKind.STOP_QUOTING: lambda one: quoting.stop(one.reason),
        ActionKind.RESUME_STEP: lambda one: quoting.resume(one.subject),
        ActionKind.CUT_SIZES: lambda one: quoting.cut_sizes(min(int(one.value), _BPS)),
        ActionKind.WIDEN: lambda one: quoting.widen(one.value),
        ActionKind.SKEW: lambda one: quoting.skew(one.subject, one.value),
    }
    hedges, lending, cancel, nodes, sources = (
        ports.hedges,
        ports.lending,
        ports.cancel,
        ports.nodes,
        ports.sources,
    )
    if hedges is not None:
        table[ActionKind.HEDGE_NOW] = lambda one: hedges.hedge_to_neutral(one.subject, one.command_id)
        table[ActionKind.REBALANCE] = lambda one: hedges.rebalance(one.subject, one.command_id)
        table[ActionKind.UNWIND_ALL] = lambda one: hedges.unwind(one.command_id)
    if lending is not None:
        table[ActionKind.REPAY] = lambda one: lending.deleverage(one.subject, one.command_id)
    if cancel is not None:
        table[ActionKind.CANCEL_ALL] = lambda one: cancel.cancel_all(one.command_id)
    if nodes is not None:
        table[ActionKind.SWITCH_NODE] = lambda one: nodes.switch(one.subject, one.command_id)
    if sources is not None:
        table[ActionKind.SWITCH_SOURCE] = lambda one: sources.switch(one.subject, one.command_id)
    return table
