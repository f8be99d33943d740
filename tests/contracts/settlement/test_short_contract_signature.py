"""The contract signature of 128 bytes: a plain order in two words, with r and vs behind them."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.domain import SigningKey
from tests.contracts.settlement.compact import CompactOrder, compact
from tests.contracts.settlement.desk import (
    HORIZON_S,
    MAKING,
    TAKING,
    Desk,
    decode_error,
    moved,
    word,
)

MAGIC = bytes.fromhex("1626ba7e")


def _values(
    desk: Desk, order: CompactOrder, *, key: SigningKey | None = None, low_bits: int = 0
) -> tuple[bytes, bytes]:
    """1inch's digest and the 128 bytes."""
    digest = order.order(desk).digest(desk.router_domain)
    signature = (key or desk.key).sign(digest)
    words = order.amounts.to_bytes(32, "big") + (order.terms | low_bits).to_bytes(32, "big")
    return digest, words + signature.r_bytes + signature.vs_bytes


def _answer(desk: Desk, order: CompactOrder, **how: Any) -> bytes:
    ask, at_s = desk.settlement.isValidSignature, how.pop("at_s", None)
    return desk.answer(ask, *_values(desk, order, **how), sender=desk.taker, at_s=at_s)[:4]


def _refusal(desk: Desk, order: CompactOrder, **how: Any) -> tuple[Any, ...]:
    ask, at_s = desk.settlement.isValidSignature, how.pop("at_s", None)
    return desk.refusal(ask, *_values(desk, order, **how), sender=desk.taker, at_s=at_s)


def test_short_signature__sound_order__is_good_in_both_forms(desk: Desk) -> None:
    for fields in ({}, {"lane": 3, "nonce": 2**40 - 1}, {"no_partial": True}, {"maker": 2, "taker": 0}):
        order = compact(desk, **fields)
        digest, short = _values(desk, order)
        assert len(short) == 128
        assert _answer(desk, order) == MAGIC
        long = order.order(desk).packed_with(desk.key.sign(digest))
        assert bytes(desk.settlement.isValidSignature(digest, long)) == MAGIC


def test_short_signature__on_1inch__fills_exactly(desk: Desk, router: Any, on_router: Any) -> None:
    order = compact(desk)
    raw = order.order(desk)
    _, _, amount, taker_traits = on_router(raw)
    _, short = _values(desk, order)
    before = desk.balances(desk.settlement, desk.taker)
    router.fillContractOrder(raw.words, short, amount, taker_traits, sender=desk.taker)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]


def test_short_signature__of_our_own_domain__is_refused(desk: Desk) -> None:
    order = compact(desk)
    own = order.order(desk).digest(desk.domain)
    _, short = _values(desk, order)
    ask = desk.settlement.isValidSignature
    theirs = order.order(desk).digest(desk.router_domain)
    assert desk.refusal(ask, own, short, sender=desk.taker) == ("DigestMismatch", own, theirs)


def test_short_signature__of_another_order__is_refused(desk: Desk) -> None:
    order = compact(desk)
    digest, _ = _values(desk, order)
    for fields in ({"making": MAKING + 1}, {"taking": 1}, {"nonce": 1}, {"lane": 1}, {"no_partial": True}):
        other = compact(desk, expiration_s=order.expiration_s, **fields)
        other_digest, short = _values(desk, other)
        refusal = desk.refusal(desk.settlement.isValidSignature, digest, short, sender=desk.taker)
        assert refusal == ("DigestMismatch", digest, other_digest)


def test_short_signature__low_bits_of_terms__are_no_part_of_the_order(desk: Desk) -> None:
    for low in (1 << 1, 1 << 63, (1 << 64) - 2):
        assert _answer(desk, compact(desk), low_bits=low) == MAGIC


@pytest.mark.parametrize("side", ["maker", "taker"])
def test_short_signature__position_beyond_the_list__is_refused(desk: Desk, side: str) -> None:
    for index in (3, 7, 8, 15):
        assert _refusal(desk, compact(desk, **{side: index})) == ("UnregisteredToken", 0)


def test_short_signature__same_or_unregistered_asset__is_refused(desk: Desk, guardian: Any) -> None:
    assert _refusal(desk, compact(desk, taker=0)) == ("SameAsset", word(desk.base))
    desk.settlement.unregisterToken(desk.quote, sender=guardian)
    assert _refusal(desk, compact(desk)) == ("UnregisteredToken", word(desk.quote))


def test_short_signature__unknown_key_lane_or_epoch__is_refused(
    desk: Desk, guardian: Any, stranger_key: SigningKey
) -> None:
    refusal = _refusal(desk, compact(desk), key=stranger_key)
    assert refusal == ("UnknownSigner", stranger_key.address.lower(), 0)
    assert _refusal(desk, compact(desk, lane=255)) == ("UnknownSigner", desk.key.address.lower(), 255)
    assert _refusal(desk, compact(desk, epoch=1)) == ("WrongEpoch", 1, 0)
    desk.settlement.pauseSigner(desk.key.address, sender=guardian)
    assert _refusal(desk, compact(desk)) == ("SignerIsPaused", desk.key.address.lower(), 0)


def test_short_signature__expiration__holds_to_the_second(desk: Desk) -> None:
    at_s = desk.now_s() + 100
    for offset_s in (0, HORIZON_S):
        assert _answer(desk, compact(desk, expiration_s=at_s + offset_s), at_s=at_s) == MAGIC
    refusal = _refusal(desk, compact(desk, expiration_s=at_s - 1), at_s=at_s)
    assert refusal == ("OrderExpired", at_s - 1, at_s)
    late_s = at_s + HORIZON_S + 1
    refusal = _refusal(desk, compact(desk, expiration_s=late_s), at_s=at_s)
    assert refusal == ("ExpiryTooFar", late_s, late_s - 1)


def test_short_signature__guards_on__are_held(desk: Desk, owner: Any) -> None:
    desk.settlement.setGuards(2, sender=owner)
    assert _refusal(desk, compact(desk)) == ("HookRequired", 1 << 249)
    desk.settlement.setGuards(1, sender=owner)
    assert _refusal(desk, compact(desk)) == ("NoBand", word(desk.base), word(desk.quote))


def test_short_signature__while_a_fill_runs__is_refused(desk: Desk, mock_taker: Any, owner: Any) -> None:
    ask = desk.settlement.isValidSignature.encode_input(*_values(desk, compact(desk)))
    mock_taker.setReaction(desk.settlement, ask, sender=owner)
    interaction = bytes.fromhex(mock_taker.address[2:])
    desk.fill(desk.order(), taker_traits=len(interaction) << 200, args=interaction)
    assert decode_error(bytes(mock_taker.answer())) == ("Reentered",)
