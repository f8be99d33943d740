"""OKX's order against an EIP-712 library that is handed the type written out by hand."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import (
    USDC,
    WETH,
    OkxDecay,
    OkxOrder,
    Signature,
    SigningKey,
    address_from_bytes,
    okx_domain,
    recover_signer,
)
from pmm.errors import InvalidInput
from tests.helpers.quoting import TAKER

_KEY = b"\x07" * 32
_MAKER = SigningKey(_KEY).address
# Written out from okxlabs/Web3-DEX-EVM-PMM, src/OrderRFQLib.sol, not from the code under test.
_TYPES = {
    "OrderRFQ": [
        {"name": "rfqId", "type": "uint256"},
        {"name": "expiry", "type": "uint256"},
        {"name": "makerAsset", "type": "address"},
        {"name": "takerAsset", "type": "address"},
        {"name": "makerAddress", "type": "address"},
        {"name": "makerAmount", "type": "uint256"},
        {"name": "takerAmount", "type": "uint256"},
        {"name": "usePermit2", "type": "bool"},
        {"name": "confidenceT", "type": "uint256"},
        {"name": "confidenceWeight", "type": "uint256"},
        {"name": "confidenceCap", "type": "uint256"},
        {"name": "permit2Signature", "type": "bytes"},
        {"name": "permit2Witness", "type": "bytes32"},
        {"name": "permit2WitnessType", "type": "string"},
    ]
}
_DOMAIN = {
    "name": "OKX Labs PMM Protocol",
    "version": "1.1",
    "chainId": 1,
    "verifyingContract": "0x5035D128ef482276Aa3bCce4307ffF8961ba30F9",
}
ORDER = OkxOrder(
    rfq_id=12345678,
    expiry_s=1_750_000_036,
    maker=_MAKER,
    maker_asset=USDC.address,
    taker_asset=WETH.address,
    making_amount=2_997 * 10**6,
    taking_amount=10**18,
    decay=OkxDecay(start_s=1_750_000_010, weight_e6_s=100, cap_e6=5_000),
)
_addresses = st.binary(min_size=20, max_size=20).filter(any).map(address_from_bytes)
_amounts = st.integers(1, 2**256 - 1)
_decays = st.builds(
    OkxDecay,
    start_s=st.integers(0, 2**40 - 1),
    weight_e6_s=st.integers(0, 2**40 - 1),
    cap_e6=st.integers(0, 50_000),
)
_orders = st.builds(
    OkxOrder,
    rfq_id=st.integers(0, 2**64 - 1),
    expiry_s=st.integers(0, 2**40 - 1),
    maker=_addresses,
    maker_asset=_addresses,
    taker_asset=_addresses,
    making_amount=_amounts,
    taking_amount=_amounts,
    decay=_decays,
)


def _message(order: OkxOrder) -> dict[str, Any]:
    return {
        "rfqId": order.rfq_id,
        "expiry": order.expiry_s,
        "makerAsset": order.maker_asset,
        "takerAsset": order.taker_asset,
        "makerAddress": order.maker,
        "makerAmount": order.making_amount,
        "takerAmount": order.taking_amount,
        "usePermit2": False,
        "confidenceT": order.decay.start_s,
        "confidenceWeight": order.decay.weight_e6_s,
        "confidenceCap": order.decay.cap_e6,
        "permit2Signature": b"",
        "permit2Witness": bytes(32),
        "permit2WitnessType": "",
    }


@given(order=_orders, chain_id=st.integers(1, 2**64), contract=_addresses)
def test_digest__any_order__is_that_of_an_independent_library(
    order: OkxOrder, chain_id: int, contract: str
) -> None:
    domain = okx_domain(chain_id, address_from_bytes(bytes.fromhex(contract[2:])))
    theirs = encode_typed_data(
        domain_data={**_DOMAIN, "chainId": chain_id, "verifyingContract": contract},
        message_types=_TYPES,
        message_data=_message(order),
    )
    assert order.digest(domain) == _hash_eip191_message(theirs)


@settings(max_examples=25)
@given(order=_orders)
def test_signature__any_order__is_byte_for_byte_that_of_sign_typed_data(order: OkxOrder) -> None:
    key = SigningKey(_KEY)
    signature = key.sign(order.digest(okx_domain()))
    theirs = Account.sign_typed_data(_KEY, _DOMAIN, _TYPES, _message(order))
    assert signature.to_bytes65() == bytes(theirs.signature)
    assert len(signature.to_bytes65()) == 65
    assert recover_signer(order.digest(okx_domain()), Signature.from_bytes(bytes(theirs.signature))) == _MAKER


@pytest.mark.parametrize(
    "change",
    [
        {"rfq_id": 12345679},
        {"expiry_s": 1_750_000_037},
        {"maker": TAKER},
        {"maker_asset": WETH.address},
        {"taker_asset": USDC.address},
        {"making_amount": 2_997 * 10**6 + 1},
        {"taking_amount": 10**18 + 1},
        {"decay": OkxDecay(start_s=1_750_000_011, weight_e6_s=100, cap_e6=5_000)},
        {"decay": OkxDecay(start_s=1_750_000_010, weight_e6_s=101, cap_e6=5_000)},
        {"decay": OkxDecay(start_s=1_750_000_010, weight_e6_s=100, cap_e6=5_001)},
    ],
)
def test_digest__one_field_changed__is_another(change: dict[str, Any]) -> None:
    assert replace(ORDER, **change).digest(okx_domain()) != ORDER.digest(okx_domain())


def test_digest__other_domain__is_another() -> None:
    assert ORDER.digest(okx_domain(8453)) != ORDER.digest(okx_domain(1))


@given(order=_orders, taker=_addresses)
def test_kept__any_order__comes_back_whole(order: OkxOrder, taker: str) -> None:
    kept, extension = order.kept(taker=address_from_bytes(bytes.fromhex(taker[2:])))
    assert OkxOrder.from_kept(kept, extension) == order
    assert kept.traits.expiration_s == order.expiry_s


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("rfq_id", 2**64, "rfqId: expected at most 64 bits"),
        ("rfq_id", -1, "rfqId: expected a number >= 0"),
        ("making_amount", 0, "makerAmount: expected at least 1"),
        ("taking_amount", 2**256, "takerAmount: expected at most 256 bits"),
        ("maker", "0x" + "00" * 20, "makerAddress: expected an address, found the zero"),
        ("maker_asset", "0x12", "makerAsset: expected an address"),
        ("expiry_s", 2**40, "expiry: expected at most 40 bits"),
    ],
)
def test_order__field_out_of_range__is_refused(field: str, value: Any, text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        replace(ORDER, **{field: value})


def test_decay__cap_above_five_percent__is_refused() -> None:
    with pytest.raises(InvalidInput, match="confidenceCap: expected at most 50000"):
        OkxDecay(start_s=1, weight_e6_s=1, cap_e6=50_001)
    with pytest.raises(InvalidInput, match="decay: expected 15 bytes, found 3"):
        OkxDecay.decode(b"abc")


def test_decay__time_passes__takes_what_the_contract_takes() -> None:
    # 100 millionths a second from second 10 on, at most 5,000: worked out by hand from _fillOrderRFQTo.
    at = {10: 1_000_000, 11: 999_900, 30: 998_000, 60: 995_000, 1_000: 995_000}
    decay = OkxDecay(start_s=10, weight_e6_s=100, cap_e6=5_000)
    assert {second: decay.making_amount_after(1_000_000, second) for second in at} == at
    assert OkxDecay(start_s=10, weight_e6_s=100).making_amount_after(1_000_000, 99) == 1_000_000


@given(decay=_decays, amount=_amounts, first=st.integers(0, 2**40), later=st.integers(0, 2**20))
def test_decay__later__never_pays_more_and_at_least_95_percent(
    decay: OkxDecay, amount: int, first: int, later: int
) -> None:
    before, after = (decay.making_amount_after(amount, second) for second in (first, first + later))
    assert after <= before <= amount
    assert after * 100 >= amount * 95
