"""What a signature is good for: one digest, one domain, one registered key, whatever code its account holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.domain import Address, RfqOrder, Signature, SigningKey, order_hash, settlement_domain
from pmm.errors import InvalidInput
from tests.contracts.settlement.compact import compact
from tests.contracts.settlement.desk import MAKING, Desk, RawOrder

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_CURVE_ORDER = CURVE_ORDER // 2


class _Words:
    """A signature of any two words."""

    def __init__(self, r: int, vs: int) -> None:
        self.r_bytes = r.to_bytes(32, "big")
        self.vs_bytes = vs.to_bytes(32, "big")


def _typed(order: RawOrder) -> RfqOrder:
    def address(word: int) -> Address:
        return Address(ape.convert(f"0x{word:040x}", ape.types.AddressType))

    return RfqOrder(
        salt=order.salt,
        maker=address(order.maker),
        receiver=address(order.receiver),
        maker_asset=address(order.maker_asset),
        taker_asset=address(order.taker_asset),
        making_amount=order.making_amount,
        taking_amount=order.taking_amount,
        maker_traits=order.maker_traits,
    )


def test_hash_order__any_order__equals_the_python_digest(desk: Desk) -> None:
    order = desk.order(nonce=3, lane=2, epoch=9)
    assert bytes(desk.settlement.hashOrder(order.words)) == order.digest(desk.domain)
    assert order.digest(desk.domain) == order_hash(_typed(order), desk.domain)


def test_hash_order__dirty_words__are_hashed_raw(desk: Desk) -> None:
    order = desk.order(taker_asset=2**256 - 1, receiver=1 << 255)
    assert bytes(desk.settlement.hashOrder(order.words)) == order.digest(desk.domain)


def test_domain_separator__own_chain__equals_the_python_one(desk: Desk) -> None:
    assert bytes(desk.settlement.DOMAIN_SEPARATOR()) == desk.domain.separator


def test_domain_separator__chain_id_changes__follows(desk: Desk) -> None:
    chain_id = ape.chain.chain_id
    order = desk.order()
    signature = desk.sign(order)
    desk.rpc.call("anvil_setChainId", 31_338)
    try:
        moved = settlement_domain(31_338, Address(desk.settlement.address))
        asked = {
            "to": desk.settlement.address,
            "data": desk.settlement.DOMAIN_SEPARATOR.encode_input().to_0x_hex(),
        }
        assert desk.rpc.call("eth_call", asked, "latest") == "0x" + moved.separator.hex()
        assert desk.fill_refusal(order, signature=signature)[0] == "UnknownSigner"
    finally:
        desk.rpc.call("anvil_setChainId", chain_id)
    assert desk.simulate(order, signature=signature)[0] == MAKING


@pytest.mark.parametrize(
    "domain_of",
    [
        pytest.param(lambda desk: settlement_domain(5, desk.domain.verifying_contract), id="other chain"),
        pytest.param(lambda desk: settlement_domain(1, Address(desk.base.address)), id="other contract"),
        pytest.param(lambda desk: desk.router_domain, id="1inch's domain"),
    ],
)
def test_fill_order__signed_for_another_domain__is_refused(desk: Desk, domain_of: Any) -> None:
    order = desk.order()
    signature = desk.key.sign(order.digest(domain_of(desk)))
    assert desk.fill_refusal(order, signature=signature)[0] == "UnknownSigner"


@pytest.mark.parametrize(
    "change",
    [
        {"salt": 1},
        {"making_amount": MAKING + 1},
        {"taking_amount": 1},
    ],
)
def test_fill_order__one_word_changed_after_signing__is_refused(desk: Desk, change: dict[str, int]) -> None:
    order = desk.order()
    signature = desk.sign(order)
    assert desk.fill_refusal(replace(order, **change), signature=signature)[0] == "UnknownSigner"


def test_fill_order__unknown_key__is_refused_by_name(desk: Desk, stranger_key: SigningKey) -> None:
    order = desk.order(lane=1)
    refusal = desk.fill_refusal(order, signature=desk.sign(order, stranger_key))
    assert refusal == ("UnknownSigner", stranger_key.address.lower(), 1)


def test_fill_order__owner_as_signer__is_refused(desk: Desk, owner: Any) -> None:
    """Roles give no right to sign."""
    order = desk.order()
    key = SigningKey(bytes.fromhex(owner.private_key[2:]))
    assert desk.fill_refusal(order, signature=desk.sign(order, key))[0] == "UnknownSigner"


@pytest.mark.parametrize("lane", [4, 63, 64, 2**40 - 1])
def test_fill_order__lane_never_initialised__is_refused(desk: Desk, lane: int) -> None:
    assert desk.fill_refusal(desk.order(lane=lane)) == ("UnknownSigner", desk.key.address.lower(), lane)


def test_fill_order__malleated_twin__is_refused(desk: Desk) -> None:
    """Its s needs 256 bits in all but one case of 2^127, and EIP-2098 has 255."""
    order = desk.order()
    low = desk.sign(order)
    high = (CURVE_ORDER - low.s) & (1 << 255) - 1
    refusal = desk.fill_refusal(order, signature=_Words(low.r, (1 - low.y_parity) << 255 | high))
    assert refusal[0] in ("UnknownSigner", "BadSignature", "HighS")


def test_fill_order__s_of_exactly_half_the_order__is_not_high(desk: Desk) -> None:
    refusal = desk.fill_refusal(desk.order(), signature=_Words(1, HALF_CURVE_ORDER))
    assert refusal[0] == "UnknownSigner"


def test_fill_order__flipped_parity__is_refused(desk: Desk) -> None:
    order = desk.order()
    signature = desk.sign(order)
    flipped = _Words(signature.r, (1 - signature.y_parity) << 255 | signature.s)
    assert desk.fill_refusal(order, signature=flipped)[0] in ("UnknownSigner", "BadSignature")


# ---------------------------------------------------------------- forms of a signature


def test_signature__of_64_and_of_65_bytes__are_the_same_to_a_fill(desk: Desk) -> None:
    for nonce in range(6):
        order = desk.order(nonce=nonce)
        signature = desk.sign(order)
        short, long = signature.to_compact(), signature.to_bytes65()
        assert (len(short), len(long)) == (64, 65)
        raw_v = long[:64] + bytes((long[64] - 27,))
        for form in (short, long, raw_v):
            read = Signature.from_bytes(form)
            assert read.r_bytes + read.vs_bytes == short
            assert desk.simulate(order, signature=read)[0] == MAKING


def test_signature__other_length_or_v__is_refused_before_it_is_sent(desk: Desk) -> None:
    long = desk.sign(desk.order()).to_bytes65()
    for form in (b"", long[:63], long + b"\0", long[:64] + b"\x02", long[:64] + b"\x1d"):
        with pytest.raises(InvalidInput):
            Signature.from_bytes(form)


def test_signature__in_the_high_s_form__is_refused_before_it_is_sent(desk: Desk) -> None:
    low = desk.sign(desk.order())
    twin = low.r_bytes + (CURVE_ORDER - low.s).to_bytes(32, "big") + bytes((28 - low.y_parity,))
    with pytest.raises(InvalidInput):
        Signature.from_bytes(twin)


def _entries(desk: Desk, r: int, vs: int) -> list[tuple[Any, tuple[Any, ...]]]:
    """Every way a signature comes in, with these words."""
    signature: Any = _Words(r, vs)
    order, packed = desk.order(), compact(desk)
    digest = order.digest(desk.router_domain)
    short_digest = packed.order(desk).digest(desk.router_domain)
    short = b"".join(packed.values(desk, signature=signature))
    fill = (order.words, signature.r_bytes, signature.vs_bytes, MAKING, 0)
    return [
        (desk.settlement.fillOrder, fill),
        (desk.settlement.fillOrderArgs, (*fill, b"")),
        (desk.settlement.fillOrderCompact, packed.values(desk, signature=signature)),
        (desk.settlement.isValidSignature, (digest, order.packed_with(signature))),
        (desk.settlement.isValidSignature, (short_digest, short)),
    ]


@pytest.mark.parametrize(
    ("r", "vs", "refusal"),
    [
        (0, 1, ("BadSignature",)),
        (1, 0, ("BadSignature",)),
        (1, 1 << 255, ("BadSignature",)),
        (0, 0, ("BadSignature",)),
        (CURVE_ORDER, 1, ("BadSignature",)),
        (2**256 - 1, 1, ("BadSignature",)),
        (1, HALF_CURVE_ORDER + 1, ("HighS", HALF_CURVE_ORDER + 1)),
        (1, 1 << 255 | HALF_CURVE_ORDER + 1, ("HighS", HALF_CURVE_ORDER + 1)),
        (1, 2**256 - 1, ("HighS", 2**255 - 1)),
    ],
)
def test_every_entry__signature_of_no_key__is_refused(
    desk: Desk, r: int, vs: int, refusal: tuple[Any, ...]
) -> None:
    for method, values in _entries(desk, r, vs):
        assert desk.refusal(method, *values, sender=desk.taker) == refusal
