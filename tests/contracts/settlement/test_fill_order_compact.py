"""fillOrderCompact: the same order and digest as fillOrder, out of four words of calldata."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import ZERO_ADDRESS, Address, RfqOrder, SigningKey, keccak256
from pmm.domain.compact_order import CompactOrder as PackagedOrder
from tests.contracts.settlement.compact import compact
from tests.contracts.settlement.conftest import FORTUNE, UNLIMITED
from tests.contracts.settlement.desk import (
    HORIZON_S,
    MAKING,
    TAKING,
    Desk,
    decode_error,
    extension_of,
    lower,
    moved,
    word,
)


def _answer(desk: Desk, order: Any, at_s: int | None = None, **how: Any) -> tuple[int, int, bytes]:
    values = order.values(desk, **how)
    return desk.ask(desk.settlement.fillOrderCompact, *values, sender=desk.taker, at_s=at_s)


def _refusal(desk: Desk, order: Any, at_s: int | None = None, **how: Any) -> tuple[Any, ...]:
    values = order.values(desk, **how)
    return desk.refusal(desk.settlement.fillOrderCompact, *values, sender=desk.taker, at_s=at_s)


def test_fill_order_compact__sound_order__moves_exactly_both_amounts(desk: Desk, attacker: Any) -> None:
    order = compact(desk)
    before = desk.balances(desk.settlement, desk.taker, attacker)

    receipt = desk.settlement.fillOrderCompact(*order.values(desk), sender=desk.taker)

    after = desk.balances(desk.settlement, desk.taker, attacker)
    assert moved(before, after) == [(-MAKING, TAKING), (MAKING, -TAKING), (0, 0)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert bytes(event.orderHash) == order.order(desk).digest(desk.domain)
    assert (event.taker, event.makerAsset, event.takerAsset) == (desk.taker, desk.base, desk.quote)
    assert (event.makingAmount, event.takingAmount) == (MAKING, TAKING)
    assert len(receipt.events) == 3


def test_fill_order_compact__any_order__has_the_digest_of_fill_order(desk: Desk) -> None:
    for fields in (
        {},
        {"lane": 3, "nonce": 159},
        {"no_partial": True},
        {"maker": 2, "taker": 0, "making": 1},
    ):
        order = compact(desk, **fields)
        raw = order.order(desk)
        digest = bytes(desk.settlement.hashOrder(raw.words))
        assert _answer(desk, order) == (order.making, TAKING, digest)
        assert desk.simulate(raw) == (order.making, TAKING, digest)


def test_fill_order_compact__words_of_the_package__are_the_same(desk: Desk) -> None:
    order = compact(desk, lane=3, nonce=2**32 - 1, epoch=7, maker=2, taker=1, no_partial=True)
    core = [Address(str(token)) for token in desk.settlement.coreTokens()]
    raw = order.order(desk)
    packaged = PackagedOrder.of(
        RfqOrder(
            salt=raw.salt,
            maker=Address(desk.settlement.address),
            maker_asset=core[2],
            taker_asset=core[1],
            making_amount=raw.making_amount,
            taking_amount=raw.taking_amount,
            maker_traits=raw.maker_traits,
        ),
        core,
    )
    assert (packaged.amounts, packaged.terms) == (order.amounts, order.terms)


@pytest.mark.parametrize("first", ["fillOrder", "fillOrderCompact"])
def test_fill_order_compact__filled_by_either_entry__is_dead_for_both(desk: Desk, first: str) -> None:
    order = compact(desk, nonce=7)
    raw = order.order(desk)
    if first == "fillOrder":
        desk.fill(raw)
    else:
        desk.settlement.fillOrderCompact(*order.values(desk), sender=desk.taker)
    assert _refusal(desk, order) == ("NonceDead", 7, 0)
    assert desk.fill_refusal(raw) == ("NonceDead", 7, 0)
    assert desk.fill_refusal(raw, args=b"") == ("NonceDead", 7, 0)


# ---------------------------------------------------------------- token positions


def test_fill_order_compact__every_pair_of_core_tokens__fills(desk: Desk) -> None:
    for maker in range(3):
        for taker in range(3):
            order = compact(desk, maker=maker, taker=taker, making=5, taking=7)
            if maker == taker:
                assert _refusal(desk, order) == ("SameAsset", order.order(desk).maker_asset)
            else:
                assert _answer(desk, order)[:2] == (5, 7)


@pytest.mark.parametrize("side", ["maker", "taker"])
def test_fill_order_compact__position_beyond_the_list__is_refused(desk: Desk, side: str) -> None:
    for index in range(3, 16):
        assert _refusal(desk, compact(desk, **{side: index})) == ("UnregisteredToken", 0)
    assert _refusal(desk, compact(desk, maker=3, taker=4)) == ("UnregisteredToken", 0)


def test_fill_order_compact__eight_core_tokens__positions_seven_and_eight(desk: Desk, owner: Any) -> None:
    tokens = [owner.deploy(ape.project.MockOddToken) for _ in range(6)]
    last = tokens[-1]
    core = [desk.base, desk.quote, *tokens]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, core)
    settlement.initLanes(desk.key.address, 1, sender=owner)
    last.mint(settlement, FORTUNE, sender=owner)
    desk.quote.approve(settlement, UNLIMITED, sender=desk.taker)
    there = desk.of(settlement)
    assert _answer(there, compact(there, maker=7))[:2] == (MAKING, TAKING)
    for index in range(8, 16):
        assert _refusal(there, compact(there, maker=index)) == ("UnregisteredToken", 0)


def test_fill_order_compact__core_token_unregistered__is_refused(desk: Desk, guardian: Any) -> None:
    desk.settlement.unregisterToken(desk.quote, sender=guardian)
    assert _refusal(desk, compact(desk)) == ("UnregisteredToken", word(desk.quote))
    assert _answer(desk, compact(desk, taker=2))[:2] == (MAKING, TAKING)


# ---------------------------------------------------------------- lane, nonce, expiration


def test_fill_order_compact__lane__is_eight_bits(desk: Desk) -> None:
    for lane in range(4):
        assert _answer(desk, compact(desk, lane=lane))[0] == MAKING
    for lane in (4, 64, 255):
        refusal = _refusal(desk, compact(desk, lane=lane))
        assert refusal == ("UnknownSigner", desk.key.address.lower(), lane)


def test_fill_order_compact__nonce__is_forty_bits_of_which_thirty_two_are_served(desk: Desk) -> None:
    for nonce in (0, 159, 160, 255, 256, 2**32 - 1):
        assert _answer(desk, compact(desk, nonce=nonce))[0] == MAKING
    for nonce in (2**32, 2**40 - 1):
        assert _refusal(desk, compact(desk, nonce=nonce)) == ("NonceOutOfRange", nonce)


def test_fill_order_compact__expiration__holds_to_the_second(desk: Desk) -> None:
    at_s = desk.now_s() + 100
    for offset_s in (0, HORIZON_S):
        assert _answer(desk, compact(desk, expiration_s=at_s + offset_s), at_s)[0] == MAKING
    assert _refusal(desk, compact(desk, expiration_s=at_s - 1), at_s) == ("OrderExpired", at_s - 1, at_s)
    late_s = at_s + HORIZON_S + 1
    assert _refusal(desk, compact(desk, expiration_s=late_s), at_s) == ("ExpiryTooFar", late_s, late_s - 1)
    assert _refusal(desk, compact(desk, expiration_s=0), at_s) == ("OrderExpired", 0, at_s)
    assert _refusal(desk, compact(desk, expiration_s=2**40 - 1))[:2] == ("ExpiryTooFar", 2**40 - 1)


def test_fill_order_compact__epoch__is_the_one_of_the_lane(desk: Desk, guardian: Any) -> None:
    desk.settlement.cancelLane(desk.key.address, 0, sender=guardian)
    assert _refusal(desk, compact(desk)) == ("WrongEpoch", 0, 1)
    assert _answer(desk, compact(desk, epoch=1))[0] == MAKING
    assert _refusal(desk, compact(desk, epoch=2**32 - 1)) == ("WrongEpoch", 2**32 - 1, 1)


def test_fill_order_compact__paused_signer__is_refused(desk: Desk, guardian: Any) -> None:
    desk.settlement.pauseSigner(desk.key.address, sender=guardian)
    assert _refusal(desk, compact(desk)) == ("SignerIsPaused", desk.key.address.lower(), 0)


# ---------------------------------------------------------------- what it cannot say


def test_fill_order_compact__low_bits_of_terms__are_no_part_of_the_order(desk: Desk) -> None:
    """They cannot make an order private, nor anything else of it."""
    order = compact(desk)
    amounts, terms, r, vs = order.values(desk)
    expected = _answer(desk, order)
    for low in (1 << 1, 1 << 63, (1 << 64) - 2):
        loose = (int.from_bytes(terms, "big") | low).to_bytes(32, "big")
        found = desk.ask(desk.settlement.fillOrderCompact, amounts, loose, r, vs, sender=desk.taker)
        assert found == expected


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sender": 0xABCDEF}, id="private by low bits"),
        pytest.param({"flags": 1 << 249}, id="extension"),
        pytest.param({"flags": 128 << 200}, id="minimum ratio"),
        pytest.param({"flags": 100 << 234 | 1 << 220 | 60 << 208}, id="decay"),
        pytest.param({"receiver": 1}, id="receiver"),
        pytest.param({"maker": 1}, id="maker"),
        pytest.param({"salt": 0x5A17 << 192 | 1}, id="salt"),
        pytest.param({"lane": 256}, id="lane"),
    ],
)
def test_fill_order_compact__order_with_terms_it_cannot_say__recovers_another_key(
    desk: Desk, changes: dict[str, Any]
) -> None:
    order = compact(desk)
    terms = {"salt": 0x5A17 << 192, "expiration_s": order.expiration_s} | changes
    signature = desk.sign(desk.order(**terms))
    assert _refusal(desk, order, signature=signature)[0] == "UnknownSigner"
    sound = {"salt": 0x5A17 << 192, "expiration_s": order.expiration_s}
    assert _answer(desk, order, signature=desk.sign(desk.order(**sound)))[0] == MAKING


def test_fill_order_compact__order_private_by_extension__recovers_another_key(desk: Desk) -> None:
    raw = desk.with_extension(extension_of(taker=desk.taker.address))
    assert int.from_bytes(keccak256(b""), "big") & 1 == 0
    assert _refusal(desk, compact(desk), signature=desk.sign(raw))[0] == "UnknownSigner"


# ---------------------------------------------------------------- amounts and refusals


def test_fill_order_compact__zero_amounts__are_refused(desk: Desk) -> None:
    assert _refusal(desk, compact(desk, making=0)) == ("ZeroAmount", 0, TAKING)
    assert _refusal(desk, compact(desk, taking=0)) == ("ZeroAmount", MAKING, 0)
    assert _refusal(desk, compact(desk, making=0, taking=0)) == ("ZeroAmount", 0, 0)
    assert _answer(desk, compact(desk, making=1, taking=1))[:2] == (1, 1)


def test_fill_order_compact__largest_amounts__are_limited_by_the_tokens_alone(desk: Desk) -> None:
    most = 2**128 - 1
    refusal = _refusal(desk, compact(desk, making=most))
    assert refusal[:2] == ("TokenCallFailed", lower(desk.base))
    refusal = _refusal(desk, compact(desk, taking=most))
    assert refusal[:2] == ("TokenCallFailed", lower(desk.quote))
    assert decode_error(refusal[2])[0] == "Panic"


def test_fill_order_compact__unknown_key__is_refused_by_name(desk: Desk, stranger_key: SigningKey) -> None:
    refusal = _refusal(desk, compact(desk, lane=1), key=stranger_key)
    assert refusal == ("UnknownSigner", stranger_key.address.lower(), 1)


def test_fill_order_compact__amounts_changed_after_signing__are_refused(desk: Desk) -> None:
    order = compact(desk)
    signature = desk.sign(order.order(desk))
    for fields in ({"making": MAKING + 1}, {"taking": TAKING - 1}, {"nonce": 1}, {"no_partial": True}):
        changed = compact(desk, expiration_s=order.expiration_s, **fields)
        assert _refusal(desk, changed, signature=signature)[0] == "UnknownSigner"


def test_fill_order_compact__value_sent__is_refused(desk: Desk) -> None:
    values = compact(desk, taker=2).values(desk)
    method = desk.settlement.fillOrderCompact
    assert desk.refusal(method, *values, sender=desk.taker, value=TAKING) == ("",)
    assert desk.refusal(method, *values, sender=desk.taker, value=1) == ("",)
