"""The two words of a plain order, the short contract signature made of them, and ``fillOrderCompact``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    USDC,
    WBTC,
    WETH,
    CompactCall,
    CompactOrder,
    ContractSignature,
    MakerTraits,
    RfqOrder,
    SigningKey,
    decode_calldata,
    oneinch_domain,
    parse_address,
    sign_order,
    why_not_compact,
)
from pmm.domain.calldata_words import selector
from pmm.domain.contract_signature import signature_for_order
from pmm.domain.verification import Claim, verify_order
from pmm.errors import InvalidInput

KEY = SigningKey(b"\x11" * 32)
SETTLEMENT = parse_address("0x00000000000000000000000000000000005e771e")
CORE = (WETH.address, USDC.address, WBTC.address)
TRAITS = MakerTraits(series=5, nonce_or_epoch=0x0A0B0C0D0E, expiration_s=1_800_000_000)
ORDER = RfqOrder(
    salt=0x0123456789ABCDEF00000007 << 160,
    maker=SETTLEMENT,
    maker_asset=WBTC.address,
    taker_asset=USDC.address,
    making_amount=7,
    taking_amount=9,
    maker_traits=TRAITS.encode(),
)

plain_orders = st.builds(
    lambda salt, assets, making, taking, partial, lane, nonce, expiration_s: RfqOrder(
        salt=salt << 160,
        maker=SETTLEMENT,
        maker_asset=CORE[assets[0]],
        taker_asset=CORE[assets[1]],
        making_amount=making,
        taking_amount=taking,
        maker_traits=MakerTraits(
            no_partial_fills=partial, series=lane, nonce_or_epoch=nonce, expiration_s=expiration_s
        ).encode(),
    ),
    st.integers(0, 2**96 - 1),
    st.permutations(range(len(CORE))),
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**128 - 1),
    st.booleans(),
    st.integers(0, 63),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**40 - 1),
)


@given(plain_orders)
def test_compact_order__any_plain_order__is_the_same_order_again(order: RfqOrder) -> None:
    words = CompactOrder.of(order, CORE)
    assert CompactOrder.decode(words.encode()) == words
    assert words.order(SETTLEMENT, CORE) == order
    assert words.matches(order)


def test_compact_order__words__are_laid_out_as_specified() -> None:
    words = CompactOrder.of(replace(ORDER, maker_traits=ORDER.maker_traits | 1 << 255), CORE)
    assert words.amounts == 7 << 128 | 9
    assert f"{words.terms:064x}" == "0123456789abcdef0000000721050a0b0c0d0e006b49d2000000000000000001"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"receiver": SETTLEMENT}, "zero receiver"),
        ({"salt": ORDER.salt | 1}, "160 zero bits"),
        ({"making_amount": 2**128}, "makingAmount of at most 128 bits"),
        ({"taking_amount": 2**128}, "takingAmount of at most 128 bits"),
        ({"maker_asset": SETTLEMENT}, "maker asset among"),
        ({"taker_asset": SETTLEMENT}, "taker asset among"),
        ({"maker_traits": replace(TRAITS, allowed_sender=1)}, "found allowed_sender"),
        ({"maker_traits": replace(TRAITS, min_fill_255ths=1)}, "found min_fill_255ths"),
        ({"maker_traits": replace(TRAITS, decay_cap_tenth_bps=1)}, "found decay_cap_tenth_bps"),
        ({"maker_traits": replace(TRAITS, has_extension=True)}, "found has_extension"),
        ({"maker_traits": replace(TRAITS, unwrap_weth=True)}, "found unwrap_weth"),
        ({"maker_traits": replace(TRAITS, series=64)}, "lane of 0 to 63"),
    ],
)
def test_why_not_compact__term_without_room__is_named(changes: dict[str, Any], reason: str) -> None:
    traits = changes.get("maker_traits")
    order = replace(ORDER, **(changes if traits is None else {"maker_traits": traits.encode()}))
    assert reason in (why_not_compact(order, CORE) or "")
    with pytest.raises(InvalidInput, match="compact order: expected"):
        CompactOrder.of(order, CORE)
    assert len(ContractSignature(order=replace(order, receiver=ORDER.receiver), signature=KEY.sign(bytes(32)))
               .encode(CORE)) == (128 if "receiver" in changes else 232)  # fmt: skip


def test_why_not_compact__ninth_core_token__has_no_index() -> None:
    many = [*(parse_address(f"0x{index:040x}") for index in range(1, 9)), WBTC.address, USDC.address]
    assert "maker asset among" in (why_not_compact(ORDER, many) or "")


@pytest.mark.parametrize(
    ("amounts", "terms", "message"),
    [
        (7 << 128 | 9, 1 << 1, "bits 1-63"),
        (7 << 128 | 9, 1 << 63, "bits 1-63"),
        (9, 0, "at least 1 base unit"),
        (7 << 128, 0, "at least 1 base unit"),
        (2**256, 0, "amounts: expected at most 256 bits"),
        (7 << 128 | 9, -1, "terms: expected a number"),
    ],
)
def test_compact_order__word_out_of_range__raises(amounts: int, terms: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        CompactOrder(amounts=amounts, terms=terms)


def test_compact_order__token_the_settlement_has_not__raises() -> None:
    words = CompactOrder.of(ORDER, CORE)
    with pytest.raises(InvalidInput, match="maker asset is core token 2, the settlement has 2"):
        words.order(SETTLEMENT, CORE[:2])


@pytest.mark.parametrize("field", ["salt", "making_amount", "taking_amount", "maker_traits"])
def test_matches__another_word__is_told(field: str) -> None:
    words = CompactOrder.of(ORDER, CORE)
    step = 1 << 160 if field == "salt" else 1 << 120 if field == "maker_traits" else 1
    assert not words.matches(replace(ORDER, **{field: getattr(ORDER, field) + step}))
    assert words.matches(replace(ORDER, maker_asset=WETH.address))  # which token: the digest decides


@given(plain_orders)
def test_contract_signature__plain_order_of_core_tokens__is_short_and_reads_back(order: RfqOrder) -> None:
    packed = ContractSignature(order=order, signature=KEY.sign(bytes(32)))
    data = packed.encode(CORE)
    assert len(data) == 128
    assert ContractSignature.decode(data, SETTLEMENT, CORE) == packed
    assert signature_for_order(data, order) == packed.signature


def test_contract_signature__core_tokens_unknown_or_extension__is_long() -> None:
    signature = KEY.sign(bytes(32))
    assert len(ContractSignature(order=ORDER, signature=signature).encode()) == 232
    assert len(ContractSignature(order=ORDER, signature=signature, extension=b"x").encode(CORE)) == 233


def test_contract_signature__short_with_unknown_tokens__raises() -> None:
    data = ContractSignature(order=ORDER, signature=KEY.sign(bytes(32))).encode(CORE)
    with pytest.raises(InvalidInput, match="core token 2, the settlement has 0"):
        ContractSignature.decode(data, SETTLEMENT)


def test_verify_order__short_contract_signature__recovers_the_inner_signer() -> None:
    signed = sign_order(ORDER, oneinch_domain(), KEY)
    claim = Claim(signature=signed.contract_signature(CORE), signers=frozenset({KEY.address}))
    check = verify_order(ORDER, oneinch_domain(), claim, now_s=1_700_000_000)
    assert (check.valid, check.by_contract, check.signer) == (True, True, KEY.address)
    # Another token under the same words is another digest, hence another signer.
    other = replace(ORDER, maker_asset=WETH.address)
    check = verify_order(other, oneinch_domain(), claim, now_s=1_700_000_000)
    assert [fault.code for fault in check.faults] == ["signer_mismatch"]
    check = verify_order(replace(ORDER, making_amount=8), oneinch_domain(), claim, now_s=1_700_000_000)
    assert "is for another order" in check.reasons[0]


def test_compact_call__encode__decodes_to_the_words() -> None:
    call = CompactCall(words=CompactOrder.of(ORDER, CORE), signature=KEY.sign(bytes(32)))
    data = call.encode()
    assert data[:4] == selector("fillOrderCompact(bytes32,bytes32,bytes32,bytes32)")
    assert len(data) == 4 + 128
    assert decode_calldata(data) == call
    assert decode_calldata(data + b"tag") == replace(call, trailing=b"tag")
    with pytest.raises(InvalidInput, match="calldata ends after 131 bytes, within vs"):
        decode_calldata(data[:-1])
