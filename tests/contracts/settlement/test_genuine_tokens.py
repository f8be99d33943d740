"""Fills with the code of USDT, DAI, WBTC and stETH as it stands on mainnet. Needs PMM_DATA_DIR."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from tests.contracts.settlement.conftest import PROFIT
from tests.contracts.settlement.desk import (
    MAKING,
    TAKING,
    Desk,
    RawOrder,
    args_traits,
    decode_error,
    extension_of,
    word,
)
from tests.contracts.settlement.feeds import Feeds
from tests.contracts.settlement.genuine import Genuine, placed

HELD = 10**13
MOVED = 2_000_000
UNLIMITED = 2**256 - 1
FEE_BPS = 10
FEE = MOVED * FEE_BPS // 10_000
FEE_CAP = 10**9


@pytest.fixture(params=["USDT", "DAI", "WBTC"])
def token(request: Any, rpc: JsonRpc, desk: Desk) -> Iterator[Genuine]:
    """A genuine token that is registered, held by settlement and taker, and approved by the taker."""
    yield from _token(request.param, rpc, desk)


@pytest.fixture
def usdt(rpc: JsonRpc, desk: Desk) -> Iterator[Genuine]:
    yield from _token("USDT", rpc, desk)


def _token(name: str, rpc: JsonRpc, desk: Desk) -> Iterator[Genuine]:
    with placed(rpc, name) as found:
        desk.settlement.registerToken(found.address, sender=desk.owner)
        for holder in (desk.settlement, desk.taker):
            found.give(holder, HELD)
        assert found.send("approve(address,uint256)", desk.settlement.address, 0, sender=desk.taker)
        assert found.send("approve(address,uint256)", desk.settlement.address, UNLIMITED, sender=desk.taker)
        yield found


def _sold(desk: Desk, token: Genuine, **changes: Any) -> RawOrder:
    """The token for quote."""
    return desk.order(maker_asset=word(token.address), making_amount=MOVED, **changes)


def _bought(desk: Desk, token: Genuine, **changes: Any) -> RawOrder:
    """Base for the token."""
    return desk.order(taker_asset=word(token.address), taking_amount=MOVED, **changes)


def _changes(token: Genuine, desk: Desk) -> tuple[int, int]:
    return token.balance(desk.settlement) - HELD, token.balance(desk.taker) - HELD


@pytest.mark.parametrize("args", [None, b""])
def test_genuine_token__as_maker_asset__moves_exactly(desk: Desk, token: Genuine, args: bytes | None) -> None:
    before = desk.balances(desk.settlement, desk.taker)
    receipt = desk.fill(_sold(desk, token), args=args)
    assert _changes(token, desk) == (-MOVED, MOVED)
    after = desk.balances(desk.settlement, desk.taker)
    assert [now[1] - then[1] for then, now in zip(before, after, strict=True)] == [TAKING, -TAKING]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (word(event.makerAsset), event.makingAmount) == (word(token.address), MOVED)
    assert (event.takerAsset, event.takingAmount) == (desk.quote, TAKING)


@pytest.mark.parametrize("args", [None, b""])
def test_genuine_token__as_taker_asset__moves_exactly(desk: Desk, token: Genuine, args: bytes | None) -> None:
    before = desk.balances(desk.settlement, desk.taker)
    receipt = desk.fill(_bought(desk, token), args=args)
    assert _changes(token, desk) == (MOVED, -MOVED)
    after = desk.balances(desk.settlement, desk.taker)
    assert [now[0] - then[0] for then, now in zip(before, after, strict=True)] == [-MAKING, MAKING]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (event.makerAsset, event.makingAmount) == (desk.base, MAKING)
    assert (word(event.takerAsset), event.takingAmount) == (word(token.address), MOVED)


def test_genuine_token__too_little_held__is_refused_on_both_sides(desk: Desk, token: Genuine) -> None:
    token.give(desk.settlement, MOVED - 1)
    assert desk.fill_refusal(_sold(desk, token))[:2] == ("TokenCallFailed", token.address)
    token.give(desk.taker, MOVED - 1)
    assert desk.fill_refusal(_bought(desk, token))[:2] == ("TokenCallFailed", token.address)
    token.give(desk.taker, MOVED)
    assert desk.simulate(_bought(desk, token))[1] == MOVED


def test_genuine_token__not_approved__is_refused(desk: Desk, token: Genuine) -> None:
    assert token.send("approve(address,uint256)", desk.settlement.address, 0, sender=desk.taker)
    assert desk.fill_refusal(_bought(desk, token))[:2] == ("TokenCallFailed", token.address)


def test_genuine_token__router_allowance__is_exactly_the_last_one(
    desk: Desk, token: Genuine, owner: Any
) -> None:
    for amount in (5, 7, 0, 9):
        receipt = desk.settlement.setRouterAllowance(token.address, amount, sender=owner)
        assert token.allowance(desk.settlement, ONEINCH_ROUTER) == amount
        (event,) = receipt.decode_logs(desk.settlement.RouterAllowanceSet)
        assert (word(event.token), event.amount) == (word(token.address), amount)


def test_genuine_token__withdrawn__leaves_exactly(desk: Desk, token: Genuine, receiver: Any) -> None:
    before = token.balance(receiver)
    desk.settlement.withdraw(token.address, receiver, MOVED, sender=desk.owner)
    assert (token.balance(desk.settlement), token.balance(receiver) - before) == (HELD - MOVED, MOVED)


def test_genuine_token__decimals__are_read_for_its_feed(desk: Desk, token: Genuine, feeds: Feeds) -> None:
    decimals = token.view("decimals()")
    desk.settlement.setFeed(token.address, feeds.base, 3_600, sender=desk.owner)
    assert int(desk.settlement.priceWord(token.address)) >> 184 & 0xFF == decimals + 8
    worth = desk.settlement.fairTakingAmount(token.address, desk.base, 10**decimals)
    assert worth == 10**18


# ---------------------------------------------------------------- USDT's own rules


def test_usdt__change_of_an_allowance__is_refused_by_the_token_itself(desk: Desk, usdt: Genuine) -> None:
    """Which setRouterAllowance goes around by way of zero."""
    assert not usdt.send("approve(address,uint256)", desk.settlement.address, 5, sender=desk.taker)
    assert usdt.allowance(desk.taker, desk.settlement) == UNLIMITED


@pytest.fixture
def charging(usdt: Genuine) -> Genuine:
    """USDT with a fee of 10 bps, as its owner may set."""
    usdt.set_word("basisPointsRate()", FEE_BPS)
    usdt.set_word("maximumFee()", FEE_CAP)
    return usdt


def test_usdt__with_a_fee__brings_less_than_signed(desk: Desk, charging: Genuine) -> None:
    """What contracts/README.md warns of: the amounts of a fill from inventory are trusted, not measured."""
    receipt = desk.fill(_bought(desk, charging))
    assert _changes(charging, desk) == (MOVED - FEE, -MOVED)
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert event.takingAmount == MOVED


def test_usdt__with_a_fee__delivers_less_to_the_taker_and_costs_no_more(
    desk: Desk, charging: Genuine
) -> None:
    desk.fill(_sold(desk, charging))
    assert _changes(charging, desk) == (-MOVED, MOVED - FEE)


def test_usdt__with_a_fee__takes_its_share_of_a_funded_fill_from_the_inventory(
    desk: Desk, charging: Genuine, honest: Any
) -> None:
    """From this hedger, who does not mind being paid less. A pool does, and reverts."""
    extension = extension_of(plan=2 << 248 | PROFIT)
    order = desk.with_extension(extension, taker_asset=word(charging.address), taking_amount=MOVED)
    how: dict[str, Any] = {"taker_traits": args_traits(extension=extension), "args": extension}
    desk.fill(order, function="fillOrderFunded", **how)
    assert _changes(charging, desk) == (PROFIT - FEE, -MOVED)


def test_usdt__with_a_fee_and_unregistered__is_refused(desk: Desk, charging: Genuine, guardian: Any) -> None:
    desk.settlement.unregisterToken(charging.address, sender=guardian)
    refusal = ("UnregisteredToken", word(charging.address))
    assert desk.fill_refusal(_bought(desk, charging)) == refusal
    assert desk.fill_refusal(_sold(desk, charging)) == refusal


def test_dai__its_reason__is_passed_on(rpc: JsonRpc, desk: Desk) -> None:
    with placed(rpc, "DAI") as dai:
        desk.settlement.registerToken(dai.address, sender=desk.owner)
        dai.give(desk.settlement, MOVED - 1)
        name, _, reason = desk.fill_refusal(_sold(desk, dai))
        assert (name, decode_error(reason)) == ("TokenCallFailed", ("Error", "Dai/insufficient-balance"))


# ---------------------------------------------------------------- a proxy without what stands behind it


def test_steth__proxy_without_its_implementation__moves_nothing(rpc: JsonRpc, desk: Desk, owner: Any) -> None:
    """Only the proxy's code is at hand. Registration sees code; every transfer is refused, in either leg."""
    with placed(rpc, "stETH") as steth:
        desk.settlement.registerToken(steth.address, sender=owner)
        assert desk.settlement.isRegistered(steth.address)
        refusal = ("TokenCallFailed", steth.address, b"")
        assert desk.fill_refusal(_sold(desk, steth)) == refusal
        assert desk.fill_refusal(_bought(desk, steth)) == refusal
        allow = desk.settlement.setRouterAllowance
        assert desk.refusal(allow, steth.address, 5, sender=owner) == ("",)
        assert desk.refusal(desk.settlement.withdraw, steth.address, owner, 1, sender=owner) == refusal
