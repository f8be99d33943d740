"""Fills, cancels and everything the roles may do, in any order, on both venues, against the model.

Held here, by letter of tests/invariants/README.md: (a) only signed words, (b) once, (c) price, (d) stopped orders,
(e) allowances, (h) revoked in the same block. After every step the whole state equals the model's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule

from tests.invariants.depth import depth, run_machine
from tests.invariants.model import Call, Signed
from tests.invariants.quotes import (
    FILL_CONTRACT,
    Ask,
    Quote,
    Terms,
    asks,
    call_of,
    calldata,
    mutate,
    mutations,
    terms,
    write,
)
from tests.invariants.settlement_machine import SettlementMachine
from tests.invariants.world import ONEINCH, World


class FillsMachine(SettlementMachine):
    """Quotes are signed, filled, filled again later, and filled with other words than were signed."""

    quotes = Bundle("quotes")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.settled: set[tuple[str | None, int, int]] = set()
        self.settled_on_oneinch: set[int] = set()

    # ------------------------------------------------------------------ quotes and fills

    @rule(target=quotes, drawn=terms())
    def sign(self, drawn: Terms) -> Quote:
        return write(self.world, self.model, drawn, self.now_s)

    @rule(target=quotes, drawn=st.lists(st.tuples(terms(), asks()), min_size=1, max_size=5))
    def sign_and_fill(self, drawn: list[tuple[Terms, Ask]]) -> Any:
        """Most quotes are filled at once; later rules come back to them."""
        return multiple(*(self._sign_and_fill(each, ask) for each, ask in drawn))

    @rule(target=quotes, drawn=terms(), ask=asks())
    def sign_and_fill_one(self, drawn: Terms, ask: Ask) -> Quote:
        return self._sign_and_fill(drawn, ask)

    @rule(
        target=quotes,
        drawn=terms(),
        ask=asks(),
        guards=st.sampled_from([2, 2, 3, 1]),
        by=st.sampled_from(["owner", "guardian"]),
        later=st.integers(0, 3),
    )
    def fill_under_guards(self, drawn: Terms, ask: Ask, guards: int, by: str, later: int) -> Quote:
        """Caps or band are on for one fill, switched by a role, and then as they were."""
        before = self.model.caps_on << 1 | self.model.band_on
        self._set_guards("guards", "", guards, self.world.owner)
        quote = self._sign_and_fill(drawn, ask)
        self._set_guards("guards", "", later, getattr(self.world, by))
        self._set_guards("guards", "", before, self.world.owner)
        return quote

    @rule(
        target=quotes,
        drawn=terms(),
        ask=asks(),
        name=st.sampled_from(["base", "quote", "weth"]),
        by=st.sampled_from(["owner", "guardian"]),
    )
    def fill_without_a_token(self, drawn: Terms, ask: Ask, name: str, by: str) -> Quote:
        """A token of some pairs is struck off for one fill."""
        if self.model.is_tradable(self.world.tokens[name]):
            self.configure(name, by, ("unregister", 0))
        quote = self._sign_and_fill(drawn, ask)
        self.configure(name, "owner", ("register all", 0))
        return quote

    def _sign_and_fill(self, drawn: Terms, ask: Ask) -> Quote:
        quote = write(self.world, self.model, drawn, self.now_s)
        self._fill(quote, quote.signed, ask, on_oneinch=drawn.for_oneinch)
        return quote

    @rule(quote=quotes, ask=asks(), elsewhere=st.sampled_from([False, False, True]))
    def fill(self, quote: Quote, ask: Ask, elsewhere: bool) -> None:
        """Fill an old quote, seldom on the venue it was not signed for."""
        self._fill(quote, quote.signed, ask, on_oneinch=quote.signed.for_oneinch != elsewhere)

    @rule(quote=quotes, ask=asks(), mutation=mutations)
    def fill_altered(self, quote: Quote, ask: Ask, mutation: tuple[int, int]) -> None:
        """(a) One bit of the order differs from what was signed."""
        altered = Signed(
            order=mutate(quote.signed.order, mutation), signer=None, for_oneinch=quote.signed.for_oneinch
        )
        self._fill(quote, altered, ask, on_oneinch=altered.for_oneinch)

    @rule(quote=quotes, later=st.integers(0, 2), epoch=st.integers(0, 2), lane=st.integers(0, 1))
    def fill_under_other_terms(self, quote: Quote, later: int, epoch: int, lane: int) -> None:
        """(a) 1inch is given the signed order, our ERC-1271 one that it would rather see."""
        order = quote.signed.order
        shown = replace(
            order,
            salt=order.salt & ~(0xFFFFFFFF << 160) | epoch << 160,
            maker_traits=(order.maker_traits & ~(1 << 160) | lane << 160) + (later * 1_000 << 80),
        )
        call = Call(taker=self.world.takers[0], amount=order.taking_amount)
        values = [order.words, shown.packed_with(quote.signature), call.amount, 0]
        error = self._send(call.taker, ONEINCH, FILL_CONTRACT, *values)
        if shown != order:
            assert error, f"(a) filled {order} as {shown}"
        elif not error:
            moved, _ = self.model.objections_on_oneinch(quote.signed, call, self.now_s)
            self._require_once(quote.signed, on_oneinch=True)
            now = self.now_s
            self.model.settle(quote.signed, call, moved, on_oneinch=True, at_s=now, block=now)

    def _fill(self, quote: Quote, signed: Signed, ask: Ask, *, on_oneinch: bool) -> None:
        at_s = self.now_s + 1
        call = call_of(self.world, self.model, signed, ask, at_s, on_oneinch=on_oneinch)
        name, values = calldata(self.world, quote, signed.order, call, on_oneinch=on_oneinch)
        if on_oneinch:
            moved, objections = self.model.objections_on_oneinch(signed, call, at_s)
        else:
            # Every transaction has a block of its own, so its time serves as the block's number.
            moved, objections = self.model.objections(signed, call, at_s, at_s)
        before = self.world.observe() if not objections else {}
        target = ONEINCH if on_oneinch else self.world.settlement
        error = self._send(call.taker, target, name, *values, value=call.value)
        if objections:
            assert error, f"(a, b, d) filled despite {objections}: {signed} {call}"
            assert error in objections, f"(model) refused with {error}, expected one of {objections}"
            return
        assert not error, f"(model) refused with {error}, expected a fill: {signed} {call}"
        self._require_once(signed, on_oneinch=on_oneinch)
        self._require_price(signed, before)
        self.model.settle(signed, call, moved, on_oneinch=on_oneinch, at_s=at_s, block=at_s)

    def _require_once(self, signed: Signed, *, on_oneinch: bool) -> None:
        if on_oneinch:
            assert signed.nonce not in self.settled_on_oneinch, f"(b) {signed.nonce} settled twice on 1inch"
            self.settled_on_oneinch.add(signed.nonce)
            return
        at = (signed.signer, signed.lane, signed.nonce)
        assert at not in self.settled, f"(b) {at} settled twice"
        self.settled.add(at)

    def _require_price(self, signed: Signed, before: dict[Any, Any]) -> None:
        """(c) By what really moved, not by what the call returned."""
        after, order = self.world.observe(), signed.order
        given, taken = (
            after["balance", f"0x{asset:040x}", self.world.settlement]
            - before["balance", f"0x{asset:040x}", self.world.settlement]
            for asset in (order.maker_asset, order.taker_asset)
        )
        signed_price = f"{order.making_amount} for {order.taking_amount}"
        assert -given * order.taking_amount <= taken * order.making_amount, (
            f"(c) gave {-given} for {taken}, signed {signed_price}"
        )
        assert -given <= order.making_amount, f"(c) gave {-given}, signed {signed_price}"


def test_fills__any_steps__leave_the_state_of_the_model(world: World) -> None:
    run_machine(lambda: FillsMachine(world), depth(short=40, long=1_500, steps=25))
