"""Python's amounts, compact words and contract signatures are those of the contracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ape
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.inventory import lane_call, lane_state
from pmm.chain.lens import REASONS
from pmm.chain.reverts import explain_revert
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import (
    MAINNET_TOKENS,
    USDC,
    WETH,
    CompactCall,
    CompactOrder,
    MakerTraits,
    QuoteDecay,
    RfqOrder,
    SigningKey,
    TakerTraits,
    build_salt,
    encode_fill,
    oneinch_domain,
    order_hash,
    parse_address,
    settlement_domain,
    sign_order,
    to_hex,
)
from pmm.domain.fill_amounts import (
    FillAmounts,
    effective_making_amount_down,
    settlement_fill_amounts,
    smallest_making_amount_up,
)
from pmm.errors import InvalidInput

CORE = tuple(token.address for token in MAINNET_TOKENS)
CHAIN_PROPERTY = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MAKING, TAKING = 10**18, 3_000 * 10**6
FILL_AMOUNTS = "fillAmounts(uint256,uint256,uint256,uint256)"


@pytest.fixture(scope="session")
def lens(settlement: Any, owner: Any) -> Any:
    return owner.deploy(ape.project.SettlementLens, settlement)


@pytest.fixture
def funded(settlement: Any, taker: Any, deal: Callable[[str, Any, int], None]) -> None:
    """Both sides hold what the orders here move, and the taker has approved it."""
    deal(WETH.address, settlement, 100 * MAKING)
    deal(USDC.address, taker, 100 * TAKING)
    ape.Contract(USDC.address, abi=ape.project.MockOddToken.contract_type.abi).approve(
        settlement, 2**255, sender=taker
    )


def _now_s() -> int:
    return int(ape.chain.blocks.head.timestamp)


def _order(settlement: Any, expiration_s: int, nonce: int, **more: Any) -> RfqOrder:
    traits = MakerTraits.for_quote(lane=0, nonce=nonce, expiration_s=expiration_s, **more)
    return RfqOrder(
        salt=build_salt(epoch=0, upper=nonce),
        maker=parse_address(settlement.address),
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=MAKING,
        taking_amount=TAKING,
        maker_traits=traits.encode(),
    )


@CHAIN_PROPERTY
@given(
    making=st.integers(1, 2**256 - 1) | st.integers(1, 2**100),
    taking=st.integers(1, 2**256 - 1) | st.integers(1, 2**100),
    own_bits=st.integers(0, 2**47 - 1),
    seconds_left=st.integers(-100, 5_000),
    expires_at_once=st.booleans(),
    amount=st.integers(0, 2**101),
)
def test_amounts__any_decay_and_smallest_fill__equal_the_contracts(
    making: int,
    taking: int,
    own_bits: int,
    seconds_left: int,
    expires_at_once: bool,
    amount: int,
    lens: Any,
    rpc: JsonRpc,
) -> None:
    now_s = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    expiration_s = 5 if expires_at_once else now_s + seconds_left
    word = own_bits << 200 | expiration_s << 80
    data = encode_call(FILL_AMOUNTS, making, taking, word, amount)
    order = RfqOrder(
        salt=1,
        maker=WETH.address,
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=making,
        taking_amount=taking,
        maker_traits=word,
    )
    answer, refusal = _asked(rpc, lens.address, data)
    found = _in_python(order, amount, now_s)
    if refusal:
        assert "AmountOverflow" in refusal
        assert isinstance(found, str)
        assert "AmountOverflow" in found
        return
    found_making, found_taking, effective, minimum = decode_result(("uint256",) * 4, answer)
    assert effective == effective_making_amount_down(order, now_s)
    if found_making != effective:
        assert minimum == smallest_making_amount_up(order, effective)
    if isinstance(found, str):
        # The view gives the amounts of fills that revert for what they are, too.
        small = found.startswith("FillTooSmall") and found_making < minimum
        assert small or (found.startswith("ZeroAmount") and found_making * found_taking % 2**256 == 0)
        return
    assert (found.making_amount, found.taking_amount) == (found_making, found_taking)


def _asked(rpc: JsonRpc, contract: str, data: bytes) -> tuple[bytes, str]:
    try:
        answer = rpc.call("eth_call", {"to": contract, "data": to_hex(data)}, "latest")
    except RpcError as error:
        return b"", str(explain_revert(bytes.fromhex((error.data or "0x")[2:])))
    return bytes.fromhex(answer[2:]), ""


def _in_python(order: RfqOrder, amount: int, now_s: int) -> FillAmounts | str:
    try:
        smallest_making_amount_up(order, effective_making_amount_down(order, now_s))
        return settlement_fill_amounts(order, amount, TakerTraits(maker_amount=True), now_s=now_s)
    except InvalidInput as error:
        return str(error)


def test_fill_order__decayed_order__moves_what_python_says(
    settlement: Any, signer_key: SigningKey, taker: Any, rpc: JsonRpc, funded: None
) -> None:
    start_s = _now_s()
    decay = QuoteDecay(start_s=100, slope_centi_bps_s=37, cap_tenth_bps=8_000)
    order = _order(settlement, start_s + 150, 11, min_fill_255ths=100, decay=decay)
    signed = sign_order(order, settlement_domain(1, order.maker), signer_key)
    for offset_s, share in ((60, 10), (90, 2), (120, 1)):
        moment = ape.chain.snapshot()
        rpc.call("evm_setNextBlockTimestamp", start_s + offset_s)
        amount = TAKING // share
        data = encode_fill(signed, amount=amount, taker_traits=TakerTraits())
        if amount < TAKING // 2:
            with pytest.raises(InvalidInput, match="FillTooSmall"):
                settlement_fill_amounts(order, amount, TakerTraits(), now_s=start_s + offset_s)
            with pytest.raises(ape.exceptions.ContractLogicError):
                taker.transfer(settlement, 0, data=data, gas=500_000)
        else:
            moved = settlement_fill_amounts(order, amount, TakerTraits(), now_s=start_s + offset_s)
            receipt = taker.transfer(settlement, 0, data=data, gas=500_000)
            (filled,) = receipt.decode_logs(settlement.OrderFilled)
            assert (filled.makingAmount, filled.takingAmount) == (moved.making_amount, moved.taking_amount)
            assert moved.making_amount < MAKING
        ape.chain.restore(moment)


def test_fill_order_compact__signed_order__settles_the_same_digest(
    settlement: Any, signer_key: SigningKey, taker: Any, funded: None
) -> None:
    order = _order(settlement, _now_s() + 200, 12)
    signed = sign_order(order, settlement_domain(1, order.maker), signer_key)
    tokens = [parse_address(token) for token in settlement.coreTokens()]
    assert tuple(tokens) == CORE
    data = CompactCall(words=CompactOrder.of(order, tokens), signature=signed.signature).encode()
    moment = ape.chain.snapshot()
    receipt = taker.transfer(settlement, 0, data=data, gas=500_000)
    (filled,) = receipt.decode_logs(settlement.OrderFilled)
    assert (bytes(filled.orderHash), filled.makingAmount, filled.takingAmount) == (
        signed.order_hash,
        MAKING,
        TAKING,
    )
    ape.chain.restore(moment)


@pytest.mark.parametrize("short", [True, False])
def test_contract_signature__both_forms__are_accepted_by_the_settlement(
    settlement: Any, signer_key: SigningKey, short: bool
) -> None:
    order = _order(settlement, _now_s() + 200, 13)
    signed = sign_order(order, oneinch_domain(1), signer_key)
    packed = signed.contract_signature(CORE if short else ())
    assert len(packed) == (128 if short else 232)
    assert bytes(settlement.isValidSignature(signed.order_hash, packed)).hex() == "1626ba7e"
    other = order_hash(replace(order, making_amount=MAKING + 1), oneinch_domain(1))
    with pytest.raises(ape.exceptions.ContractLogicError):
        settlement.isValidSignature(other, packed)


def test_lane_state__word_on_chain__is_read(settlement: Any, signer_key: SigningKey, rpc: JsonRpc) -> None:
    target, data = lane_call(parse_address(settlement.address), signer_key.address, 1)
    answer = rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")
    state = lane_state(1, bytes.fromhex(answer[2:]))
    assert (state.authorised, state.paused, state.epoch, state.base, state.window) == (True, False, 0, 0, 0)
    assert state.max_expiry_s == settlement.maxExpiry()


def test_reasons__names__are_those_of_the_lens(lens: Any) -> None:
    assert list(lens.reasonNames(2 ** len(REASONS) - 1)) == [name for name, _ in REASONS]
    assert list(lens.reasonNames(1 << len(REASONS))) == ["UNNAMED"]


def test_router__address__is_the_one_of_the_settlement(settlement: Any) -> None:
    assert settlement.oneInchRouter() == ONEINCH_ROUTER
