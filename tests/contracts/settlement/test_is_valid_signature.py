"""isValidSignature: the whole order is judged, not its digest alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.domain import SigningKey, oneinch_domain
from tests.contracts.settlement.desk import HAS_EXTENSION, HORIZON_S, Desk, RawOrder, word

MAGIC = bytes.fromhex("1626ba7e")


def _answer(desk: Desk, order: RawOrder, *, key: SigningKey | None = None, domain: Any = None) -> bytes:
    digest = order.digest(domain or desk.router_domain)
    packed = order.packed_with((key or desk.key).sign(digest))
    return bytes(desk.settlement.isValidSignature(digest, packed))


def _refusal(desk: Desk, order: RawOrder, *, key: SigningKey | None = None) -> tuple[Any, ...]:
    digest = order.digest(desk.router_domain)
    packed = order.packed_with((key or desk.key).sign(digest))
    return desk.refusal(desk.settlement.isValidSignature, digest, packed, sender=desk.taker)


def test_is_valid_signature__sound_order__answers_the_magic_value(desk: Desk) -> None:
    assert _answer(desk, desk.order()) == MAGIC


def test_is_valid_signature__fill_or_kill_and_private_by_low_bits__are_left_to_1inch(desk: Desk) -> None:
    assert _answer(desk, desk.order(flags=1 << 255, sender=0xABCDEF)) == MAGIC


def test_is_valid_signature__nonce_of_any_size__is_left_to_1inch(desk: Desk) -> None:
    desk.fill(desk.order(nonce=3))
    assert _answer(desk, desk.order(nonce=3)) == MAGIC
    assert _answer(desk, desk.order(nonce=2**40 - 1)) == MAGIC


def test_is_valid_signature__other_length__is_refused(desk: Desk) -> None:
    for length in (0, 64, 65, 127, 129, 231):
        refusal = desk.refusal(desk.settlement.isValidSignature, bytes(32), bytes(length), sender=desk.taker)
        assert refusal == ("BadSignatureLength", length)


def test_is_valid_signature__bytes_behind_a_plain_order__are_refused(desk: Desk) -> None:
    digest = desk.order().digest(desk.router_domain)
    packed = desk.order().packed_with(desk.key.sign(digest))
    for extra in (1, 68):
        values = (digest, packed + bytes(extra))
        refusal = desk.refusal(desk.settlement.isValidSignature, *values, sender=desk.taker)
        assert refusal == ("UnexpectedExtension", extra)


def test_is_valid_signature__other_digest__is_refused(desk: Desk) -> None:
    order = desk.order()
    digest = order.digest(desk.router_domain)
    packed = order.packed_with(desk.key.sign(digest))
    asked = bytes([digest[0] ^ 1]) + digest[1:]
    refusal = desk.refusal(desk.settlement.isValidSignature, asked, packed, sender=desk.taker)
    assert refusal == ("DigestMismatch", asked, digest)


def test_is_valid_signature__digest_of_our_own_domain__is_refused(desk: Desk) -> None:
    order = desk.order()
    digest = order.digest(desk.domain)
    packed = order.packed_with(desk.key.sign(digest))
    refusal = desk.refusal(desk.settlement.isValidSignature, digest, packed, sender=desk.taker)
    assert refusal == ("DigestMismatch", digest, order.digest(desk.router_domain))


def test_is_valid_signature__chain_id_changes__follows(desk: Desk) -> None:
    order = desk.order()
    moved = oneinch_domain(31_338)
    digest = order.digest(moved)
    packed = order.packed_with(desk.key.sign(digest))
    data = desk.settlement.isValidSignature.encode_input(digest, packed).to_0x_hex()
    request = {"to": str(desk.settlement.address), "data": data}
    with pytest.raises(desk.rpc_error) as refused:
        desk.rpc.call("eth_call", request, "latest")
    assert desk.decode(refused.value.data) == ("DigestMismatch", digest, order.digest(desk.router_domain))
    chain_id = ape.chain.chain_id
    desk.rpc.call("anvil_setChainId", 31_338)
    try:
        assert desk.rpc.call("eth_call", request, "latest")[:10] == "0x" + MAGIC.hex()
    finally:
        desk.rpc.call("anvil_setChainId", chain_id)


@pytest.mark.parametrize("field", ["salt", "making_amount", "taking_amount", "maker_traits", "maker_asset"])
def test_is_valid_signature__one_word_changed_after_signing__is_refused(desk: Desk, field: str) -> None:
    order = desk.order()
    signature = desk.key.sign(order.digest(desk.router_domain))
    changed = replace(order, **{field: getattr(order, field) ^ 1})
    digest = changed.digest(desk.router_domain)
    refusal = desk.refusal(
        desk.settlement.isValidSignature, digest, changed.packed_with(signature), sender=desk.taker
    )
    assert refusal[0] == "UnknownSigner"


def test_is_valid_signature__another_receiver__is_refused(desk: Desk, attacker: Any) -> None:
    """The receiver is no part of the packed form, so any but zero gives another digest."""
    assert _refusal(desk, desk.order(receiver=word(attacker)))[0] == "DigestMismatch"
    assert _refusal(desk, desk.order(receiver=word(desk.settlement)))[0] == "DigestMismatch"


def test_is_valid_signature__another_maker__is_refused(desk: Desk, attacker: Any) -> None:
    assert _refusal(desk, desk.order(maker=word(attacker)))[0] == "DigestMismatch"


def test_is_valid_signature__unknown_key__is_refused(desk: Desk, stranger_key: SigningKey) -> None:
    refusal = _refusal(desk, desk.order(), key=stranger_key)
    assert refusal == ("UnknownSigner", stranger_key.address.lower(), 0)


def test_is_valid_signature__traits_not_served__are_refused_by_their_bits(desk: Desk) -> None:
    """Decay has no place on 1inch's contract, the other refused bits have none anywhere."""
    for bit in (*range(208, 249), 250, 253, 254):
        assert _refusal(desk, desk.order(flags=1 << bit)) == ("UnsupportedTraits", 1 << bit)


