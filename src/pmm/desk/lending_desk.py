"""Drives the lending keeper, once per block, and says what it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog

from pmm.chain.sender import TransactionRecord, TransactionState
from pmm.desk.stock import Stock
from pmm.domain import Address, parse_address
from pmm.errors import ChainError, InvalidInput
from pmm.execution.actions import ActionRefused
from pmm.execution.hedging import HedgedAsset, HedgeMarket, Intent
from pmm.execution.lending import (
    AccountKey,
    Command,
    CommandSender,
    KeeperPolicy,
    KeeperStep,
    LendingKeeper,
    LendingSource,
    Shortfall,
    UnderWay,
)
from pmm.monitoring.desk.lending_events import LendingEvents
from pmm.pricing.fixed_point import BPS, div_up

_E36 = 10**36
_WAD = 10**18
_PREFIX = "lending:"
_EVERYTHING = "*"
# How the names of ``pmm.venues.aave``'s routes begin.
_LENDING_ROUTE = "aave_"
_OUTCOMES = {
    TransactionState.MINED: "done",
    TransactionState.REVERTED: "failed",
    TransactionState.CANCELLED: "given_up",
    TransactionState.DISPLACED: "failed",
}
_LOG = structlog.get_logger()


class SpareStock:
    """What the keeper may take of the inventory: the desk's stock, less what hedges that are not over may still need,
    less what always stays. ``leaves`` is that, base units per token."""

    def __init__(self, stock: Stock, assets: Iterable[HedgedAsset], leaves: Mapping[Address, int]) -> None:
        self._stock, self._leaves = stock, leaves
        self._assets = {one.asset.address: one for one in assets}
        self._held: dict[Address, int] = {}

    def hold(self, intents: Iterable[Intent], market: HedgeMarket | None) -> None:
        """Keep what these hedges sell: a leg that failed is planned again out of the same inventory."""
        self._held = {}
        for intent in intents:
            token, amount = self._sold(intent, market)
            self._held[token] = self._held.get(token, 0) + amount

    def of(self, balances: Mapping[Address, int]) -> dict[Address, int]:
        """Return what may be taken of balances; what ``LendingStateReader`` asks for."""
        return {
            token: max(amount - self._held.get(token, 0) - self._leaves.get(token, 0), 0)
            for token, amount in self._stock.spare(balances).items()
        }

    def _sold(self, intent: Intent, market: HedgeMarket | None) -> tuple[Address, int]:
        """Return token and most base units that a hedge sells, its worst accepted price included."""
        hedged = self._assets.get(intent.asset)
        if intent.trade <= 0 or hedged is None:
            return intent.asset, max(-intent.trade, 0)
        limits, quote = hedged.limits, hedged.quote.address
        price = market.usd_per_unit_e36.get(quote, 0) if market else 0
        if market is None or price <= 0 or intent.asset not in market.usd_per_unit_e36:
            # What it takes cannot be said: all of it may be needed.
            return quote, self._stock.free(quote)
        paid_usd_wad = market.value_up(intent.asset, intent.trade) * (BPS + limits.max_cost_bps)
        return quote, div_up(paid_usd_wad * _WAD, BPS * price)


class CommandsBesideHedges:
    """A ``CommandSender`` that leaves an account alone while a hedge works on it: its margin lies there idle."""

    def __init__(self, commands: CommandSender, account: AccountKey) -> None:
        self._commands, self._account = commands, account
        self._hedges: tuple[UnderWay, ...] = ()

    def hedging(self, intents: Iterable[Intent]) -> None:
        """Say which hedges are not over."""
        self._hedges = tuple(
            # Urgent: nothing of the keeper's is there to be hurried.
            UnderWay(account=self._account, token=one.asset, moved=0, urgent=True)
            for one in intents
            if one.route.startswith(_LENDING_ROUTE)
        )

    def under_way(self) -> tuple[UnderWay, ...]:
        """Return the keeper's commands and the hedges that work on the account."""
        return (*self._commands.under_way(), *self._hedges)

    def send(self, command: Command, *, block: int) -> str:
        """Send a command."""
        return self._commands.send(command, block=block)

    def hurry(self, account: AccountKey) -> None:
        """Let an account's transactions pay what urgent ones may."""
        self._commands.hurry(account)


