"""The desk of the demo: the parts of ``pmm desk``, joined by its composition root, on the demo's fork and journal.

It runs in the demo's process and turns between the requests, so that the day is the same whenever it is walked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc
from pmm.demo.alert_receiver import AlertReceiver
from pmm.demo.desk_facts import AAVE, BAND_USD, DeskFacts
from pmm.demo.desk_watch import RiskWatch, TurnWatch, possible_losses
from pmm.demo.quote_watch import QuoteWatch, is_calm
from pmm.demo.trade import Trade
from pmm.desk import Desk, open_desk
from pmm.domain import USDC, to_hex
from pmm.errors import PmmError
from pmm.localnet.mining import wait_until_mined
from pmm.monitoring.logs import log_to_file
from pmm.settings import load_settings

# Less than the inventory by what interest may come to: the loan is repaid whole.
_LEAVES = ("WETH:40", "USDC:119000")
_CENT = Decimal("0.01")
_WITHIN_S = 60.0
_PAUSE_S = 0.1
_BLOCK_S = 12.0
_NEVER = float("inf")
_VALUED_MS = 1_000
# A day of the demo's prices in a minute is no volatility of ether: none of them is taken into the record.
_PRICE_MS = 3_600_000
_PAPER = {
    # Cheaper than a swap, and too shallow for more than a small one: both ways are seen.
    "paper_perp": True,
    "paper_perp_fee_pips": 100,
    "paper_perp_half_spread_bps": 0,
    "paper_perp_size_usd": 8_000,
}
_RISK = {
    # The defaults but for time: a demo does not wait minutes for a warning to end.
    "hold_s": 1.0,
    "desk_hold_s": 1.0,
    "recovery_step_s": 1.0,
    # Half of an inventory of two tokens is ether: what it may lose in a day is beyond the defaults.
    "value_at_risk_pct": (5.0, 10.0, 20.0),
    "expected_shortfall_pct": (6.0, 12.0, 24.0),
    # Two tokens are concentrated.
    "concentration_pct": (60.0, 90.0, 100.0),
    # A second of the demo is hours of its prices, and the ratios of a day say nothing after one fill.
    "markout_bps": (1.0, -_NEVER, -_NEVER),
    "gas_ratio_pct": (2.0, _NEVER, _NEVER),
    "revenue_efficiency_pct": (300.0, -_NEVER, -_NEVER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteServer:
    """The quote server that the desk commands, and its key there."""

    url: str
    key: str = field(repr=False)


class DemoDesk:
    """Opens and turns the desk; a context manager.

    Attributes:
        facts: what it did, measured.
        ledger: file of the desk's ledger.
    """

    def __init__(
        self,
        *,
        rpc: JsonRpc,
        record: Path,
        journal: Path,
        folder: Path,
        quotes: QuoteServer,
        past: Path,
        say: Callable[[str], None],
        metrics_port: int = 0,
    ) -> None:
        self.facts, self._quotes, self._metrics_port = DeskFacts(), quotes, metrics_port
        self.ledger, self._past = folder / "ledger.sqlite", past
        self._rpc, self._record, self._journal, self._folder, self._say = rpc, record, journal, folder, say
        self._stack = ExitStack()
        self._desk: Desk | None = None
        self._was_normal = False
        self._watch = QuoteWatch(quotes.url, quotes.key)

    def __enter__(self) -> Self:
        self._desk = self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def note(self) -> None:
        """Write the last figures into the ledger."""
        self._running.history.sample(self._running.clock_ms())

    def stay(self) -> None:
        """Turn on and on, over a chain that gets a block now and then, until a KeyboardInterrupt."""
        mine_at_s = time.monotonic() + _BLOCK_S
        while True:
            if time.monotonic() >= mine_at_s:
                self._rpc.call("evm_mine")
                mine_at_s += _BLOCK_S
            turn = self._running.turn()
            if turn is None or turn.quiet:
                time.sleep(_PAUSE_S)

    def close(self) -> None:
        """Close the desk: its last figures are in the ledger afterwards; idempotent."""
        self._desk = None
        self._stack.close()

    def settle(self, trade: Trade | None = None) -> None:
        """Turn until nothing is left to do and delta is normal; say what was done about a request's fill.

        Raises PmmError where that takes too long, and what the desk raises.
        """
        desk = self._running
        number, owed = trade.number if trade else 0, self._owed()
        turns, risk = TurnWatch(desk, self._rpc, number), RiskWatch(desk, number)
        watch, deadline_s = self._watch, time.monotonic() + _WITHIN_S
        if trade:
            watch.begin(desk.risk.monitor.posture())
        while True:
            # What it reads must be of one block.
            wait_until_mined(self._rpc)
            turn = desk.step()
            turns.take_in(turn)
            self._sample(risk)
            posture = desk.risk.monitor.posture()
            if trade:
                watch.look(posture)
            if turn.quiet and risk.is_normal and is_calm(posture) and not watch.waits:
                break
            if time.monotonic() > deadline_s:
                raise PmmError(
                    f"expected the desk to come to rest within {_WITHIN_S:.0f} s after request {number}, it did not; "
                    f"{self._folder / 'desk.log'} says what it does"
                )
            if turn.quiet:
                time.sleep(_PAUSE_S)
        self.facts.owed = self._owed()
        repaid = turns.repayments(owed, self.facts.owed)
        # The desk's first look at delta is no warning: it had not seen any.
        warned = risk.found() if trade else []
        turns.add_to(self.facts)
        on_paper = turns.paper()
        self.facts.paper += on_paper
        self.facts.repayments += repaid
        self.facts.warnings += warned
        shaped = watch.changes if trade else []
        self.facts.quotes += shaped
        place = f"desk, request {number}" if trade else "desk, before the day"
        texts = [one.describe() for one in repaid]
        texts += [one.describe() for one in on_paper]
        texts += [one.describe() for one in turns.hedges]
        for text in (*texts, *(one.describe() for one in warned)):
            self._say(f"{place}: {text}")
        for one in shaped:
            self._say(f"quote server, request {number}, {one.describe()}")
        if not turns.hedges and not on_paper and abs(turns.delta_usd) >= _CENT:
            self._say(f"{place}: delta {turns.delta_usd:+,.2f} USD stays within its band of {BAND_USD:,}")

    def value(self) -> None:
        """Turn until it is known what may be lost in a day, and say it.

        Raises PmmError where that takes too long.
        """
        deadline_s = time.monotonic() + _WITHIN_S
        while not self.facts.possible:
            self._running.step()
            self.facts.possible = possible_losses(self._running)
            if time.monotonic() > deadline_s:
                raise PmmError(
                    f"expected value at risk within {_WITHIN_S:.0f} s, found none; {self._folder / 'desk.log'} "
                    "says why"
                )
            time.sleep(_PAUSE_S)
        for one in self.facts.possible:
            self._say(f"desk, at the end of the day: {one.describe()}")

    # ---------------------------------------------------------------------------------------------- internal

    def _sample(self, risk: RiskWatch) -> None:
        """Write the gauges down where delta came to another phase: a day of a minute has few samples otherwise."""
        if risk.is_normal is not self._was_normal:
            self._was_normal = risk.is_normal
            self._running.history.sample(self._running.clock_ms())

    @property
    def _running(self) -> Desk:
        if self._desk is None:
            raise PmmError("expected an open desk, found it closed")
        return self._desk

    def _open(self) -> Desk:
        log_to_file(self._stack.enter_context((self._folder / "desk.log").open("a", buffering=1)))
        receiver = self._stack.enter_context(AlertReceiver(self._folder / "alerts.log"))
        settings = load_settings(
            {
                "alerts": {"webhook_url": receiver.url, "webhook_secret": receiver.secret},
                "rpc_url": self._rpc.url,
                "deployment": self._record,
                "journal": self._journal,
                "pairs": ("WETH/USDC",),
                "desk": {
                    "ledger": self.ledger,
                    "metrics_port": self._metrics_port,
                    "hedged": ("WETH/USDC",),
                    "hedging": "band",
                    "band_outer_usd": BAND_USD,
                    "band_inner_usd": 0,
                    "keeper": True,
                    "keeper_leaves": _LEAVES,
                    "pending_quotes": True,
                    "price_history": self._past,
                    "var_every_ms": _VALUED_MS,
                    "price_every_ms": _PRICE_MS,
                    **_PAPER,
                    "quote_server_url": self._quotes.url,
                    "quote_server_key": self._quotes.key,
                },
                "risk": _RISK,
            }
        )
        opened = open_desk(settings)
        self._stack.callback(opened.close)
        self._stack.callback(self._watch.close)
        return opened

    def _owed(self) -> int:
        account = self._running.scene.deployment.address("LendingAccount")
        data = to_hex(encode_call("debtOf(uint256,address)", AAVE, USDC.address))
        answer: str = self._rpc.call("eth_call", {"to": account, "data": data}, "latest")
        return int(answer, 16)