def test_is_valid_signature__minimum_ratio_without_the_hook__is_refused(desk: Desk) -> None:
    """Nobody but the hook hears how much is filled."""
    for ratio in (1, 128, 255):
        assert _refusal(desk, desk.order(flags=ratio << 200)) == ("HookRequired", ratio << 200)


def test_is_valid_signature__hooks_announced_without_an_extension__are_refused(desk: Desk) -> None:
    assert _refusal(desk, desk.order(flags=HAS_EXTENSION)) == ("MissingExtension",)
    for bit in (251, 252):
        assert _refusal(desk, desk.order(flags=1 << bit)) == ("BadExtension", 0)


def test_is_valid_signature__expiration__holds_to_the_second(desk: Desk) -> None:
    at_s = desk.now_s() + 100
    ask = desk.settlement.isValidSignature

    def _values(offset_s: int) -> tuple[bytes, bytes]:
        order = desk.order(expiration_s=at_s + offset_s)
        digest = order.digest(desk.router_domain)
        return digest, order.packed_with(desk.key.sign(digest))

    for offset_s in (0, 1, HORIZON_S - 1, HORIZON_S):
        assert desk.answer(ask, *_values(offset_s), sender=desk.taker, at_s=at_s)[:4] == MAGIC
    refusal = desk.refusal(ask, *_values(-1), sender=desk.taker, at_s=at_s)
    assert refusal == ("OrderExpired", at_s - 1, at_s)
    refusal = desk.refusal(ask, *_values(HORIZON_S + 1), sender=desk.taker, at_s=at_s)
    assert refusal == ("ExpiryTooFar", at_s + HORIZON_S + 1, at_s + HORIZON_S)


def test_is_valid_signature__no_expiration__is_refused(desk: Desk) -> None:
    assert _refusal(desk, desk.order(expiration_s=0))[0] == "OrderExpired"


def test_is_valid_signature__unregistered_or_equal_assets__are_refused(desk: Desk) -> None:
    assert _refusal(desk, desk.order(maker_asset=0xDEAD)) == ("UnregisteredToken", 0xDEAD)
    assert _refusal(desk, desk.order(taker_asset=0xDEAD)) == ("UnregisteredToken", 0xDEAD)
    assert _refusal(desk, desk.order(taker_asset=word(desk.base))) == ("SameAsset", word(desk.base))


def test_is_valid_signature__paused_revoked_or_wrong_epoch__is_refused_at_once(
    desk: Desk, owner: Any, guardian: Any
) -> None:
    order = desk.order()
    signer = desk.key.address
    desk.settlement.pauseSigner(signer, sender=guardian)
    assert _refusal(desk, order) == ("SignerIsPaused", signer.lower(), 0)
    desk.settlement.resumeSigner(signer, sender=owner)
    desk.settlement.cancelLane(signer, 0, sender=guardian)
    assert _refusal(desk, order) == ("WrongEpoch", 0, 1)
    assert _answer(desk, desk.order(epoch=1)) == MAGIC
    desk.settlement.revokeSigner(signer, sender=guardian)
    assert _refusal(desk, desk.order(epoch=2)) == ("UnknownSigner", signer.lower(), 0)
