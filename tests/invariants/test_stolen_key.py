"""(i) Whoever steals a signing key loses us at most the printed bound in any window, and nothing once it is revoked.

The thief signs whatever it likes, as often as it likes, on both venues and in every form, takes its own orders with
several fills in one transaction, and trades both ways while prices move. `Vault.bound` computes the bound out of the
settings on chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc
from pmm.localnet.prices import set_price
from tests.invariants.depth import depth, run_machine
from tests.invariants.vault import BAND_ONE, FORMS, TOKENS, WINDOW_S, Vault, build, usd

_ALL = "executeAll(address[],bytes[])"
_waits = st.sampled_from([0, 0, 1, 60, 1_799, 1_800, 3_598, 3_600, 7_200])
_PAIRS = [(maker, taker) for maker in range(3) for taker in range(3) if maker != taker]
# The pair, the making amount in sixteenths of the cap of a block and a step, the price, the form, how often.
_thefts = st.tuples(
    st.sampled_from(_PAIRS),
    st.sampled_from([1, 8, 16, 16, 16, 16, 17]),
    st.integers(-1, 1),
    st.sampled_from([*["cheapest"] * 6, "a unit too cheap", "half", "nothing"]),
    st.sampled_from([*FORMS, "own domain", "own domain", "1inch with the hook", "1inch with the hook"]),
    st.sampled_from([1, 1, 1, 1, 2]),
)


@pytest.fixture(scope="session")
def vault(rpc: JsonRpc, deal: Any) -> Vault:
    """A settlement with feeds, caps and bands, and a stolen key."""
    for asset, price in (("ETH", "2500"), ("USDC", "1"), ("DAI", "1")):
        set_price(rpc, asset, Decimal(price), pools=False)
    return build(rpc, deal)


@dataclass(frozen=True, slots=True)
class Theft:
    """What one transaction took, in units of the token, and what it lost us, USD with 26 decimals."""

    at_s: int
    token: int
    given: int
    loss: int
    answers: tuple[int, ...]


class TheftMachine(RuleBasedStateMachine):
    """The thief acts; the guardian revokes the key at some time, or never."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.vault = vault
        self.snapshot = vault.fork.snapshot()
        self.now_s = vault.fork.now_s()
        self.caps = vault.caps()
        self.nonce = 0
        self.revoked = False
        self.thefts: list[Theft] = []

    def teardown(self) -> None:
        self.vault.fork.revert(self.snapshot)

    @rule(raid=st.lists(_thefts, min_size=1, max_size=8), wait_s=_waits)
    def steal(self, raid: list[tuple[Any, ...]], wait_s: int) -> None:
        self.now_s += wait_s
        for pair, sixteenths, step, price, form, times in raid:
            maker, taker = pair
            making = max(1, self.caps[maker][0] * sixteenths // 16 + step)
            cheapest = self.vault.cheapest(maker, taker, making, self.vault.answers())
            prices = {"a unit too cheap": cheapest - 1, "half": cheapest // 2, "nothing": 1}
            self.take(form, pair, [making] * times, max(1, prices.get(price, cheapest)))

    def take(self, form: str, pair: tuple[int, int], makings: list[int], taking: int) -> str:
        """One transaction with a fill for each making amount; returns why it failed, or nothing."""
        vault, (maker, taker) = self.vault, pair
        self.now_s += 1
        calls = []
        for making in makings:
            self.nonce += 1
            calls.append(vault.attempt(form, maker, taker, making, taking, self.nonce, self.now_s))
        data = encode_call(_ALL, [target for target, _ in calls], [each for _, each in calls])
        before, answers = vault.balances(), vault.answers()
        done = vault.fork.send(vault.guardian, vault.thief, data, at_s=self.now_s)
        after = vault.balances()
        if done.error:
            assert after == before, f"(i) refused with {done.error}, yet balances moved"
            return done.error
        assert not self.revoked, f"(h) filled after the key was revoked: {form} {pair} {makings}"
        given, taken = before[maker] - after[maker], after[taker] - before[taker]
        self._require_within_limits(pair, given, taken, answers)
        loss = usd(maker, given, answers) - usd(taker, taken, answers)
        self.thefts.append(Theft(self.now_s, maker, given, loss, tuple(answers)))
        self._require_within_bound()
        return ""

    def _require_within_limits(
        self, pair: tuple[int, int], given: int, taken: int, answers: list[int]
    ) -> None:
        maker, taker = pair
        units = self.vault.band(maker, taker)
        least = usd(maker, given, answers) * (BAND_ONE - units)
        assert usd(taker, taken, answers) * BAND_ONE >= least, (
            f"(i) gave {given} of {TOKENS[maker].symbol} for {taken} of {TOKENS[taker].symbol}, band {units}"
        )
        assert given <= self.caps[maker][0], f"(d, i) {given} of {TOKENS[maker].symbol} left in one block"

    def _require_within_bound(self) -> None:
        """No span as long as a window sees more than the cap leave, or more than the bound lost."""
        window = [theft for theft in self.thefts if theft.at_s > self.now_s - WINDOW_S]
        for token in range(len(TOKENS)):
            left = sum(theft.given for theft in window if theft.token == token)
            assert left <= self.caps[token][1], f"(d, i) {left} of {TOKENS[token].symbol} left in a window"
        highest = [max(theft.answers[token] for theft in window) for token in range(len(TOKENS))]
        lost, bound = sum(theft.loss for theft in window), self.vault.bound(highest)
        assert lost <= bound, (
            f"(i) lost {lost / 10**26:.2f} USD in a window, printed bound {bound / 10**26:.2f}"
        )

    @rule(price=st.sampled_from(["1500", "2400.5", "2600", "4000"]))
    def swing(self, price: str) -> None:
        """Ether's price moves, and the feed tells it."""
        self.vault.fork.rpc.call("evm_setNextBlockTimestamp", self.now_s + 1)
        set_price(self.vault.fork.rpc, "ETH", Decimal(price), pools=False)
        self.now_s = self.vault.fork.now_s()

    @precondition(lambda self: len(self.thefts) > 5)
    @rule()
    def revoke(self) -> None:
        """The guardian finds out."""
        self.now_s += 1
        data = encode_call("revokeSigner(address)", self.vault.key.address)
        assert not self.vault.fork.send(
            self.vault.guardian, self.vault.settlement, data, at_s=self.now_s
        ).error
        self.revoked = True


def test_stolen_key__any_thefts__lose_no_more_than_the_printed_bound(vault: Vault) -> None:
    run_machine(lambda: TheftMachine(vault), depth(short=15, long=600, steps=12))


@pytest.mark.parametrize("form", ["own domain", "own domain, packed", "1inch with the hook"])
def test_stolen_key__thief_takes_all_it_can__loses_us_the_printed_bound(vault: Vault, form: str) -> None:
    """The bound is no fiction: what is computed can be lost, to less than a thousandth."""
    machine = TheftMachine(vault)
    try:
        # A whole window from its start, so that the one before is empty.
        machine.now_s = (machine.now_s // WINDOW_S + 2) * WINDOW_S
        answers = vault.answers()
        for maker, taker in ((0, 2), (1, 0), (2, 0)):
            per_block, per_window, _ = vault.caps()[maker]
            while per_window:
                making = min(per_block, per_window)
                cheapest = vault.cheapest(maker, taker, making, answers)
                assert not machine.take(form, (maker, taker), [making], cheapest)
                per_window -= making
            assert machine.take(form, (maker, taker), [10**9], cheapest) == "WindowCapExceeded"
        lost, bound = sum(theft.loss for theft in machine.thefts), vault.bound(answers)
        assert bound * 999 // 1_000 <= lost <= bound
    finally:
        machine.teardown()
