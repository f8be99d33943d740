"""The door that the risk desk holds: firm quotes pass by its newest state, and none while it is silent."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pmm.domain import Address, Decision, RefusalReason
from pmm.errors import InvalidInput, PmmError
from pmm.execution.ports import Clock
from pmm.execution.records import LiveQuote
from pmm.pricing.fixed_point import div_up
from pmm.risk.pre_trade import PreTradeQuote, PreTradeState
from pmm.risk.pre_trade_book import PreTradeBook

_E6_OF_WAD: Final = 10**12
_WHOLE_BPS: Final = 10_000
MOST_AHEAD_MS: Final = 2_000
"""How far the desk's clock may be ahead of this one."""
_ACCEPT: Final = Decision.accept()
_NEVER: Final = Decision.refuse(
    RefusalReason.RISK_UNKNOWN, "expected a risk state from the desk, found none since the start"
)
_STALE: Final = Decision.refuse(
    RefusalReason.RISK_UNKNOWN, "expected a risk state of now from the desk, found one that is too old"
)
_STOPPED: Final = Decision.refuse(RefusalReason.PAUSED, "quoting is paused by the desk's risk")
_MOST_BLOCKS: Final = 256
"""Blocks of ended quotes that are kept for a desk that is behind; without a desk they would be without end."""
_Pair = tuple[Address, Address]


class GateCondition(StrEnum):
    """What the door is: only ``open`` lets quotes through."""

    OPEN = "open"
    NEVER_GIVEN = "never_given"
    STALE = "stale"
    STOPPED = "stopped"


class StaleRiskState(PmmError):
    """A state that is not newer than the one in force, or too old already; nothing changed."""


