"""What may be wrong with an order, with the desk, or with the taker, one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from pmm.domain import Address
from pmm.domain.hook_payloads import InventorySource, PreHook
from tests.contracts.hooks.router_fills import POST, PRE
from tests.contracts.lens.lens_desk import (
    BASE_PRICE,
    HEARTBEAT_S,
    MAKING,
    QUOTE_PRICE,
    TAKING,
    LensDesk,
    Mood,
)
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    HORIZON_S,
    NO_PARTIAL_FILLS,
    RawOrder,
    extension_of,
    position,
    word,
)

MOST = 3
_UNITS = 2**40


@dataclass
class Case:
    """A fill in the making: what of the order and of the call is not as usual."""

    changes: dict[str, int] = field(default_factory=dict)
    flags: int = 0
    ahead_s: int = 300
    extension: bytes = b""
    hooks: dict[str, Any] = field(default_factory=dict)
    amount: int = MAKING

    def order(self, desk: LensDesk) -> tuple[RawOrder, bytes]:
        """The order and its extension."""
        terms: dict[str, Any] = {"expiration_s": desk.now_s() + self.ahead_s, "flags": self.flags}
        terms.update(self.changes)
        if self.hooks:
            return desk.hooked(**self.hooks, **terms)
        return desk.order(extension=self.extension, **terms), self.extension


Mutation = Callable[[LensDesk, Case], None]


def _order(**changes: int) -> Mutation:
    return lambda _, case: case.changes.update(changes)


def _token(name: str, token: str) -> Mutation:
    return lambda desk, case: case.changes.update({name: word(getattr(desk, token))})


def _flags(bits: int) -> Mutation:
    def change(_: LensDesk, case: Case) -> None:
        case.flags |= bits

    return change


def _ahead(seconds: int) -> Mutation:
    def change(_: LensDesk, case: Case) -> None:
        case.ahead_s = seconds

    return change


def _amount(amount: int) -> Mutation:
    def change(_: LensDesk, case: Case) -> None:
        case.amount = amount

    return change


def _extension(make: Callable[[LensDesk], bytes]) -> Mutation:
    def change(desk: LensDesk, case: Case) -> None:
        case.extension = make(desk)

    return change


def _hooks(**hooks: Any) -> Mutation:
    return lambda _, case: case.hooks.update(hooks)


def _on_settlement(name: str, *values: Any, may_fail: bool = False) -> Mutation:
    def change(desk: LensDesk, _: Case) -> None:
        given = [getattr(desk, value) if isinstance(value, str) else value for value in values]
        desk.act(getattr(desk.settlement, name), *given, may_fail=may_fail)

    return change


def _on_signer(name: str) -> Mutation:
    return lambda desk, _: desk.act(getattr(desk.settlement, name), desk.key.address)


def _feed(name: str, answer: int, *, age_s: int = 0, mood: Mood = Mood.ANSWERS) -> Mutation:
    def change(desk: LensDesk, _: Case) -> None:
        feed = getattr(desk, name)
        desk.act(feed.setAnswer, answer, desk.now_s() - age_s)
        desk.act(feed.setMood, mood)

    return change


def _balance(token: str, account: str, amount: int) -> Mutation:
    return lambda desk, _: desk.act(getattr(desk, token).setBalance, getattr(desk, account).address, amount)


def _approval(spender: str, amount: int) -> Mutation:
    return lambda desk, _: desk.act(
        desk.quote.approve, getattr(desk, spender).address, amount, sender=desk.taker
    )


def _cancel_nonce(desk: LensDesk, _: Case) -> None:
    desk.act(desk.settlement.cancelNonce, position(desk.key.address, 0, 0))
    traits = desk.order().maker_traits
    desk.act(desk.settlement.cancelOnRouter, traits, bytes(32))


def _fill_before(desk: LensDesk, _: Case) -> None:
    order = desk.order(nonce=9)
    signature = desk.sign(order)
    desk.act(
        desk.settlement.fillOrder, order.words, signature.r_bytes, signature.vs_bytes, TAKING, 0,
        sender=desk.taker, may_fail=True,
    )  # fmt: skip


def _decay(start_s: int, slope: int, cap: int) -> Mutation:
    return _flags(cap << 234 | slope << 220 | start_s << 208)


_SHARED: list[Mutation] = [
    _order(maker=1),
    _order(receiver=1),
    _order(receiver=1 << 200),
    _order(sender=5),
    _order(maker_asset=0xDEAD),
    _order(taker_asset=0xDEAD),
    _token("taker_asset", "base"),
    _order(lane=3),
    _order(lane=4),
    _order(epoch=1),
    _order(nonce=159),
    _order(nonce=2**32),
    *[_order(making_amount=amount) for amount in (0, 1, MAKING + 1, 60 * MAKING, 10**40, 2**255)],
    *[_order(taking_amount=amount) for amount in (0, 1, TAKING - 1, TAKING * 995 // 1_000, 10**40, 2**255)],
    *[_flags(bits) for bits in (NO_PARTIAL_FILLS, 1 << 254, 1 << 248, HAS_EXTENSION)],
    *[_flags(ratio << 200) for ratio in (1, 128, 255)],
    *[_ahead(seconds) for seconds in (-1_000, HORIZON_S + 1_000)],
    *[_amount(amount) for amount in (0, 1, MAKING // 2, MAKING - 1, 2 * MAKING, 2**256 - 1)],
    *[_on_settlement("setGuards", bits) for bits in (1, 1, 2, 2, 3, 3, 3)],
    *[_on_settlement("setBand", "base", "quote", units) for units in (0, 1, 254, 255)],
    *[
        _on_settlement("setCap", "base", per_block, per_window, 600)
        for per_block, per_window in (
            (MAKING - 1, 9 * MAKING),
            (9 * MAKING, MAKING - 1),
            (MAKING + _UNITS, 2 * MAKING + _UNITS),
            (0, 0),
            (2**200, 2**210),
        )
    ],
    _on_settlement("unregisterToken", "base"),
    _on_settlement("unregisterToken", "quote"),
    _on_settlement("setMaxExpiry", 100),
    # Refused for a token that another change unregistered.
    _on_settlement("setRouterAllowance", "base", MAKING - 1, may_fail=True),
    *[_on_signer(name) for name in ("pauseSigner", "revokeSigner", "cancelAllLanes")],
    _cancel_nonce,
    _fill_before,
    _feed("base_feed", BASE_PRICE * 1_006 // 1_000),
    _feed("base_feed", 2**112),
    _feed("base_feed", 2**112 + 1),
    _feed("base_feed", 0),
    _feed("base_feed", BASE_PRICE, mood=Mood.REVERTS),
    _feed("quote_feed", QUOTE_PRICE * 2),
    _feed("quote_feed", 1),
    _feed("quote_feed", QUOTE_PRICE, age_s=HEARTBEAT_S + 1),
    _balance("base", "settlement", MAKING - 1),
    _balance("quote", "taker", TAKING - 1),
    _approval("settlement", TAKING - 1),
    _approval("router", TAKING - 1),
]

_OWN: list[Mutation] = [
    _decay(4_095, 100, 1_000),
    _decay(100, 16_383, 8_191),
    _decay(4_095, 16_383, 8_191),
    _extension(lambda desk: extension_of(taker=desk.taker.address)),
    _extension(lambda desk: extension_of(taker=desk.owner.address)),
    _extension(lambda _: extension_of(plan=1 << 248)),
    _extension(lambda _: extension_of(plan=2 << 248)),
    _extension(lambda _: bytes(33)),
]

_ROUTER: list[Mutation] = [
    _decay(4_095, 100, 1_000),
    _flags(PRE),
    _flags(POST),
    _hooks(pre=PreHook()),
    _hooks(pre=PreHook()),
    _hooks(pre=PreHook()),
    _hooks(post=bytes(6)),
    _hooks(pre=PreHook(), post=bytes(6)),
    _hooks(pre=b"\x00\x09"),
    _hooks(pre=PreHook(source=InventorySource.AAVE_WITHDRAW)),
    _hooks(pre=PreHook(private_taker=Address("0x" + "11" * 20))),
    _extension(lambda desk: extension_of(taker=desk.taker.address)),
]


def _some(pool: list[Mutation]) -> st.SearchStrategy[list[Mutation]]:
    return st.lists(st.integers(0, len(pool) - 1), max_size=MOST, unique=True).map(
        lambda chosen: [pool[index] for index in chosen]
    )


own_mutations = _some(_SHARED + _OWN)
router_mutations = _some(_SHARED + _ROUTER)
EVERY_OWN = _SHARED + _OWN
EVERY_ROUTER = _SHARED + _ROUTER