class LendingDesk:
    """The keeper within the desk's turn; one thread. Raises as the transaction sender, but no ChainError."""

    def __init__(
        self,
        *,
        source: LendingSource,
        commands: CommandsBesideHedges,
        spare: SpareStock,
        events: LendingEvents,
        policy: KeeperPolicy,
    ) -> None:
        self.keeper = LendingKeeper(source=source, sender=commands, policy=policy)
        self.trouble = ""
        """Why the accounts could not be looked at; empty after they were."""
        self.shortfalls: tuple[Shortfall, ...] = ()
        """What the last look found that nothing of ours mends: a person must act."""
        self._commands, self._spare, self._events = commands, spare, events
        events.keeper_started()
        self._block = -1
        self._refused: frozenset[str] = frozenset()
        self._told: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether commands are under way."""
        return bool(self._commands.under_way())

    def look(self, block: int, market: HedgeMarket | None, intents: Sequence[Intent]) -> KeeperStep | None:
        """Let the keeper look once per block of the books; None where it has, or could not."""
        if block == self._block:
            return None
        self._spare.hold(intents, market)
        self._commands.hedging(intents)
        try:
            step = self.keeper.step()
        except ChainError as error:
            # The oracle is silent, or the node is: the rest of the turn does not wait for it, and this does not rest.
            self.trouble = f"the lending accounts are not kept: {error}"
            return None
        self.trouble, self._block = "", block
        self._tell(step)
        return step

    def deleverage(self, account: str, command_id: str) -> str:
        """Repay an account, or the most endangered first (``*``), up to the working buffer; the action ``repay``.

        The chain is its memory: what is under way is not sent again, what is restored needs nothing. Call it after
        :meth:`look`, which says what the inventory can spare. Raises ActionRefused for what is no account of ours,
        ChainError where the accounts cannot be read or a command is not sent.
        """
        step = self.keeper.restore(None if account == _EVERYTHING else _address(account))
        if not step.state.accounts:
            raise ActionRefused(f"expected a lending account of this desk, found {account}")
        self._tell(step)
        if step.refused:
            why = "; ".join(f"{_name(command)}: {why}" for command, why in step.refused)
            raise ChainError(f"expected to send every repayment, refused: {why}")
        busy = "" if not self._commands.under_way() else ", commands are under way"
        if not step.sent:
            return f"nothing to repay{busy}"
        sent = ", ".join(f"{_name(command)} {command.amount} of {command.token}" for command in step.sent)
        _LOG.info("keeper_asked", command_id=command_id, sent=sent)
        return f"sent {sent}"

    def transactions(self, changed: Sequence[TransactionRecord], market: HedgeMarket | None) -> None:
        """Count what became of the keeper's transactions."""
        for record in changed:
            key, outcome = record.intent.key, _outcome(record)
            if not key.startswith(_PREFIX):
                continue
            if outcome is not None and key not in self._told:
                _, action, account, _, token, _, _, _, amount = key.split(":")
                price = market.usd_per_unit_e36.get(Address(token), 0) if market else 0
                usd = int(amount) * price / _E36
                self._events.keeper_acted(action=action, account=account, outcome=outcome, usd=usd)
                self._told.add(key)
            if record.final:
                self._told.discard(key)

    def _tell(self, step: KeeperStep) -> None:
        self._events.keeper_round()
        for account in step.state.accounts:
            market, buffer = account.market.value, account.buffer_bps
            if buffer is not None:
                self._events.account_checked(account=account.address, market=market, buffer=buffer / BPS)
            for one in account.balances:
                supply, borrow = one.supply_rate_wad / _WAD, one.borrow_rate_wad / _WAD
                self._events.rates_read(market=market, token=one.token.symbol, supply=supply, borrow=borrow)
        for command in step.sent:
            _LOG.info("keeper_sends", action=_name(command), amount=command.amount, why=command.why)
        refused = {f"{_name(command)} {command.token}: {why}" for command, why in step.refused}
        for command, _ in step.refused:
            self._events.keeper_acted(
                action=_name(command), account=command.address, outcome="refused", usd=0.0
            )
        for why in sorted(refused - self._refused):
            _LOG.error("keeper_refused", why=why)
        self._refused, before = frozenset(refused), {one.key for one in self.shortfalls}
        self.shortfalls = step.decision.shortfalls
        keys = {one.key for one in self.shortfalls}
        for account in step.state.accounts:
            self._events.shortfall_judged(
                account=account.address, market=account.market.value, short=account.key in keys
            )
        for short in self.shortfalls:
            if short.key not in before:
                self._events.keeper_acted(action="restore", account=short.key[0], outcome="short", usd=0.0)
                _LOG.error("keeper_short", why=short.detail)


def _outcome(record: TransactionRecord) -> str | None:
    """Return how a command of the keeper ended; only one that had time to wait is given up on purpose."""
    found = _OUTCOMES.get(record.state)
    return "failed" if found == "given_up" and record.intent.last_block is None else found


def _address(account: str) -> Address:
    try:
        return parse_address(account, "lending account")
    except InvalidInput as error:
        raise ActionRefused(str(error)) from error


def _name(command: object) -> str:
    return type(command).__name__.lower()