class PreTradeGate:
    """Holds quotes against the newest state and all live quotes; implements ``BookWatch`` for their books.

    Not thread-safe: states come in on the event loop that quotes are admitted on. Nothing is durable: after a start
    the door is closed until the desk speaks.

    Args:
        clock: the process's.
        required: False lets everything through.
        max_age_ms: oldest state that counts.
        fill_bps: likelihood at which a live quote counts; one that was not selected counts by less.
        on_change: told of the condition when it changes.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        required: bool,
        max_age_ms: int,
        fill_bps: int = _WHOLE_BPS,
        on_change: Callable[[GateCondition], None] = lambda _: None,
    ) -> None:
        self.required, self._max_age_ms, self._fill_bps = required, max_age_ms, fill_bps
        self._clock, self._on_change = clock, on_change
        self._book: PreTradeBook | None = None
        self._live: dict[bytes, tuple[_Pair, int]] = {}
        # By block: over, and perhaps filled; until the desk knows of that block.
        self._ended: dict[int, dict[_Pair, int]] = {}
        self._forgotten = -1
        self._closes_s = 0.0
        self._told: GateCondition | None = None

    # ------------------------------------------------------------------------------------------- the desk's side

    @property
    def state(self) -> PreTradeState | None:
        """The newest state."""
        return self._book.state if self._book is not None else None

    def age_ms(self) -> int | None:
        """Return how old the newest state is by this process's wall clock; None without one."""
        return None if self.state is None else max(self._clock.wall_ms() - self.state.made_at_ms, 0)

    def put(self, state: PreTradeState) -> None:
        """Judge by this state from now on.

        Raises StaleRiskState for one that is not newer or too old, InvalidInput for one from the future.
        """
        now_ms, known = self._clock.wall_ms(), self.state
        if known is not None and state.made_at_ms <= known.made_at_ms:
            raise StaleRiskState(
                f"expected a state made after {known.made_at_ms}, found one of {state.made_at_ms}; is there a second "
                "desk, or did its clock go back?"
            )
        if state.made_at_ms > now_ms + MOST_AHEAD_MS:
            raise InvalidInput(
                f"madeAtMs: expected at most {now_ms + MOST_AHEAD_MS}, found {state.made_at_ms}; set the clocks"
            )
        left_ms = min(state.valid_ms, self._max_age_ms) - max(now_ms - state.made_at_ms, 0)
        if left_ms <= 0:
            raise StaleRiskState(
                f"expected a state of the last {min(state.valid_ms, self._max_age_ms)} ms, found one that is "
                f"{now_ms - state.made_at_ms} ms old; set the clocks, or PMM_PRE_TRADE_MAX_AGE_MS"
            )
        if state.block_number < self._forgotten:
            raise StaleRiskState(
                f"expected a state of block {self._forgotten} or later, found one of {state.block_number}; the desk "
                "is too far behind the chain"
            )
        # From here on by a clock that nobody sets.
        self._closes_s = self._clock.monotonic_s() + left_ms / 1_000
        self._renew(state)
        self.tick()

    def set_rules(self, *, required: bool, max_age_ms: int, fill_bps: int) -> None:
        """Change the rules; quotes that are live already keep their weight, an age counts from the next state on."""
        self.required, self._max_age_ms, self._fill_bps = required, max_age_ms, fill_bps
        self.tick()

    # ------------------------------------------------------------------------------------------ the quotes' side

    def look(self) -> Decision:
        """Accept while the door is open for anything at all."""
        book = self._book
        if not self.required:
            return _ACCEPT
        if book is None:
            return _NEVER
        if self._clock.monotonic_s() > self._closes_s:
            return _STALE
        return _STOPPED if book.state.stopped else _ACCEPT

    def check(self, maker_asset: Address, taker_asset: Address, usd_wad: int, *, stays: bool) -> Decision:
        """Accept a quote of which we give ``usd_wad``; ``stays`` False: it leaves no position."""
        found = self.look()
        if not found.accepted or not self.required or not stays or self._book is None:
            return found
        usd_e6 = div_up(usd_wad, _E6_OF_WAD)
        return self._book.check(
            PreTradeQuote(maker_asset=maker_asset, taker_asset=taker_asset, usd_e6=usd_e6)
        )

    def tick(self) -> GateCondition:
        """Return the condition, and tell of it when it has changed."""
        found = self._condition()
        # Where no desk is asked for, it is no news that none has spoken.
        if found is not self._told and (self.required or found is not GateCondition.NEVER_GIVEN):
            self._told = found
            self._on_change(found)
        return found

    # ------------------------------------------------------------------------------------------ of live quotes

    def reserved(self, quote: LiveQuote, fill_probability_bps: int) -> None:
        """Count a live quote, or count it anew; one that flash funds pay leaves no position."""
        if not quote.reserved_amount:
            return
        bps = min(fill_probability_bps, self._fill_bps)
        usd_e6 = div_up(quote.usd_wad * bps, _WHOLE_BPS * _E6_OF_WAD)
        before = self._live.get(quote.order_hash)
        if before is not None:
            self._count(before[0], -before[1])
        pair = (quote.maker_asset, quote.taker_asset)
        self._live[quote.order_hash] = (pair, usd_e6)
        self._count(pair, usd_e6)

    def released(self, order_hash: bytes, *, filled_by: int | None) -> None:
        """Count a quote no more; one that may have been filled counts until the desk's state knows of the fill."""
        one = self._live.pop(order_hash, None)
        if one is None:
            return
        if filled_by is not None and (self.state is None or self.state.block_number < filled_by):
            self._end(filled_by, *one)
        else:
            self._count(one[0], -one[1])

    # ------------------------------------------------------------------------------------------------ internal

    def _renew(self, state: PreTradeState) -> None:
        if self._book is None:
            self._book = PreTradeBook(state)
            for block in self._ended.values():
                for pair, usd_e6 in block.items():
                    self._count(pair, usd_e6)
            for pair, usd_e6 in self._live.values():
                self._count(pair, usd_e6)
        else:
            self._book.renew(state)
        for filled_by in [one for one in self._ended if one <= state.block_number]:
            self._forget(filled_by)

    def _end(self, filled_by: int, pair: _Pair, usd_e6: int) -> None:
        block = self._ended.setdefault(filled_by, {})
        block[pair] = block.get(pair, 0) + usd_e6
        if len(self._ended) > _MOST_BLOCKS:
            oldest = min(self._ended)
            self._forgotten = max(self._forgotten, oldest)
            self._forget(oldest)

    def _forget(self, block: int) -> None:
        for pair, usd_e6 in self._ended.pop(block).items():
            self._count(pair, -usd_e6)

    def _count(self, pair: _Pair, usd_e6: int) -> None:
        if self._book is not None:
            self._book.count(*pair, usd_e6)

    def _condition(self) -> GateCondition:
        book = self._book
        if book is None:
            return GateCondition.NEVER_GIVEN
        if self._clock.monotonic_s() > self._closes_s:
            return GateCondition.STALE
        return GateCondition.STOPPED if book.state.stopped else GateCondition.OPEN
