"""The token registry, the horizon and the constructor."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import ZERO_ADDRESS
from tests.contracts.hedger_place import HEDGER_PLACE
from tests.contracts.settlement.conftest import FORTUNE, UNLIMITED
from tests.contracts.settlement.desk import (
    HORIZON_S,
    MAKING,
    TAKING,
    Desk,
    lower,
    word,
)

ZERO = "0x" + "00" * 20


@pytest.fixture
def late(desk: Desk, owner: Any) -> Any:
    """A token that is not core, held by everyone, registered by nobody yet."""
    token = owner.deploy(ape.project.MockOddToken)
    for holder in (desk.settlement, desk.taker):
        token.mint(holder, FORTUNE, sender=owner)
    token.approve(desk.settlement, UNLIMITED, sender=desk.taker)
    return token


@pytest.mark.parametrize("side", ["maker_asset", "taker_asset"])
def test_register_token__late_token__trades_until_unregistered(
    desk: Desk, late: Any, owner: Any, guardian: Any, side: str
) -> None:
    order = desk.order(**{side: word(late)})
    assert not desk.settlement.isRegistered(late)
    assert desk.fill_refusal(order) == ("UnregisteredToken", word(late))

    receipt = desk.settlement.registerToken(late, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.TokenRegistered)
    assert event.token == late
    assert desk.settlement.isRegistered(late)
    assert desk.simulate(order)[:2] == (MAKING, TAKING)

    receipt = desk.settlement.unregisterToken(late, sender=guardian)
    (event,) = receipt.decode_logs(desk.settlement.TokenUnregistered)
    assert event.token == late
    assert not desk.settlement.isRegistered(late)
    assert desk.fill_refusal(order) == ("UnregisteredToken", word(late))


@pytest.mark.parametrize("side", ["base", "quote"])
def test_unregister_token__core_token__stops_on_every_lane_and_comes_back(
    desk: Desk, owner: Any, guardian: Any, side: str
) -> None:
    token = getattr(desk, side)
    desk.settlement.unregisterToken(token, sender=guardian)
    assert not desk.settlement.isRegistered(token)
    for lane in range(4):
        assert desk.fill_refusal(desk.order(lane=lane)) == ("UnregisteredToken", word(token))
    desk.settlement.registerToken(token, sender=owner)
    assert desk.settlement.isRegistered(token)
    for lane in range(4):
        assert desk.simulate(desk.order(lane=lane))[0] == MAKING


def test_unregister_token__core_token__leaves_the_others(desk: Desk, guardian: Any) -> None:
    desk.settlement.unregisterToken(WETH, sender=guardian)
    assert desk.simulate(desk.order())[0] == MAKING
    assert desk.fill_refusal(desk.order(taker_asset=word(WETH))) == ("UnregisteredToken", word(WETH))


def test_unregister_token__unknown_or_already_out__is_refused(desk: Desk, late: Any, guardian: Any) -> None:
    assert desk.refusal(desk.settlement.unregisterToken, late, sender=guardian)[0] == "UnregisteredToken"
    desk.settlement.unregisterToken(desk.base, sender=guardian)
    assert desk.refusal(desk.settlement.unregisterToken, desk.base, sender=guardian)[0] == "UnregisteredToken"


def test_register_token__account_without_code__is_refused(desk: Desk, owner: Any, receiver: Any) -> None:
    assert desk.refusal(desk.settlement.registerToken, receiver, sender=owner) == ("NoCode", lower(receiver))
    zero = "0x" + "00" * 20
    assert desk.refusal(desk.settlement.registerToken, zero, sender=owner) == ("NoCode", zero)


def test_core_tokens__eight_of_them__all_trade(desk: Desk, owner: Any) -> None:
    tokens = [owner.deploy(ape.project.MockOddToken) for _ in range(8)]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, tokens)
    assert settlement.coreTokens() == tokens
    assert all(settlement.isRegistered(token) for token in tokens)
    settlement.unregisterToken(tokens[7], sender=owner)
    assert [settlement.isRegistered(token) for token in tokens] == [True] * 7 + [False]
    assert not settlement.isRegistered("0x" + "00" * 20)


# ---------------------------------------------------------------- horizon


@pytest.mark.parametrize("seconds", [1, 60, 65_535])
def test_set_max_expiry__bounds__hold_on_every_lane(desk: Desk, owner: Any, seconds: int) -> None:
    receipt = desk.settlement.setMaxExpiry(seconds, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.MaxExpirySet)
    assert event.seconds_ == desk.settlement.maxExpiry() == seconds
    far_s = desk.now_s() + seconds + 100
    for lane in range(4):
        assert desk.fill_refusal(desk.order(lane=lane, expiration_s=far_s))[0] == "ExpiryTooFar"
        assert desk.lane(lane).max_expiry == seconds


@pytest.mark.parametrize("seconds", [0, 65_536, 2**64 - 1])
def test_set_max_expiry__out_of_bounds__is_refused(desk: Desk, owner: Any, seconds: int) -> None:
    refusal = desk.refusal(desk.settlement.setMaxExpiry, seconds, sender=owner)
    assert refusal == ("BadMaxExpiry", seconds)
    assert desk.settlement.maxExpiry() == HORIZON_S


# ---------------------------------------------------------------- constructor


def _deploy_refusal(desk: Desk, *arguments: Any) -> tuple[Any, ...]:
    container = ape.project.RfqSettlement
    code = container.contract_type.deployment_bytecode.bytecode
    encoded = container.constructor.encode_input(*arguments).hex().removeprefix("0x")
    request = {
        "from": str(desk.owner.address),
        "data": "0x" + code.removeprefix("0x") + encoded,
        "gas": hex(16_000_000),
    }
    with pytest.raises(desk.rpc_error) as refused:
        desk.rpc.call("eth_call", request, "latest")
    return desk.decode(refused.value.data)


def test_constructor__bad_arguments__are_refused(desk: Desk, owner: Any, receiver: Any) -> None:
    zero = "0x" + "00" * 20
    tokens = [desk.base, desk.quote]
    sound = (desk, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS)
    assert _deploy_refusal(desk, zero, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, tokens) == ("ZeroAddress",)
    assert _deploy_refusal(desk, owner, receiver, ONEINCH_ROUTER, ZERO_ADDRESS, tokens) == (
        "NoCode",
        lower(receiver),
    )
    assert _deploy_refusal(desk, owner, WETH, zero, ZERO_ADDRESS, tokens) == ("NoCode", zero)
    assert _deploy_refusal(*sound, [receiver]) == (
        "NoCode",
        lower(receiver),
    )
    assert _deploy_refusal(*sound, [zero]) == ("NoCode", zero)
    assert _deploy_refusal(*sound, [*tokens, desk.base]) == (
        "BadCoreTokens",
        2,
    )
    assert _deploy_refusal(*sound, [desk.base] * 9) == (
        "BadCoreTokens",
        9,
    )


def test_constructor__sound_arguments__are_shown(
    desk: Desk, owner: Any, guardian: Any, operator: Any
) -> None:
    shown = desk.settlement
    assert (shown.owner(), shown.guardian(), shown.operator()) == (owner, guardian, operator)
    assert (shown.weth(), shown.oneInchRouter(), shown.maxExpiry()) == (WETH, ONEINCH_ROUTER, HORIZON_S)
    assert shown.coreTokens() == [desk.base, desk.quote, WETH]
    assert shown.policyWord() == HORIZON_S << 224 | 0b11111000 << 240
    assert shown.hedger() == HEDGER_PLACE
    assert [shown.routerHooks(), shown.lendingAccount(), shown.takerPortal()] == [ZERO] * 3


def test_runtime_code__size__is_within_the_limit_of_a_contract(desk: Desk) -> None:
    """EIP-170."""
    size = len(bytes.fromhex(desk.rpc.call("eth_getCode", desk.settlement.address, "latest")[2:]))
    assert size <= 24_576
