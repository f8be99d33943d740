"""The desk's parts as the actions see them: hedger, sender, node pool, quote server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pmm.chain.abi import encode_call
from pmm.chain.node_pool import NodePool
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import TransactionIntent, TransactionSender, TransactionState
from pmm.chain.signer_keys import act_as_owner, signers_now
from pmm.desk.strategy import DUST_USD_WAD
from pmm.domain import Address
from pmm.errors import ChainError, PmmError
from pmm.execution.actions import ActionRefused, ActionUnderWay, OperatorQuoting, OperatorShaping
from pmm.execution.actions.executors import QuotingControl
from pmm.execution.hedging import HedgedAsset, HedgeMarket, Hedger
from pmm.execution.hedging.commanded import CommandedHedge, CommandedState
from pmm.settings_sections import DeskSettings

EVERYTHING = "*"
_WAD = 10**18
_DEAD = frozenset({TransactionState.REVERTED, TransactionState.CANCELLED, TransactionState.DISPLACED})


class HedgeNotDone(PmmError):
    """A commanded hedge failed or found no way. The hedger keeps it in its books and tries again."""


class HedgerActions:
    """Hedges to neutral, whatever the strategy says. Belongs to the hedger's thread.

    What the desk wants to hold is its target, so that rebalancing and unwinding are the same here; positions on
    lending markets are not closed by it.
    """

    def __init__(
        self,
        hedger: Hedger,
        hedged: Sequence[HedgedAsset],
        market: Callable[[], HedgeMarket | None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._hedger = hedger
        self._market = market
        self._assets = {one.asset.symbol: one.asset.address for one in hedged}
        self._clock_ms = clock_ms

    def hedge_to_neutral(self, asset: str, command_id: str) -> str:
        """Enter what is open to be hedged at the next turn, and say how it ended once it has.

        Raises ActionRefused for an asset not hedged here or a hedge that a person must look at, ActionUnderWay while
        it has no end, HedgeNotDone where it found no way or failed: the hedger tries on.
        """
        if asset != EVERYTHING and asset not in self._assets:
            raise ActionRefused(f"{asset} is not hedged on this desk; name it in PMM_DESK_HEDGED")
        wanted = self._assets if asset == EVERYTHING else {asset: self._assets[asset]}
        # All are entered, whatever becomes of one.
        found = [self._one(symbol, address, command_id) for symbol, address in wanted.items()]
        said = "; ".join(why for _, why in found)
        ends = {end for end, _ in found}
        for end in (ActionRefused, HedgeNotDone, ActionUnderWay):
            if end in ends:
                raise end(said)
        return said

    def rebalance(self, asset: str, command_id: str) -> str:
        """Bring the inventory back to what is wanted of it."""
        return self.hedge_to_neutral(asset, command_id)

    def unwind(self, command_id: str) -> str:
        """Take back what fills brought, of every asset."""
        return self.hedge_to_neutral(EVERYTHING, command_id)

    def _one(self, symbol: str, asset: Address, command_id: str) -> tuple[type[PmmError] | None, str]:
        """Return what to raise, None where it is done, and what to say."""
        key = f"{command_id}:{symbol}"
        entered = self._hedger.commanded(key)
        if entered is not None:
            return self._end_of(symbol, asset, entered)
        open_delta, flying = self._hedger.open_delta(asset), self._hedger.in_flight(asset)
        market = self._market()
        price_e36 = market.usd_per_unit_e36.get(asset) if market else None
        if price_e36 is not None and abs(open_delta) * price_e36 // _WAD < DUST_USD_WAD:
            return None, f"{symbol}: nothing worth a swap is open, {flying} base units under way"
        if abs(open_delta) <= abs(flying):
            # The strategy has begun already, and left this much on purpose.
            return None, f"{symbol}: {flying} base units are under way, {open_delta} are left"
        # Adds nothing to what is open: it makes the hedger trade all of it.
        self._hedger.hedge_now(asset, 0, key=key, now_ms=self._clock_ms())
        return ActionUnderWay, f"{symbol}: {open_delta} base units to neutral"

    def _end_of(
        self, symbol: str, asset: Address, entered: CommandedHedge
    ) -> tuple[type[PmmError] | None, str]:
        why = f"{symbol}: {entered.detail or entered.state.value}"
        if entered.state is CommandedState.STUCK:
            return ActionRefused, f"{why}; a person must look at the hedge"
        no_route = self._hedger.no_route(asset)
        if entered.state is CommandedState.WAITING and no_route:
            return HedgeNotDone, f"{symbol}: no way was found: {no_route}; the hedger tries on"
        if entered.state is CommandedState.AGAIN:
            return HedgeNotDone, why
        if entered.state is CommandedState.DONE:
            return None, f"{symbol}: hedged"
        return ActionUnderWay, why


class SenderCancel:
    """Voids what every signer signed, by the desk's own sender: once per command and signer, whatever crashes.

    The contract lets its guardian, its owner and the signer do it; on a real node the owner makes the desk's operator
    guardian (``setGuardian``).
    """

    def __init__(self, sender: TransactionSender, rpc: JsonRpc, settlement: Address) -> None:
        self._sender, self._rpc, self._settlement = sender, rpc, settlement

    def cancel_all(self, command_id: str) -> str:
        """Send them; return their hashes. Raises ChainError with those refused, after trying every signer."""
        sent: list[str] = []
        refused: list[str] = []
        for signer in signers_now(self._rpc, self._settlement):
            intent = TransactionIntent(
                key=f"cancel_all:{command_id}:{signer}",
                purpose=f"void what {signer} signed",
                to=self._settlement,
                data=encode_call("cancelAllLanes(address)", signer),
            )
            found = self._sender.submit(intent)
            if found.record is None or found.state in _DEAD:
                refused.append(f"{signer}: {found.detail or found.state.value}")
            else:
                sent.append(found.record.last.transaction_hash)
        if refused:
            raise ChainError(
                f"expected to void the orders of every signer, refused for {'; '.join(refused)}; the desk's operator "
                "must be the contract's guardian (setGuardian)"
            )
        return f"sent {', '.join(sent)}" if sent else "there is no signer"


def make_guardian(rpc: JsonRpc, settlement: Address, account: Address) -> None:
    """Make an account the guardian on a development node; raises as ``act_as_owner``."""
    call = (settlement, encode_call("setGuardian(address)", account))
    act_as_owner(rpc, settlement, [call], f"to make {account} its guardian")


class PoolFailover:
    """Leaves the node in use for the next best."""

    def __init__(self, pool: NodePool) -> None:
        self._pool = pool

    def switch(self, what: str, command_id: str) -> str:
        """Leave the node in use, or the one named; raises ActionRefused where no other is healthy."""
        states = self._pool.states()
        left = next((one for one in states if (one.chosen if what == EVERYTHING else one.name == what)), None)
        if left is None:
            raise ActionRefused(f"expected a node of the pool, found none named {what}")
        others = [
            one for one in states if one.name != left.name and not one.distrusted and one.head is not None
        ]
        if not others:
            raise ActionRefused(
                f"no other node is healthy beside {left.name}; name more in PMM_DESK_BACKUP_NODES"
            )
        for node in self._pool.nodes:
            if node.name == left.name:
                self._pool.distrust(node, f"left by command {command_id}")
        return f"left {left.name}"


class NoQuoteServer:
    """Stands where no quote server is set: every command is refused, and recorded so."""

    def _refuse(self) -> str:
        raise ActionRefused(
            "no quote server is set: PMM_DESK_QUOTE_SERVER_URL, and PMM_DESK_QUOTE_SERVER_KEY of the role desk"
        )

    def stop(self, reason: str) -> str:
        """Refuse."""
        return self._refuse()

    def resume(self, step: str) -> str:
        """Refuse."""
        return self._refuse()

    def cut_sizes(self, size_bps: int) -> str:
        """Refuse."""
        return self._refuse()

    def widen(self, spread_addon_bps: float) -> str:
        """Refuse."""
        return self._refuse()

    def skew(self, asset: str, skew_bps: float) -> str:
        """Refuse."""
        return self._refuse()


def shaping_of(desk: DeskSettings) -> OperatorShaping | None:
    """Return who sets sizes, spreads, skew and sources of the quote server; None without one."""
    if desk.quote_server_url is None:
        return None
    key = desk.quote_server_key
    return OperatorShaping(desk.quote_server_url, key.get_secret_value() if key else "")


def quoting_of(desk: DeskSettings, shaping: OperatorShaping | None) -> QuotingControl:
    """Return who stops, resumes and shapes quotes."""
    if desk.quote_server_url is None or shaping is None:
        return NoQuoteServer()
    key = desk.quote_server_key
    return OperatorQuoting(desk.quote_server_url, key.get_secret_value() if key else "", shaping)
